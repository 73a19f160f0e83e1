package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain"
)

// SendPrimaryEmailVerificationCode mails the signed-in user a link that proves
// their primary address, which they have to name (users.md §3.3, deprecated).
func (a *App) SendPrimaryEmailVerificationCode(ctx context.Context, email, callbackURL string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if !req.SignedIn() {
		return errSignedInUserRequired()
	}
	user, err := a.store.User(ctx, req.tenant, req.UserID)
	switch {
	case err != nil:
		return err
	case user == nil:
		return errSignedInUserRequired()
	case user.Email() != domain.NormalizeEmail(email):
		return apierr.EmailIsNotPrimaryEmail(domain.NormalizeEmail(email), user.Email())
	case user.EmailVerified():
		return apierr.EmailAlreadyVerified()
	case !req.config.TrustedURL(callbackURL, false):
		return apierr.RedirectURLNotWhitelisted(callbackURL)
	}
	mail := verificationMail{Email: user.Email(), Recipient: user.Email(), CallbackURL: callbackURL, Requested: true}
	may, err := a.mayMail(ctx, req.tenant, CodeEmailVerification, mail.Email)
	if err != nil || !may {
		return err
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		return mail.send(ctx, tx, req.tenant, req.UserID)
	})
}
