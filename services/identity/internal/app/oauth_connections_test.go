package app_test

import (
	"net/http"
	"sync"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// connect links an account on behalf of the backend.
func (h *oauthHarness) connect(userID, accountID string, signIn bool) *app.OAuthConnectionView {
	h.t.Helper()
	connection, err := h.CreateOAuthProvider(h.as(principal.AccessServer, ""), domain.OAuthConnection{
		UserID: userID, OAuthAccount: domain.OAuthAccount{ProviderConfigID: "google", AccountID: accountID},
		AllowSignIn: signIn, AllowConnectedAccounts: true,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return connection
}

func TestOAuthProviders_clients_seeTheirOwn(t *testing.T) {
	h := newOAuthHarness(t)
	mine, other := h.signUp("ada@example.com"), h.signUp("eve@example.com")
	connection, foreign := h.connect(mine, "1", true), h.connect(other, "2", true)
	me := h.as(principal.AccessClient, mine)
	list, err := h.ListOAuthProviders(me, mine)
	if err != nil || len(list) != 1 || list[0].ID != connection.ID || list[0].Type != "google" {
		t.Errorf("%+v, %v", list, err)
	}
	got, err := h.GetOAuthProvider(me, mine, connection.ID)
	if err != nil || got.OAuthConnection != list[0].OAuthConnection {
		t.Errorf("%+v, %v", got, err)
	}
	all, err := h.ListOAuthProviders(h.as(principal.AccessServer, ""), "")
	if err != nil || len(all) != 2 || all[0].ID != connection.ID || all[1].ID != foreign.ID {
		t.Errorf("%+v, %v", all, err)
	}
	forbidden, missing := apierr.Text(http.StatusForbidden, ""), apierr.Text(http.StatusNotFound, "")
	nobody, server := h.client(), h.as(principal.AccessServer, "")
	for name, tt := range map[string]struct {
		err  error
		want *apierr.Error
	}{
		"list of another":     {failure(h.ListOAuthProviders(me, other)), forbidden},
		"list of all":         {failure(h.ListOAuthProviders(me, "")), forbidden},
		"list of nobody":      {failure(h.ListOAuthProviders(nobody, mine)), apierr.CannotGetOwnUserWithoutUser()},
		"server, unknown":     {failure(h.ListOAuthProviders(server, ids.NewUUID())), apierr.UserNotFound()},
		"get of another":      {failure(h.GetOAuthProvider(me, other, foreign.ID)), forbidden},
		"get foreign of own":  {failure(h.GetOAuthProvider(me, mine, foreign.ID)), missing},
		"server, wrong user":  {failure(h.GetOAuthProvider(server, mine, foreign.ID)), missing},
		"server, no user":     {failure(h.GetOAuthProvider(server, ids.NewUUID(), foreign.ID)), apierr.UserNotFound()},
		"update of another":   {failure(h.UpdateOAuthProvider(me, other, foreign.ID, app.OAuthConnectionPatch{})), forbidden},
		"update foreign":      {failure(h.UpdateOAuthProvider(me, mine, foreign.ID, app.OAuthConnectionPatch{})), missing},
		"delete of another":   {h.DeleteOAuthProvider(me, other, foreign.ID), forbidden},
		"delete foreign":      {h.DeleteOAuthProvider(me, mine, foreign.ID), missing},
		"delete, no user":     {h.DeleteOAuthProvider(server, ids.NewUUID(), foreign.ID), apierr.UserNotFound()},
		"accounts of another": {failure(h.ListConnectedAccounts(me, other)), forbidden},
		"accounts of nobody":  {failure(h.ListConnectedAccounts(nobody, mine)), apierr.CannotGetOwnUserWithoutUser()},
		"accounts, unknown":   {failure(h.ListConnectedAccounts(server, ids.NewUUID())), apierr.UserNotFound()},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, tt.err, tt.want) })
	}
	if n := h.count(`SELECT count(*) FROM oauth_accounts`); n != 2 {
		t.Errorf("%d accounts", n)
	}
}

func failure[T any](_ T, err error) error { return err }

