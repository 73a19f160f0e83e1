package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/profileimage"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/domain"
)

// UpdateUser changes any user of the project (users.md §2.6). It fails with
// USER_NOT_FOUND.
func (a *App) UpdateUser(ctx context.Context, userID string, fields UserPatch) (*UserView, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	return a.updateUser(ctx, req, userID, fields)
}

// updateUser applies a patch to a user (users.md §2.6). It fails with
// USER_NOT_FOUND.
func (a *App) updateUser(ctx context.Context, req request, userID string, fields UserPatch) (*UserView, error) {
	if err := checkPasswordFields(&fields); err != nil {
		return nil, err
	}
	update := userUpdate{request: req, fields: &fields}
	if err := a.prepareImage(&update); err != nil {
		return nil, err
	}
	naming := TeamNaming{DisplayName: fields.DisplayName.Or(""), PrimaryEmail: domain.NormalizeEmail(fields.PrimaryEmail.Or(""))}
	change := userChange{apply: update.apply, naming: naming, passwordChanged: fields.changesPassword()}
	if fields.SelectedTeamID.IsSet() {
		change.selects = true
		if teamID, ok := fields.SelectedTeamID.Get(); ok {
			team, err := a.teamToSelect(ctx, req.tenant, teamID, userID)
			if err != nil {
				return nil, err
			}
			change.team = team
		}
	}
	hash, err := a.newPasswordHash(ctx, &fields)
	if err != nil {
		return nil, err
	}
	update.passwordHash = hash
	update.totpSecret = patch.Map(fields.TOTPSecret, func(key []byte) []byte {
		return a.sealer.Seal(key, totpPlace(req.tenant, userID)...)
	})
	updated, err := a.changeUser(ctx, req, userID, change)
	if err == nil && update.upgraded {
		a.tell(ctx, "rename the personal team of an upgraded user", func(ctx context.Context) error {
			return a.teams.RenamePersonalTeams(ctx, req.tenant, userID, naming.DisplayName, naming.PrimaryEmail)
		})
	}
	return updated, err
}

// newPasswordHash returns the hash of the password that the fields set; nil when
// they set none. Hashing takes long and must not happen in a transaction.
func (a *App) newPasswordHash(ctx context.Context, fields *UserPatch) (*string, error) {
	if password, ok := fields.Password.Get(); ok {
		hash, err := a.hasher.Hash(ctx, password)
		return &hash, err
	}
	if hash, ok := fields.PasswordHash.Get(); ok {
		return new(hash.Reveal()), nil
	}
	return nil, nil
}

// totpPlace names where the sealed key of a user's second factor is stored.
func totpPlace(tenant ids.Tenant, userID string) []string {
	return []string{"users.totp_secret", tenant.ProjectID, tenant.BranchID, userID}
}

func checkPasswordFields(fields *UserPatch) error {
	if fields.Password.IsSet() && fields.PasswordHash.IsSet() {
		return apierr.Text(http.StatusBadRequest, "A password and a password hash exclude each other.")
	}
	if hash, ok := fields.PasswordHash.Get(); ok {
		if err := secret.ValidateBcryptHash(hash.Reveal()); err != nil {
			return apierr.Text(http.StatusBadRequest, "The password hash must be bcrypt in modular crypt form with a cost from 4 to 16.")
		}
	}
	if password, ok := fields.Password.Get(); ok {
		return domain.CheckPasswordSize(password.Reveal())
	}
	return nil
}

// teamToSelect reads a team that the user may select.
func (a *App) teamToSelect(ctx context.Context, tenant ids.Tenant, teamID, userID string) (*domain.Team, error) {
	user, err := a.store.User(ctx, tenant, userID)
	if err != nil {
		return nil, err
	}
	if user == nil {
		return nil, apierr.UserNotFound()
	}
	team, err := a.teams.Membership(ctx, tenant, teamID, userID)
	if err != nil {
		return nil, err
	}
	if team == nil {
		return nil, apierr.TeamMembershipNotFound(teamID, userID)
	}
	return team, nil
}

// prepareImage decodes an image that is to be uploaded.
func (a *App) prepareImage(update *userUpdate) error {
	value, ok := update.fields.ProfileImageURL.Get()
	if !ok {
		update.profileImageURL = update.fields.ProfileImageURL
		return nil
	}
	image, err := profileimage.Parse(value)
	if err != nil {
		return err
	}
	if image != nil {
		image.ID = ids.NewUUID()
		update.image = image
		value = a.imageURL(domain.UserProfileImages, image)
	}
	update.profileImageURL = patch.Value(value)
	return nil
}

