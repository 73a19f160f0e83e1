package app

import (
	"context"
	"encoding/json"
	"errors"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/domain"
)

// deferredOAuth is what an account does to the user of the access token that the
// authorization began with, once the code is exchanged. The token may be
// anybody's: a page can send its visitors to a provider with that of a user of its
// own, who would get the accounts of all that consent. Only the browser that began
// has the verifier of the exchange (RFC 7636), so it waits for that.
type deferredOAuth struct {
	UserID           string                 `json:"user_id"`
	ProviderConfigID string                 `json:"provider_config_id"`
	Account          domain.ExternalAccount `json:"account"`
	Tokens           []NewProviderToken     `json:"tokens"`
	// Upgrade is nil for an account that is linked.
	Upgrade *deferredUpgrade `json:"upgrade"`
}

// deferredUpgrade is how an anonymous user is to become a normal one.
type deferredUpgrade struct {
	Email       *domain.PrimaryEmail `json:"email"`
	CountryCode *string              `json:"country_code"`
	Restriction string               `json:"restriction"`
}

// errSettled says that another exchange has done what was deferred.
var errSettled = errors.New("what was deferred has been done")

func (e *externalSignIn) deferFor(user *domain.User, upgrade *deferredUpgrade) *deferredOAuth {
	return &deferredOAuth{
		UserID: user.ID, ProviderConfigID: e.provider.configID, Account: e.account, Tokens: e.tokens, Upgrade: upgrade,
	}
}

// resolveLink checks that the account may be added to the user of the access
// token that the authorization began with (auth.md §9.5), which is done with the
// exchange of the code.
func (a *App) resolveLink(ctx context.Context, req request, e externalSignIn) (resolvedExternal, error) {
	user, err := a.store.User(ctx, req.tenant, req.UserID)
	switch {
	case err != nil:
		return resolvedExternal{}, err
	case user == nil:
		return resolvedExternal{}, apierr.UserNotFound()
	}
	if err := a.checkLink(ctx, req, e, user); err != nil {
		return resolvedExternal{}, err
	}
	return resolvedExternal{user: user, joins: e.deferFor(user, nil)}, nil
}

// checkLink refuses an account that signs in somebody else.
func (a *App) checkLink(ctx context.Context, req request, e externalSignIn, user *domain.User) error {
	owner, err := a.store.OAuthSignInOwner(ctx, req.tenant, e.provider.configID, e.account.ID)
	if err == nil && owner != nil && owner.User.ID != user.ID {
		err = apierr.OAuthConnectionAlreadyConnectedToAnotherUser()
	}
	return err
}

// resolveUpgrade checks that the anonymous user may become a normal one, which
// they do with the exchange of the code. It fails with errNotAnonymous when there
// is none.
func (a *App) resolveUpgrade(ctx context.Context, req request, r registration) (resolvedExternal, error) {
	user, err := a.store.User(ctx, req.tenant, req.UserID)
	switch {
	case err != nil:
		return resolvedExternal{}, err
	case user == nil || !user.IsAnonymous:
		return resolvedExternal{}, errNotAnonymous
	}
	admitted, err := a.admitNew(ctx, req, r)
	if err != nil {
		return resolvedExternal{}, err
	}
	upgrade := &deferredUpgrade{Email: r.email, CountryCode: r.countryCode, Restriction: admitted.restriction}
	return resolvedExternal{user: user, isNewUser: true, joins: r.external.deferFor(user, upgrade)}, nil
}

// deferredKey is what stands for a state where the exchange of a code finds what
// was deferred until then. No state looks like it.
func deferredKey(code string) string { return "code/" + code }

// deferOAuth remembers what is left until the exchange of the code.
func (a *App) deferOAuth(ctx context.Context, tenant ids.Tenant, code string, joins *deferredOAuth) error {
	text, err := json.Marshal(joins)
	if err != nil {
		return err
	}
	key := deferredKey(code)
	sealed := a.sealer.Seal(text, oauthRequestPlace(tenant, key)...)
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		return tx.CreateOAuthAuthorization(ctx, tenant, key, sealed)
	})
}

