package app

import (
	"context"
	"encoding/json"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
)

const (
	// passwordResetTTL is how long a reset link works (auth.md §12).
	passwordResetTTL = 7 * 24 * time.Hour
	// passwordResetAnswerTime is how long the answer to a request for a reset
	// link takes, which is the same whoever the address belongs to
	// (auth.md §6.5).
	passwordResetAnswerTime = 2500 * time.Millisecond
)

// PasswordResetCode asks for a mail with which a password can be replaced.
type PasswordResetCode struct {
	// Email is as typed.
	Email string
	// CallbackURL is the page that receives the code.
	CallbackURL string
}

// passwordReset is what the code of a reset mail remembers.
type passwordReset struct {
	UserID string `json:"user_id"`
	// Email is the address that the code was mailed to, as typed.
	Email string `json:"email"`
	// PasswordChangedAt is nil for a user without password.
	PasswordChangedAt *time.Time `json:"password_changed_at"`
}

// SendPasswordResetCode mails the user who signs in with the address a link
// with which they choose a new password (auth.md §6.5). Whether there is such a
// user shows neither in the outcome nor in its time: every answer comes the
// same while after its request, in which nothing is held but the request
// itself.
func (a *App) SendPasswordResetCode(ctx context.Context, in PasswordResetCode) error {
	answerAt := a.clock.Now().Add(passwordResetAnswerTime)
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	switch {
	case !req.config.Auth.Password.AllowSignIn:
		return apierr.PasswordAuthenticationNotEnabled()
	case !req.config.TrustedURL(in.CallbackURL, false):
		return apierr.RedirectURLNotWhitelisted(in.CallbackURL)
	}
	if err := a.mailPasswordReset(ctx, req, in); err != nil {
		return err
	}
	return a.pause(ctx, answerAt.Sub(a.clock.Now()))
}

// mailPasswordReset sends the mail if the address has a user.
func (a *App) mailPasswordReset(ctx context.Context, req request, in PasswordResetCode) error {
	may, err := a.mayMail(ctx, req.tenant, CodePasswordReset, in.Email)
	if err != nil {
		return err
	}
	owner, err := a.store.EmailOwner(ctx, req.tenant, in.Email)
	if err != nil || owner == nil || !may {
		return err
	}
	payload, err := json.Marshal(passwordReset{UserID: owner.User.ID, Email: in.Email, PasswordChangedAt: owner.Credential.KnownSince()})
	if err != nil {
		return err
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		code, err := tx.IssueCode(ctx, NewCode{Tenant: req.tenant, Kind: CodePasswordReset, Payload: payload, TTL: passwordResetTTL})
		if err != nil {
			return err
		}
		link, err := projectconfig.LinkWithCode(in.CallbackURL, code)
		if err != nil {
			return err
		}
		return tx.EnqueueMail(ctx, Mail{
			ID:                      ids.NewUUID(),
			Tenant:                  req.tenant,
			Template:                "password_reset",
			UserID:                  owner.User.ID,
			Emails:                  []string{in.Email},
			Variables:               map[string]string{"passwordResetLink": link},
			SkipDeliverabilityCheck: true,
		})
	})
}
