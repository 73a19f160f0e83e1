package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/identity/internal/domain"
)

// UserCreation is what a user begins with (users.md §1.2). Fields of the patch
// that a new user cannot have, the selected team and the passkey, have no
// effect.
type UserCreation struct {
	UserPatch

	// OAuthAccounts are accounts the user signs in with.
	OAuthAccounts []domain.OAuthAccount
}

// CreateUser creates a user on behalf of the project's backend (users.md §2.4).
// Neither the switch for sign-up nor the rules for it apply. The answer shows
// the user before their personal team became theirs.
func (a *App) CreateUser(ctx context.Context, creation UserCreation) (*UserView, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	fields := &creation.UserPatch
	if err := checkPasswordFields(fields); err != nil {
		return nil, err
	}
	if !fields.PrimaryEmail.IsSet() && (fields.PrimaryEmailAuthEnabled.Or(false) || fields.PrimaryEmailVerified.Or(false)) {
		return nil, errNoSuchEmail()
	}
	update := userUpdate{request: req, fields: fields}
	if err := a.prepareImage(&update); err != nil {
		return nil, err
	}
	hash, err := a.newPasswordHash(ctx, fields)
	if err != nil {
		return nil, err
	}

	user := creation.user(req)
	user.ProfileImageURL = update.profileImageURL.OrPointer(nil)
	given := provision(req.config, &user)
	var created UserView
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.CreateUser(ctx, &user, hash); err != nil {
			return err
		}
		// Only the insert knows whether the address is free, which the contract
		// wants to be told before the rest.
		if err := creation.check(req.config); err != nil {
			return err
		}
		for _, account := range creation.OAuthAccounts {
			if err := tx.LinkOAuthAccount(ctx, user.Tenant, user.ID, account); err != nil {
				return err
			}
		}
		if key, ok := fields.TOTPSecret.Get(); ok {
			if err := tx.SetTOTPSecret(ctx, user.Tenant, user.ID, a.sealer.Seal(key, totpPlace(user.Tenant, user.ID)...)); err != nil {
				return err
			}
		}
		if update.image != nil {
			if err := tx.SaveProfileImage(ctx, user.Tenant, user.ID, *update.image); err != nil {
				return err
			}
		}
		created = view(&user, nil, req.config)
		return tx.Emit(ctx, UserCreated{User: created, Provision: given})
	})
	if err != nil {
		return nil, err
	}
	a.tellProvision(ctx, &user, given)
	return &created, nil
}

// user returns the user to be created.
func (c *UserCreation) user(req request) domain.User {
	user := newUser(req.tenant)
	c.applyTo(&user)
	// A secret that is imported is not asked for before the user confirms it.
	user.RequiresTOTPMFA = false
	user.IsAnonymous = c.IsAnonymous.Or(false)
	user.OTPAuthEnabled = c.OTPAuthEnabled.Or(false)
	user.HasPassword = c.changesPassword()
	user.OAuthAccounts = c.OAuthAccounts
	if email, ok := c.PrimaryEmail.Get(); ok {
		user.PrimaryEmail = &domain.PrimaryEmail{
			Value:       domain.NormalizeEmail(email),
			IsVerified:  c.PrimaryEmailVerified.Or(false),
			UsedForAuth: c.PrimaryEmailAuthEnabled.Or(false),
		}
	}
	return user
}

// check refuses what the project's configuration does not allow (steps 6 and 8
// to 10).
func (c *UserCreation) check(config *projectconfig.Config) error {
	for _, account := range c.OAuthAccounts {
		if _, ok := config.Auth.OAuth.Providers[account.ProviderConfigID]; !ok {
			return apierr.Text(http.StatusBadRequest, "The project has no OAuth provider "+account.ProviderConfigID+".")
		}
	}
	if c.changesPassword() && !config.Auth.Password.AllowSignIn {
		return errPasswordsNotEnabled()
	}
	if c.OTPAuthEnabled.Or(false) && !config.Auth.OTP.AllowSignIn {
		return errOTPNotEnabled()
	}
	for _, id := range config.RBAC.DefaultPermissions.SignUp.Sorted() {
		if config.RBAC.Permissions[id].Scope != projectconfig.ScopeProject {
			return apierr.PermissionNotFound(id)
		}
	}
	return nil
}
