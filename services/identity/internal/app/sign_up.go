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
	signUpByOAuth    signUpMethod = "oauth"
)

// registration is somebody who becomes a user, with what they sign in with.
type registration struct {
	method signUpMethod
	// email is normalised; nil when there is none.
	email *domain.PrimaryEmail
	// displayName and profileImageURL are nil when unknown.
	displayName, profileImageURL *string
	// external is the account that the user signs in with; nil when there is
	// none.
	external *externalSignIn
	// password is nil when the user gets none.
	password *secret.Secret
	// countryCode is nil when unknown.
	countryCode  *string
	verification verificationMail
	bot          botVerdict
}

// policyInput is what the project's sign-up policy sees of the registration.
func (r *registration) policyInput() signUp {
	input := signUp{Method: r.method, CountryCode: deref(r.countryCode)}
	if r.email != nil {
		input.Email = r.email.Value
	}
	if r.external != nil {
		input.OAuthProvider = r.external.provider.configID
	}
	return input
}

// link links the account that the user signs in with, if any.
func (r *registration) link(ctx context.Context, tx Tx, user *domain.User) error {
	if r.external == nil {
		return nil
	}
	connection := r.external.connection(user.Tenant, user.ID)
	user.OAuthAccounts = append(user.OAuthAccounts, connection.OAuthAccount)
	return r.external.link(ctx, tx, connection)
}

// newcomer is somebody who became a user.
type newcomer struct {
	user *domain.User
	// given is what they start with; empty for an upgraded user.
	given Provision
}

// register creates a user, or makes the signed-in anonymous one a normal user,
// and opens a session (auth.md §4.1). Whether the project lets anybody sign up
// is checked before, where each flow has it. It fails with SIGN_UP_REJECTED and
// USER_EMAIL_ALREADY_EXISTS. When sessions cannot be reached the user exists
// nevertheless, and may sign in.
func (a *App) register(ctx context.Context, req request, r registration) (*SignedIn, error) {
	made, err := a.becomeUser(ctx, req, r)
	if err != nil {
		return nil, err
	}
	return a.firstSignIn(ctx, req, made.user, made.given)
}

// becomeUser is register without the session.
func (a *App) becomeUser(ctx context.Context, req request, r registration) (newcomer, error) {
	admitted, err := a.admitNew(ctx, req, r)
	if err != nil {
		return newcomer{}, err
	}
	if r.verification.CallbackURL != "" {
		may, err := a.mayMail(ctx, req.tenant, signUpMail, r.email.Value)
		if err != nil {
			return newcomer{}, err
		}
		if !may {
			r.verification.CallbackURL = ""
		}
	}
	// Hashing takes long and comes before any transaction, which would hold a
	// connection meanwhile.
	var hash *string
	if r.password != nil {
		text, err := a.hasher.Hash(ctx, *r.password)
		if err != nil {
			return newcomer{}, err
		}
		hash = &text
	}
	// A token that is not of an anonymous user cannot belong to one now: users
	// never become anonymous.
	if req.Anonymous {
		upgraded, err := a.upgrade(ctx, req, r, admitted, hash)
		if !errors.Is(err, errNotAnonymous) {
			return newcomer{user: upgraded}, err
		}
	}

	user := newUser(req.tenant)
	user.PrimaryEmail = r.email
	user.DisplayName, user.ProfileImageURL = r.displayName, r.profileImageURL
	user.HasPassword = hash != nil
	user.OTPAuthEnabled = r.method == signUpByOTP
	user.CountryCode = r.countryCode
	admitted.applyTo(&user)
	given := provision(req.config, &user)
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		user.OAuthAccounts = nil
		if err := tx.CreateUser(ctx, &user, hash); err != nil {
			return err
		}
		if err := r.link(ctx, tx, &user); err != nil {
			return err
		}
		if err := tx.Emit(ctx, UserCreated{User: view(&user, nil, req.config), Provision: given}); err != nil {
			return err
		}
		return r.verification.send(ctx, tx, user.Tenant, user.ID)
	})
	if err != nil {
		return newcomer{}, err
	}
	return newcomer{user: &user, given: given}, nil
}

// admitNew lets in whoever passed as a person and is welcome in the project.
func (a *App) admitNew(ctx context.Context, req request, r registration) (admission, error) {
	if err := r.bot.newUser(); err != nil {
		return admission{}, err
	}
	return a.admit(ctx, req, r.policyInput())
}

// errNotAnonymous says that there is no anonymous user to upgrade.
var errNotAnonymous = errors.New("the signed-in user is not anonymous")

// upgrade makes the signed-in anonymous user a normal one. With a password
// their old sessions end.
func (a *App) upgrade(ctx context.Context, req request, r registration, admitted admission, hash *string) (*domain.User, error) {
	naming := TeamNaming{DisplayName: deref(r.displayName), PrimaryEmail: r.policyInput().Email}
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
			if err := r.applyProfile(ctx, tx, user); err != nil {
				return UserRow{}, err
			}
			if err := r.link(ctx, tx, user); err != nil {
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
		naming:          naming,
		passwordChanged: hash != nil,
	})
	if apierr.HasCode(err, apierr.CodeUserNotFound) {
		return nil, errNotAnonymous
	}
	if err != nil {
		return nil, err
	}
	a.tell(ctx, "rename the personal team of an upgraded user", func(ctx context.Context) error {
		return a.teams.RenamePersonalTeams(ctx, req.tenant, req.UserID, naming.DisplayName, naming.PrimaryEmail)
	})
	return &upgraded.User, nil
}

// applyProfile gives an upgraded user the address, name and picture they sign
// up with. What they do not bring stays as it was.
func (r *registration) applyProfile(ctx context.Context, tx Tx, user *domain.User) error {
	if r.displayName != nil {
		user.DisplayName = r.displayName
	}
	if r.profileImageURL != nil {
		user.ProfileImageURL = r.profileImageURL
		if err := tx.DeleteProfileImages(ctx, user.Tenant, user.ID); err != nil {
			return err
		}
	}
	if r.email == nil {
		return nil
	}
	return putPrimaryEmail(ctx, tx, user, PrimaryEmailPut{
		Value: r.email.Value, UsedForAuth: r.email.UsedForAuth, Verified: patch.Value(r.email.IsVerified),
	})
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
