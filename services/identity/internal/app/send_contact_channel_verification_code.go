package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
)

// ContactChannelVerification asks for a mail that proves an address.
type ContactChannelVerification struct {
	UserID, ChannelID string
	// CallbackURL is the page that receives the code.
	CallbackURL string
}

// SendContactChannelVerificationCode mails a link that proves that the address
// belongs to the user (users.md §3.3).
func (a *App) SendContactChannelVerificationCode(ctx context.Context, in ContactChannelVerification) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if req.isClient() {
		switch {
		case !req.SignedIn():
			return apierr.CannotGetOwnUserWithoutUser()
		case in.UserID != req.UserID:
			return apierr.Text(http.StatusBadRequest, "Clients may verify the contact channels of their own user only.")
		}
	}
	channel, userExists, err := a.store.ContactChannel(ctx, req.tenant, in.UserID, in.ChannelID)
	switch {
	case err != nil:
		return err
	case !userExists && req.isClient():
		return apierr.CannotGetOwnUserWithoutUser()
	case !userExists:
		return apierr.UserIDDoesNotExist(in.UserID)
	case channel == nil:
		return apierr.Text(http.StatusNotFound, "The user has no such contact channel.")
	case channel.IsVerified:
		return apierr.EmailAlreadyVerified()
	case !req.config.TrustedURL(in.CallbackURL, false):
		return apierr.RedirectURLNotWhitelisted(in.CallbackURL)
	}
	mail := verificationMail{Email: channel.Value, Recipient: channel.Value, CallbackURL: in.CallbackURL, Requested: true}
	may, err := a.mayMail(ctx, req.tenant, CodeEmailVerification, mail.Email)
	if err != nil || !may {
		return err
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		return mail.send(ctx, tx, req.tenant, in.UserID)
	})
}
