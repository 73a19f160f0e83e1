package app

import (
	"context"
	"errors"
	"maps"
	"slices"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/secret"
)

// appleProvider is the key of the provider whose bundles native apps belong to.
const appleProvider = "apple"

// SignInWithApple opens a session for the user of an identity token that a
// native app got from Apple (auth.md §9.7). A signed-in anonymous user is left
// behind.
func (a *App) SignInWithApple(ctx context.Context, identityToken secret.Secret) (*SignedIn, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	configured, ok := req.config.Auth.OAuth.Providers[appleProvider]
	if !ok || configured.Type != appleProvider || !configured.AllowSignIn {
		return nil, apierr.OAuthProviderNotFoundOrNotEnabled()
	}
	var bundleIDs []string
	for _, id := range slices.Sorted(maps.Keys(configured.AppleBundles)) {
		if bundleID := configured.AppleBundles[id].BundleID; bundleID != "" {
			bundleIDs = append(bundleIDs, bundleID)
		}
	}
	if len(bundleIDs) == 0 {
		return nil, apierr.AppleBundleIDNotConfigured()
	}
	account, err := a.oauth.VerifyAppleToken(ctx, identityToken, bundleIDs)
	if err != nil {
		return nil, err
	}
	req.UserID, req.Anonymous = "", false
	provider := &oauthProvider{OAuthProvider: configured, configID: appleProvider}
	resolved, err := a.resolveExternal(ctx, req, externalSignIn{provider: provider, account: *account})
	if err != nil {
		return nil, err
	}
	arrived := arrival{user: resolved.user, isNewUser: resolved.isNewUser}
	if !arrived.isNewUser {
		if arrived.credential, err = a.store.Credential(ctx, req.tenant, arrived.user.ID); err != nil {
			return nil, err
		}
	}
	signedIn, err := a.signIn(ctx, req, arrived)
	if errors.Is(err, errCredentialChanged) {
		return nil, apierr.InvalidAppleCredentials().WithCause(err)
	}
	return signedIn, err
}