// userUpdate is a patch with everything worked out that takes long or asks
// somebody else.
type userUpdate struct {
	request

	fields *UserPatch
	// passwordHash is the hash of a new password; nil when there is none.
	passwordHash    *string
	profileImageURL patch.Field[string]
	// image is the image to be uploaded; nil when there is none.
	image *domain.Image
	// totpSecret is sealed.
	totpSecret patch.Field[[]byte]
	// upgraded says that apply found an anonymous user and made them a normal
	// one.
	upgraded bool
}

// apply changes the locked user.
func (u *userUpdate) apply(ctx context.Context, tx Tx, user *domain.User) (UserRow, error) {
	for _, step := range []func(context.Context, Tx, *domain.User) error{
		u.applyEmail, u.applyAuthMethods, u.applyPassword, u.applyImage,
	} {
		if err := step(ctx, tx, user); err != nil {
			return UserRow{}, err
		}
	}
	u.fields.applyTo(user)
	u.upgraded = u.fields.IsAnonymous.IsSet() && user.IsAnonymous
	if u.upgraded {
		user.IsAnonymous = false
	}
	return UserRow{SignedUpNow: u.upgraded, TOTPSecret: u.totpSecret}, nil
}

// applyEmail moves the primary address and its flags (steps 4 to 10). The
// unique indexes decide who else holds an address.
func (u *userUpdate) applyEmail(ctx context.Context, tx Tx, user *domain.User) error {
	email, verified, authEnabled := u.fields.PrimaryEmail, u.fields.PrimaryEmailVerified, u.fields.PrimaryEmailAuthEnabled
	if !email.IsSet() && !verified.IsSet() && !authEnabled.IsSet() {
		return nil
	}
	if email.IsNull() {
		user.PrimaryEmail = nil
		return tx.DemotePrimaryEmail(ctx, user.Tenant, user.ID)
	}
	put := PrimaryEmailPut{UsedForAuth: authEnabled.Or(false), Verified: verified}
	if user.PrimaryEmail != nil {
		put.Value = user.PrimaryEmail.Value
		put.UsedForAuth = authEnabled.Or(user.PrimaryEmail.UsedForAuth)
	}
	if value, ok := email.Get(); ok {
		put.Value = domain.NormalizeEmail(value)
	}
	if put.Value == "" {
		if verified.Or(false) || authEnabled.Or(false) {
			return errNoSuchEmail()
		}
		return nil
	}
	return putPrimaryEmail(ctx, tx, user, put)
}

// applyAuthMethods turns sign-in by mail and by passkey on or off (steps 11 and
// 12).
func (u *userUpdate) applyAuthMethods(ctx context.Context, tx Tx, user *domain.User) error {
	if enabled, ok := u.fields.OTPAuthEnabled.Get(); ok {
		if enabled && !user.OTPAuthEnabled && !u.config.Auth.OTP.AllowSignIn {
			return errOTPNotEnabled()
		}
		user.OTPAuthEnabled = enabled
	}
	if enabled, ok := u.fields.PasskeyAuthEnabled.Get(); ok {
		if enabled {
			return apierr.Text(http.StatusBadRequest, "A passkey cannot be enabled here: it has to be registered.")
		}
		user.HasPasskey = false
		return tx.DeletePasskey(ctx, user.Tenant, user.ID)
	}
	return nil
}

// applyPassword sets, replaces or removes the password (step 13).
func (u *userUpdate) applyPassword(ctx context.Context, tx Tx, user *domain.User) error {
	switch {
	case !u.fields.changesPassword():
		return nil
	case u.passwordHash == nil:
		user.HasPassword = false
		return tx.DeletePassword(ctx, user.Tenant, user.ID)
	case !user.HasPassword && user.PrimaryEmail == nil:
		return apierr.Text(http.StatusBadRequest, "A user without primary e-mail cannot get a password.")
	case !user.HasPassword && !u.config.Auth.Password.AllowSignIn:
		return errPasswordsNotEnabled()
	}
	user.HasPassword = true
	return tx.SetPassword(ctx, user.Tenant, user.ID, *u.passwordHash)
}

// applyImage replaces the picture. Images that were uploaded before go with it.
func (u *userUpdate) applyImage(ctx context.Context, tx Tx, user *domain.User) error {
	if !u.profileImageURL.IsSet() {
		return nil
	}
	user.ProfileImageURL = u.profileImageURL.OrPointer(user.ProfileImageURL)
	if u.image != nil {
		return tx.SaveProfileImage(ctx, user.Tenant, user.ID, *u.image)
	}
	return tx.DeleteProfileImages(ctx, user.Tenant, user.ID)
}

func errNoSuchEmail() error {
	return apierr.Text(http.StatusBadRequest, "An address that does not exist can be neither verified nor used to sign in: set primary_email too.")
}

func errOTPNotEnabled() error {
	return apierr.Text(http.StatusBadRequest, "Sign-in by mail is not enabled for this project.")
}

func errPasswordsNotEnabled() error {
	return apierr.Text(http.StatusBadRequest, "Sign-in with passwords is not enabled for this project.")
}
