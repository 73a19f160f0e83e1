package app

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/identity/internal/domain"
)

const (
	// otpTTL is how long a code to sign in with works (auth.md §12).
	otpTTL = 7 * 24 * time.Hour
	// otpTyped is how many characters of the code a person types; the nonce
	// follows.
	otpTyped = 6
	// otpAnswerTime is how long the answer to a request for a code takes,
	// which is the same whether or not the address has a user: far longer than
	// the work, and nothing beside the way of the mail.
	otpAnswerTime = 100 * time.Millisecond
)

// OTPSignInCode asks for a mail to sign in with.
type OTPSignInCode struct {
	// Email is as typed.
	Email string
	// CallbackURL is the page that receives the code.
	CallbackURL string
	Challenge   BotChallenge
}

// otpSignIn is what the code of such a mail remembers.
type otpSignIn struct {
	// Email is as typed.
	Email string `json:"email"`
	// CountryCode is where the code was asked for; null when unknown.
	CountryCode *string `json:"country_code"`
	// NoNewUser says that whoever asked did not pass as a person: a user may
	// sign in, nobody may become one.
	NoNewUser bool `json:"no_new_user,omitempty"`
}

// SendOTPSignInCode mails a link and six characters to sign in with to the
// address, and returns the nonce that belongs to the typed characters
// (auth.md §6.7). Whether the address has a user does not show in the time of the
// answer.
func (a *App) SendOTPSignInCode(ctx context.Context, in OTPSignInCode) (nonce string, err error) {
	answerAt := a.clock.Now().Add(otpAnswerTime)
	if nonce, err = a.sendOTPSignInCode(ctx, in); err != nil {
		return "", err
	}
	return nonce, a.pause(ctx, answerAt.Sub(a.clock.Now()))
}

func (a *App) sendOTPSignInCode(ctx context.Context, in OTPSignInCode) (nonce string, err error) {
	req, err := a.request(ctx)
	if err != nil {
		return "", err
	}
	if !req.config.Auth.OTP.AllowSignIn {
		return "", errSignInByMailNotEnabled()
	}
	owner, err := a.otpOwner(ctx, req, in.Email)
	if err != nil {
		return "", err
	}
	bot, err := a.challenge(ctx, in.Challenge, BotActionOTPSend)
	if err != nil {
		return "", err
	}
	if !req.config.TrustedURL(in.CallbackURL, false) {
		return "", apierr.RedirectURLNotWhitelisted(in.CallbackURL)
	}
	may, err := a.mayMail(ctx, req.tenant, CodeOTP, in.Email)
	if err != nil {
		return "", err
	}
	if !may {
		// Looks like that of a code.
		return ids.Secret()[otpTyped:], nil
	}
	payload, err := json.Marshal(otpSignIn{Email: in.Email, CountryCode: countryOf(ctx), NoNewUser: bot.noNewUser})
	if err != nil {
		return "", err
	}
	var code string
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		if err := enableOTP(ctx, tx, owner); err != nil {
			return err
		}
		code, err = tx.IssueCode(ctx, NewCode{Tenant: req.tenant, Kind: CodeOTP, Payload: payload, TTL: otpTTL})
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
			Template:                "magic_link",
			Emails:                  []string{in.Email},
			Variables:               map[string]string{"magicLink": link, "otp": strings.ToUpper(code[:otpTyped])},
			SkipDeliverabilityCheck: true,
		})
	})
	if err != nil {
		return "", err
	}
	return code[otpTyped:], nil
}

// otpOwner reads who signs in by mail with the address; nil when they would
// sign up. It fails when neither is allowed.
func (a *App) otpOwner(ctx context.Context, req request, email string) (*EmailOwner, error) {
	owner, err := a.store.EmailOwner(ctx, req.tenant, email)
	switch {
	case err != nil:
		return nil, err
	case owner == nil && !req.config.Auth.AllowSignUp:
		return nil, apierr.SignUpNotEnabled()
	case owner != nil && !owner.IsVerified:
		// Whoever reads the mail may not be who chose the address.
		return nil, apierr.UserEmailAlreadyExists(domain.NormalizeEmail(email), true)
	}
	return owner, nil
}

// enableOTP adds sign-in by mail to the methods of a user who lacks it.
func enableOTP(ctx context.Context, tx Tx, owner *EmailOwner) error {
	if owner == nil || owner.User.OTPAuthEnabled {
		return nil
	}
	return tx.EnableOTP(ctx, owner.User.Tenant, owner.User.ID)
}

func errSignInByMailNotEnabled() error {
	return apierr.Text(http.StatusForbidden, "Sign-in by mail is not enabled for this project.")
}
