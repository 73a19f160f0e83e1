package app

import (
	"context"
	"errors"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/domain"
)

// PasswordSignUp is what somebody signs up with.
type PasswordSignUp struct {
	// Email is as typed.
	Email    string
	Password secret.Secret
	// VerificationCallbackURL is empty when no mail is wanted.
	VerificationCallbackURL string
}

// SignUpWithPassword creates a user, or makes the signed-in anonymous one a
// normal user, and opens a session (auth.md §4.1, §6.1). When sessions cannot
// be reached the user exists nevertheless, and may sign in.
func (a *App) SignUpWithPassword(ctx context.Context, in PasswordSignUp) (*SignedIn, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case !req.config.Auth.Password.AllowSignIn:
		return nil, apierr.PasswordAuthenticationNotEnabled()
	case in.VerificationCallbackURL != "" && !req.config.TrustedURL(in.VerificationCallbackURL, false):
		return nil, apierr.RedirectURLNotWhitelisted(in.VerificationCallbackURL)
	case !req.config.Auth.AllowSignUp:
		return nil, apierr.SignUpNotEnabled()
	}
	if err := domain.CheckNewPassword(string(in.Password)); err != nil {
		return nil, err
	}
	email := domain.NormalizeEmail(in.Email)
	country := countryOf(ctx)
	if err := admit(req.config, signUp{Email: email, Method: signUpByPassword, CountryCode: deref(country)}); err != nil {
		return nil, err
	}
	// Hashing takes long and comes before any transaction, which would hold a
	// connection meanwhile.
	hash, err := a.hasher.Hash(ctx, in.Password)
	if err != nil {
		return nil, err
	}
	verification := verificationMail{Email: email, Recipient: in.Email, CallbackURL: in.VerificationCallbackURL}
	// A token that is not of an anonymous user cannot belong to one now: users
	// never become anonymous.
	if req.Anonymous {
		signedIn, err := a.upgradeWithPassword(ctx, req, hash, country, verification)
		if !errors.Is(err, errNotAnonymous) {
			return signedIn, err
		}
	}

	user := newUser(req.tenant)
	user.PrimaryEmail = &domain.PrimaryEmail{Value: email, UsedForAuth: true}
	user.HasPassword = true
	user.CountryCode = country
	team := personalTeam(req.config, &user)
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.CreateUser(ctx, &user, &hash); err != nil {
			return err
		}
		if err := tx.Emit(ctx, UserCreated{User: view(&user, nil, req.config), PersonalTeam: team}); err != nil {
			return err
		}
		return verification.send(ctx, tx, user.Tenant, user.ID)
	})
	if err != nil {
		return nil, err
	}
	return a.firstSignIn(ctx, req, &user, team)
}

// errNotAnonymous says that there is no anonymous user to upgrade.
var errNotAnonymous = errors.New("the signed-in user is not anonymous")

// upgradeWithPassword makes the signed-in anonymous user a normal one who signs
// in with the address and the password. Their old sessions end.
func (a *App) upgradeWithPassword(ctx context.Context, req request, hash string, country *string, verification verificationMail) (*SignedIn, error) {
	upgraded, err := a.changeUser(ctx, req, req.UserID, userChange{
		apply: func(ctx context.Context, tx Tx, user *domain.User) (UserRow, error) {
			if !user.IsAnonymous {
				return UserRow{}, errNotAnonymous
			}
			user.IsAnonymous = false
			if user.CountryCode == nil {
				user.CountryCode = country
			}
			if err := putPrimaryEmail(ctx, tx, user, PrimaryEmailPut{
				Value: verification.Email, UsedForAuth: true, Verified: patch.Value(false),
			}); err != nil {
				return UserRow{}, err
			}
			if err := tx.SetPassword(ctx, user.Tenant, user.ID, hash); err != nil {
				return UserRow{}, err
			}
			user.HasPassword = true
			return UserRow{SignedUpNow: true}, verification.send(ctx, tx, user.Tenant, user.ID)
		},
		passwordChanged: true,
	})
	if apierr.HasCode(err, apierr.CodeUserNotFound) {
		return nil, errNotAnonymous
	}
	if err != nil {
		return nil, err
	}
	a.tell(ctx, "rename the personal team of an upgraded user", func(ctx context.Context) error {
		return a.teams.RenamePersonalTeams(ctx, req.tenant, req.UserID, "", verification.Email)
	})
	return a.signIn(ctx, req, &upgraded.User, true)
}

// countryOf returns where the request comes from; nil when unknown.
func countryOf(ctx context.Context) *string {
	return domain.NilIfEmpty(new(principal.RequestFromContext(ctx).Country))
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