// settleOAuth does what was left until the exchange of the code, once. Nothing is
// left when the code was not made for that. It fails with
// INVALID_AUTHORIZATION_CODE, or with the known errors of links and sign-ups when
// somebody else was faster.
func (a *App) settleOAuth(ctx context.Context, tenant ids.Tenant, userID, code string) error {
	if code == "" {
		return nil
	}
	key := deferredKey(code)
	pending, err := a.store.OAuthAuthorization(ctx, key)
	switch {
	case err != nil || pending == nil:
		return err
	case pending.HasExpired || pending.Tenant != tenant:
		return apierr.InvalidAuthorizationCode()
	}
	text, err := a.sealer.Open(pending.Request, oauthRequestPlace(tenant, key)...)
	if err != nil {
		return err
	}
	var joins deferredOAuth
	if err := json.Unmarshal(text, &joins); err != nil {
		return err
	}
	if joins.UserID != userID {
		return apierr.InvalidAuthorizationCode()
	}
	config, err := a.configs.Get(ctx, tenant, 0)
	if err != nil {
		return err
	}
	req := request{
		Principal: principal.Principal{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Access: principal.AccessClient, UserID: userID},
		tenant:    tenant, config: config,
	}
	external := externalSignIn{
		provider: &oauthProvider{configID: joins.ProviderConfigID}, account: joins.Account, tokens: joins.Tokens, deferred: key,
	}
	if joins.Upgrade != nil {
		err = a.upgradeExternal(ctx, req, external, joins.Upgrade)
	} else {
		err = a.linkExternal(ctx, req, external)
	}
	if errors.Is(err, errSettled) {
		return nil
	}
	return err
}

// linkExternal adds the account to the user. One who signs in with another account
// of the provider gets it as connected account.
func (a *App) linkExternal(ctx context.Context, req request, e externalSignIn) error {
	err := a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		user, err := tx.LockUser(ctx, req.tenant, req.UserID)
		switch {
		case err != nil:
			return err
		case user == nil:
			return apierr.UserNotFound()
		}
		if err := a.checkLink(ctx, req, e, user); err != nil {
			return err
		}
		own, err := a.store.OAuthConnections(ctx, req.tenant, user.ID)
		if err != nil {
			return err
		}
		connection := e.connection(req.tenant, user.ID)
		for i := range own {
			switch {
			case own[i].ProviderConfigID != connection.ProviderConfigID:
			case own[i].AccountID == connection.AccountID:
				return e.saveTokens(ctx, tx, &own[i])
			case own[i].AllowSignIn:
				connection.AllowSignIn = false
			}
		}
		if err := tx.TouchUser(ctx, req.tenant, user.ID); err != nil {
			return err
		}
		return e.link(ctx, tx, connection)
	})
	if apierr.HasCode(err, apierr.CodeOAuthProviderAccountIDAlreadyUsedForSignIn) {
		return apierr.OAuthConnectionAlreadyConnectedToAnotherUser().WithCause(err)
	}
	return err
}

// upgradeExternal makes the anonymous user a normal one who signs in with the
// account.
func (a *App) upgradeExternal(ctx context.Context, req request, e externalSignIn, upgrade *deferredUpgrade) error {
	_, err := a.upgrade(ctx, req, e.registration(upgrade.Email, upgrade.CountryCode), admission{upgrade.Restriction}, nil)
	switch {
	case errors.Is(err, errNotAnonymous):
		return apierr.InvalidAuthorizationCode().WithCause(err)
	case errors.Is(err, ErrSecondSignIn), errors.Is(err, ErrLinkedAlready):
		return apierr.OAuthConnectionAlreadyConnectedToAnotherUser().WithCause(err)
	}
	return err
}
