package app

import (
	"context"
	"errors"
	"sync"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/domain"
)

// signUpMethod says how somebody proves who they are when they sign up.
type signUpMethod string

const (
	signUpByPassword signUpMethod = "password"
	signUpByOTP      signUpMethod = "otp"
)

// registration is somebody who becomes a user, with what they sign in with.
type registration struct {
	method signUpMethod
	// email is normalised.
	email domain.PrimaryEmail
	// password is nil when the user gets none.
	password *secret.Secret
	// countryCode is nil when unknown.
	countryCode  *string
	verification verificationMail
}

// register creates a user, or makes the signed-in anonymous one a normal user,
// and opens a session (auth.md §4.1). Whether the project lets anybody sign up
// is checked before, where each flow has it. It fails with SIGN_UP_REJECTED and
// USER_EMAIL_ALREADY_EXISTS. When sessions cannot be reached the user exists
// nevertheless, and may sign in.
func (a *App) register(ctx context.Context, req request, r registration) (*SignedIn, error) {
	admitted, err := a.admit(ctx, req, signUp{Email: r.email.Value, Method: r.method, CountryCode: deref(r.countryCode)})
	if err != nil {
		return nil, err
	}
	// Hashing takes long and comes before any transaction, which would hold a
	// connection meanwhile.
	var hash *string
	if r.password != nil {
		text, err := a.hasher.Hash(ctx, *r.password)
		if err != nil {
			return nil, err
		}
		hash = &text
	}
	// A token that is not of an anonymous user cannot belong to one now: users
	// never become anonymous.
	if req.Anonymous {
		signedIn, err := a.upgrade(ctx, req, r, admitted, hash)
		if !errors.Is(err, errNotAnonymous) {
			return signedIn, err
		}
	}

	user := newUser(req.tenant)
	user.PrimaryEmail = &r.email
	user.HasPassword = hash != nil
	user.OTPAuthEnabled = r.method == signUpByOTP
	user.CountryCode = r.countryCode
	admitted.applyTo(&user)
	given := provision(req.config, &user)
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.CreateUser(ctx, &user, hash); err != nil {
			return err
		}
		if err := tx.Emit(ctx, UserCreated{User: view(&user, nil, req.config), Provision: given}); err != nil {
			return err
		}
		return r.verification.send(ctx, tx, user.Tenant, user.ID)
	})
	if err != nil {
		return nil, err
	}
	return a.firstSignIn(ctx, req, &user, given)
}

// errNotAnonymous says that there is no anonymous user to upgrade.
var errNotAnonymous = errors.New("the signed-in user is not anonymous")

// upgrade makes the signed-in anonymous user a normal one. With a password
// their old sessions end.
func (a *App) upgrade(ctx context.Context, req request, r registration, admitted admission, hash *string) (*SignedIn, error) {
	upgraded, err := a.changeUser(ctx, req, req.UserID, userChange{
		apply: func(ctx context.Context, tx Tx, user *domain.User) (UserRow, error) {
			if !user.IsAnonymous {
				return UserRow{}, errNotAnonymous
			}
			user.IsAnonymous = false
			if user.CountryCode == nil {
				user.CountryCode = r.countryCode
			}
			admitted.applyTo(user)
			if err := putPrimaryEmail(ctx, tx, user, PrimaryEmailPut{
				Value: r.email.Value, UsedForAuth: r.email.UsedForAuth, Verified: patch.Value(r.email.IsVerified),
			}); err != nil {
				return UserRow{}, err
			}
			if hash != nil {
				if err := tx.SetPassword(ctx, user.Tenant, user.ID, *hash); err != nil {
					return UserRow{}, err
				}
				user.HasPassword = true
			}
			if r.method == signUpByOTP {
				user.OTPAuthEnabled = true
			}
			return UserRow{SignedUpNow: true}, r.verification.send(ctx, tx, user.Tenant, user.ID)
		},
		passwordChanged: hash != nil,
	})
	if apierr.HasCode(err, apierr.CodeUserNotFound) {
		return nil, errNotAnonymous
	}
	if err != nil {
		return nil, err
	}
	a.tell(ctx, "rename the personal team of an upgraded user", func(ctx context.Context) error {
		return a.teams.RenamePersonalTeams(ctx, req.tenant, req.UserID, "", r.email.Value)
	})
	return a.signIn(ctx, req, arrival{user: &upgraded.User, isNewUser: true})
}

// newUser returns a user with a fresh id.
func newUser(tenant ids.Tenant) domain.User {
	return domain.User{Tenant: tenant, ID: ids.NewUUID()}
}

// provision returns what the user starts with in the teams context, and makes
// their personal team the selected one. Default permissions that are not defined
// are left out.
func provision(config *projectconfig.Config, user *domain.User) Provision {
	defaults := config.RBAC.DefaultPermissions
	given := Provision{
		PermissionIDs: config.RBAC.Defined(projectconfig.ScopeProject, defaults.SignUp),
		ConfigVersion: config.Version,
	}
	if config.Teams.CreatePersonalTeamOnSignUp {
		given.PersonalTeam = &PersonalTeam{
			ID: ids.NewUUID(), DisplayName: user.PersonalTeamName(),
			PermissionIDs: config.RBAC.Defined(projectconfig.ScopeTeam, defaults.TeamCreator),
		}
		user.SelectedTeamID = &given.PersonalTeam.ID
	}
	return given
}

// tellProvision asks teams to give a new user what they start with.
func (a *App) tellProvision(ctx context.Context, user *domain.User, given Provision) {
	if given.Empty() {
		return
	}
	a.tell(ctx, "provision a new user", func(ctx context.Context) error {
		return a.teams.ProvisionUser(ctx, user.Tenant, user.ID, given)
	})
}

// firstSignIn opens the first session of a user who was just created, while
// their personal team comes into being.
func (a *App) firstSignIn(ctx context.Context, req request, user *domain.User, given Provision) (*SignedIn, error) {
	var calls sync.WaitGroup
	calls.Go(func() { a.tellProvision(ctx, user, given) })
	signedIn, err := a.signIn(ctx, req, arrival{user: user, isNewUser: true})
	calls.Wait()
	return signedIn, err
}
