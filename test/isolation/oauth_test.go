package isolation

import (
	"context"
	"maps"
	"net/http"

	"vestibule.dev/test/client"
)

// aLink is an account of an OAuth provider that is linked to a person.
const aLink kind = "linked account"

func init() {
	maps.Copy(kinds, map[string]kind{
		"GET /auth/oauth/authorize/{provider_id} provider_id":                                             aName,
		"GET /auth/oauth/callback/{provider_id} provider_id":                                              aName,
		"POST /auth/oauth/callback/{provider_id} provider_id":                                             aName,
		"POST /auth/oauth/connected-accounts/{provider_id}/access-token provider_id":                      aName,
		"POST /connected-accounts/{user_id}/{provider_id}/access-token provider_id":                       aName,
		"POST /connected-accounts/{user_id}/{provider_id}/{provider_account_id}/access-token provider_id": aName,

		"account_id":          aName,
		"provider_account_id": aName,
		"provider_config_id":  aName,
		"provider_id":         aLink,
	})
	maps.Copy(examples, map[string]map[string]any{
		"GET /auth/oauth/authorize/{provider_id}": {
			"provider_id": "google", "client_secret": "__stack_public_client__", "redirect_uri": "http://localhost:3000/callback", "scope": "legacy",
			"state": "s", "code_challenge": "c", "code_challenge_method": "S256", "response_type": "code", "grant_type": "authorization_code",
		},
		"GET /auth/oauth/callback/{provider_id}":  {"provider_id": "google", "state": "s", "code": "c"},
		"POST /auth/oauth/callback/{provider_id}": {"provider_id": "google", "state": "s", "code": "c"},
		"POST /auth/oauth/callback/apple/native":  {"id_token": "a.b.c"},
		"POST /auth/oauth/cross-domain/authorize": {
			"redirect_uri": "http://localhost:3000/callback", "state": "s", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
		},
		"POST /auth/oauth/connected-accounts/{provider_id}/access-token":                      {"provider_id": "google"},
		"POST /connected-accounts/{user_id}/{provider_id}/access-token":                       {"provider_id": "google"},
		"POST /connected-accounts/{user_id}/{provider_id}/{provider_account_id}/access-token": {"provider_id": "google", "provider_account_id": "1"},
		"PATCH /oauth-providers/{user_id}/{provider_id}":                                      {"allow_sign_in": false},
		"POST /oauth-providers": {
			"provider_config_id": "google", "account_id": "another", "allow_sign_in": false, "allow_connected_accounts": true,
		},
	})
}

// useProvider lets people sign in with a provider.
func (t *tenant) useProvider(ctx context.Context) error {
	return t.caller(client.Admin).Expect(ctx, http.MethodPatch, "/internal/config/override/environment", map[string]any{
		"config_override_string": `{"auth.oauth.providers.google": {"type": "google", "allowSignIn": true, "allowConnectedAccounts": true,
			"isShared": false, "clientId": "id", "clientSecret": "secret"}}`,
	}, nil)
}

// link links an account of the provider to a person.
func (t *tenant) link(ctx context.Context, userID string) (id string, err error) {
	var made struct {
		ID string `json:"id"`
	}
	err = t.caller(client.Server).Expect(ctx, http.MethodPost, "/oauth-providers", map[string]any{
		"user_id": userID, "provider_config_id": "google", "account_id": userID, "allow_sign_in": true, "allow_connected_accounts": true,
	}, &made)
	return made.ID, err
}