func TestOAuthProviders_foreignProject_seesNothing(t *testing.T) {
	h := newOAuthHarness(t)
	userID := h.signUp("ada@example.com")
	connection := h.connect(userID, "1", true)
	stranger := h.as(principal.AccessServer, "", func(p *principal.Principal) { p.ProjectID = ids.NewUUID() })
	wantError(t, failure(h.ListOAuthProviders(stranger, userID)), apierr.UserNotFound())
	wantError(t, failure(h.GetOAuthProvider(stranger, userID, connection.ID)), apierr.UserNotFound())
	wantError(t, h.DeleteOAuthProvider(stranger, userID, connection.ID), apierr.UserNotFound())
	if all, err := h.ListOAuthProviders(stranger, ""); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestOAuthProviders_conflicts_inOrder(t *testing.T) {
	h := newOAuthHarness(t)
	ada, eve := h.signUp("ada@example.com"), h.signUp("eve@example.com")
	h.connect(ada, "1", true)
	h.connect(eve, "2", true)
	server := h.as(principal.AccessServer, "")
	create := func(userID, accountID string, signIn bool) error {
		_, err := h.CreateOAuthProvider(server, domain.OAuthConnection{
			UserID: userID, OAuthAccount: domain.OAuthAccount{ProviderConfigID: "google", AccountID: accountID}, AllowSignIn: signIn,
		})
		return err
	}
	badRequest := apierr.Text(http.StatusBadRequest, "")
	wantError(t, create(ada, "1", true), badRequest)
	wantError(t, create(ada, "3", true), badRequest)
	wantError(t, create(ada, "2", true), badRequest)
	wantError(t, create(ada, "1", false), badRequest)
	wantError(t, create(h.signUp("bob@example.com"), "1", true), apierr.OAuthProviderAccountIDAlreadyUsedForSignIn())
	wantError(t, create(ids.NewUUID(), "9", true), apierr.UserNotFound())
	_, err := h.CreateOAuthProvider(server, domain.OAuthConnection{UserID: ids.NewUUID(), OAuthAccount: domain.OAuthAccount{ProviderConfigID: "nobody", AccountID: "1"}})
	wantError(t, err, apierr.Text(http.StatusNotFound, ""))
	if err := create(ada, "2", false); err != nil {
		t.Error(err)
	}

	list, _ := h.ListOAuthProviders(server, ada)
	first, connected := list[0], list[1]
	update := func(userID, id string, fields app.OAuthConnectionPatch) error {
		_, err := h.UpdateOAuthProvider(server, userID, id, fields)
		return err
	}
	wantError(t, update(ada, connected.ID, app.OAuthConnectionPatch{AllowSignIn: patch.Value(true)}), badRequest)
	wantError(t, update(ada, connected.ID, app.OAuthConnectionPatch{AccountID: patch.Value("1")}), badRequest)
	wantError(t, update(ada, first.ID, app.OAuthConnectionPatch{AccountID: patch.Value("2")}), badRequest)
	if err := update(ada, first.ID, app.OAuthConnectionPatch{AllowSignIn: patch.Value(false)}); err != nil {
		t.Error(err)
	}
	// The account signs in somebody else.
	wantError(t, update(ada, connected.ID, app.OAuthConnectionPatch{AllowSignIn: patch.Value(true)}), apierr.OAuthProviderAccountIDAlreadyUsedForSignIn())
	if err := update(ada, first.ID, app.OAuthConnectionPatch{AllowSignIn: patch.Value(true), Email: patch.Value("a@example.com")}); err != nil {
		t.Error(err)
	}
	if user := h.me(ada); len(user.OAuthAccounts) != 2 || *user.OAuthAccounts[0].Email != "a@example.com" {
		t.Errorf("user %+v", user)
	}
}

func TestUpdateOAuthProvider_inParallel_oneAccountSignsIn(t *testing.T) {
	h := newOAuthHarness(t)
	var userIDs, connectionIDs []string
	for _, name := range []string{"a", "b", "c", "d"} {
		userID := h.signUp(name + "@example.com")
		userIDs = append(userIDs, userID)
		connectionIDs = append(connectionIDs, h.connect(userID, "same", false).ID)
	}
	var calls sync.WaitGroup
	for i := range userIDs {
		for range 4 {
			calls.Go(func() {
				_, err := h.UpdateOAuthProvider(h.as(principal.AccessServer, ""), userIDs[i], connectionIDs[i], app.OAuthConnectionPatch{AllowSignIn: patch.Value(true)})
				if err != nil && !apierr.HasCode(err, apierr.CodeOAuthProviderAccountIDAlreadyUsedForSignIn) {
					t.Error(err)
				}
			})
		}
	}
	calls.Wait()
	if n := h.count(`SELECT count(*) FROM oauth_accounts WHERE allow_sign_in`); n != 1 {
		t.Errorf("%d users sign in with one account", n)
	}
}

func TestOAuthProviders_signInSwitchedOff_isOff(t *testing.T) {
	h := newOAuthHarness(t)
	userID := h.signInWith().UserID
	me := h.as(principal.AccessClient, userID)
	list, err := h.ListOAuthProviders(me, userID)
	if err != nil || len(list) != 1 || *list[0].Email != "Ada@Example.com" {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := h.UpdateOAuthProvider(me, userID, list[0].ID, app.OAuthConnectionPatch{AllowSignIn: patch.Value(false)}); err != nil {
		t.Fatal(err)
	}
	// Their address is theirs still, but not the account.
	if told := h.failWith(); told.Get("errorCode") != "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE" {
		t.Errorf("told %v", told)
	}
	if err := h.DeleteOAuthProvider(me, userID, list[0].ID); err != nil {
		t.Fatal(err)
	}
	if n := h.count(`SELECT count(*) FROM oauth_tokens`); n != 0 {
		t.Errorf("%d tokens", n)
	}
	// Unlinked, it is linked again as both have proved the address.
	if code := h.signInWith(); code.UserID != userID {
		t.Errorf("code %+v", code)
	}
}

func TestOAuthProviders_removedFromConfiguration_areReadByTheirKey(t *testing.T) {
	h := newOAuthHarness(t)
	userID := h.signUp("ada@example.com")
	h.config.Auth.OAuth.Providers["custom"] = projectconfig.OAuthProvider{Type: "twitch"}
	server := h.as(principal.AccessServer, "")
	for _, id := range []string{"google", "custom"} {
		if _, err := h.CreateOAuthProvider(server, domain.OAuthConnection{UserID: userID, OAuthAccount: domain.OAuthAccount{ProviderConfigID: id, AccountID: "1"}}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := h.ListOAuthProviders(server, userID)
	if err != nil || len(list) != 2 || list[1].Type != "twitch" {
		t.Fatalf("%+v, %v", list, err)
	}
	h.config.Auth.OAuth.Providers = nil
	left, err := h.ListOAuthProviders(server, userID)
	if err != nil || len(left) != 1 || left[0].Type != "google" {
		t.Errorf("%+v, %v", left, err)
	}
	_, err = h.GetOAuthProvider(server, userID, list[1].ID)
	wantError(t, err, apierr.Text(http.StatusNotFound, ""))
}

// token asks for an access token of the provider on behalf of the user.
func (h *oauthHarness) providerToken(in app.ProviderTokenRequest) (secret.Secret, error) {
	h.t.Helper()
	return h.CreateProviderAccessToken(h.as(principal.AccessClient, in.UserID), in)
}

func TestCreateProviderAccessToken_keptToken_isHandedOutWhileGood(t *testing.T) {
	h := newOAuthHarness(t)
	userID := h.signInWith(func(in *app.OAuthAuthorization) { in.ProviderScope = "offline_access drive" }).UserID
	in := app.ProviderTokenRequest{UserID: userID, ProviderID: "google", Scopes: []string{"drive"}}
	kept, err := h.providerToken(in)
	if err != nil || kept == "" {
		t.Fatal(err)
	}
	if again, err := h.providerToken(in); err != nil || again != kept {
		t.Errorf("again another token, %v", err)
	}
	accountID := "ada-1"
	in.AccountID = &accountID
	if same, err := h.providerToken(in); err != nil || same != kept {
		t.Errorf("by account another token, %v", err)
	}

	// A token that the provider refuses, or that ends soon, is exchanged.
	h.provider.Revoke(false)
	fresh, err := h.providerToken(in)
	if err != nil || fresh == kept {
		t.Fatalf("no fresh token, %v", err)
	}
	h.exec(`UPDATE oauth_tokens SET expires_at = now() + interval '4 minutes' WHERE kind = 'access'`)
	fresher, err := h.providerToken(in)
	if err != nil || fresher == fresh {
		t.Fatalf("no fresh token, %v", err)
	}
	if n := h.count(`SELECT count(*) FROM oauth_tokens`); n != 2 {
		t.Errorf("%d tokens are kept", n)
	}

	h.provider.Fail("/userinfo", http.StatusBadGateway, 1)
	if _, err := h.providerToken(in); err != nil {
		t.Errorf("the provider hiccups: %v", err)
	}
	h.provider.Revoke(true)
	_, err = h.providerToken(in)
	wantError(t, err, apierr.OAuthConnectionDoesNotHaveRequiredScope())
	if n := h.count(`SELECT count(*) FROM oauth_tokens`); n != 0 {
		t.Errorf("%d refused tokens are kept", n)
	}
}

// Refresh tokens rotate: whoever comes second finds the first one's tokens.
func TestCreateProviderAccessToken_inParallel_allGetOne(t *testing.T) {
	h := newOAuthHarness(t)
	userID := h.signInWith(func(in *app.OAuthAuthorization) { in.ProviderScope = "offline_access" }).UserID
	for range 5 {
		h.provider.Revoke(false)
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				if _, err := h.providerToken(app.ProviderTokenRequest{UserID: userID, ProviderID: "google"}); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
	}
}

func TestCreateProviderAccessToken_errors_inOrder(t *testing.T) {
	h := newOAuthHarness(t)
	userID, other := h.signInWith().UserID, h.signUp("eve@example.com")
	me, server := h.as(principal.AccessClient, userID), h.as(principal.AccessServer, "")
	unknown, own := "unknown", "ada-1"
	for name, tt := range map[string]struct {
		err  error
		want *apierr.Error
	}{
		"another user":    {failure(h.CreateProviderAccessToken(me, app.ProviderTokenRequest{UserID: other, ProviderID: "google"})), apierr.Text(http.StatusForbidden, "")},
		"nobody":          {failure(h.CreateProviderAccessToken(h.client(), app.ProviderTokenRequest{ProviderID: "google"})), apierr.CannotGetOwnUserWithoutUser()},
		"unknown user":    {failure(h.CreateProviderAccessToken(server, app.ProviderTokenRequest{UserID: ids.NewUUID(), ProviderID: "google"})), apierr.UserNotFound()},
		"no provider":     {failure(h.CreateProviderAccessToken(me, app.ProviderTokenRequest{UserID: userID, ProviderID: "nobody"})), apierr.OAuthProviderNotFoundOrNotEnabled()},
		"shared":          {failure(h.CreateProviderAccessToken(me, app.ProviderTokenRequest{UserID: userID, ProviderID: "spotify"})), apierr.OAuthAccessTokenNotAvailableWithSharedOAuthKeys()},
		"not connected":   {failure(h.CreateProviderAccessToken(me, app.ProviderTokenRequest{UserID: userID, ProviderID: "github"})), apierr.OAuthConnectionNotConnectedToUser()},
		"unknown account": {failure(h.CreateProviderAccessToken(me, app.ProviderTokenRequest{UserID: userID, ProviderID: "google", AccountID: &unknown})), apierr.OAuthConnectionNotConnectedToUser()},
		"scope":           {failure(h.CreateProviderAccessToken(me, app.ProviderTokenRequest{UserID: userID, ProviderID: "google", Scopes: []string{"drive"}})), apierr.OAuthConnectionDoesNotHaveRequiredScope()},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, tt.err, tt.want) })
	}
	if _, err := h.CreateProviderAccessToken(me, app.ProviderTokenRequest{ProviderID: "google"}); err != nil {
		t.Error(err)
	}
	// The route that names an account wants it connected; the other does not.
	h.exec(`UPDATE oauth_accounts SET allow_connected_accounts = false`)
	_, err := h.CreateProviderAccessToken(me, app.ProviderTokenRequest{UserID: userID, ProviderID: "google", AccountID: &own})
	wantError(t, err, apierr.OAuthConnectionNotConnectedToUser())
	if _, err := h.CreateProviderAccessToken(me, app.ProviderTokenRequest{UserID: userID, ProviderID: "google"}); err != nil {
		t.Error(err)
	}
	if accounts, err := h.ListConnectedAccounts(me, userID); err != nil || len(accounts) != 0 {
		t.Errorf("%+v, %v", accounts, err)
	}
}

func TestCreateProviderAccessToken_outage_isSaidAndForgetsNothing(t *testing.T) {
	h := newOAuthHarness(t)
	userID := h.signInWith(func(in *app.OAuthAuthorization) { in.ProviderScope = "offline_access" }).UserID
	h.provider.Fail("/userinfo", http.StatusBadGateway, 1)
	h.provider.Fail("/oauth/token", http.StatusBadGateway, 2)
	_, err := h.providerToken(app.ProviderTokenRequest{UserID: userID, ProviderID: "google"})
	wantError(t, err, apierr.OAuthProviderTemporarilyUnavailable())
	if n := h.count(`SELECT count(*) FROM oauth_tokens`); n != 2 {
		t.Errorf("%d tokens are kept", n)
	}
	if _, err := h.providerToken(app.ProviderTokenRequest{UserID: userID, ProviderID: "google"}); err != nil {
		t.Error(err)
	}
}
