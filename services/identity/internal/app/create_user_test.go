package app_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

const bcryptHash = secret.Secret("$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy")

// create creates a user through the server API.
func (h *harness) create(fields app.UserPatch, accounts ...domain.OAuthAccount) *app.UserView {
	h.t.Helper()
	user, err := h.CreateUser(h.server(), app.UserCreation{UserPatch: fields, OAuthAccounts: accounts})
	if err != nil {
		h.t.Fatal(err)
	}
	return user
}

// server returns the context of a request of the project's backend.
func (h *harness) server() context.Context { return h.as(principal.AccessServer, "") }

func withEmail(email string, change ...func(*app.UserPatch)) app.UserPatch {
	fields := app.UserPatch{PrimaryEmail: patch.Value(email)}
	for _, change := range change {
		change(&fields)
	}
	return fields
}

func forAuth(fields *app.UserPatch) { fields.PrimaryEmailAuthEnabled = patch.Value(true) }

func TestCreateUser_nothingGiven_isPlainUser(t *testing.T) {
	h := newHarness(t)
	h.config.Auth = projectconfig.Auth{SignUpRulesDefaultAction: "reject"}
	created := h.create(app.UserPatch{})
	if created.PrimaryEmail != nil || created.IsAnonymous || created.HasPassword || created.OTPAuthEnabled || created.RestrictedReason != "" ||
		created.DisplayName != nil || created.SignedUpAt.IsZero() {
		t.Errorf("created %+v", created)
	}
	if got := facts(h.events()); got != "user.created" {
		t.Errorf("events %s", got)
	}
	if len(h.sessions.opened) != 0 {
		t.Error("a session was opened")
	}
}

func TestCreateUser_everythingGiven_isStored(t *testing.T) {
	h := newHarness(t)
	h.config.Auth.OTP.AllowSignIn = true
	h.config.Auth.OAuth.Providers = map[string]projectconfig.OAuthProvider{"google": {Type: "google"}, "x": {Type: "x"}}
	h.config.Teams.CreatePersonalTeamOnSignUp = true
	h.config.RBAC.DefaultPermissions.SignUp = projectconfig.IDSet{"read": true}
	h.config.RBAC.Permissions = map[string]projectconfig.Permission{"read": {Scope: "project"}}
	email := "g@example.com"
	created := h.create(app.UserPatch{
		DisplayName:                     patch.Value("Ada"),
		ProfileImageURL:                 patch.Value("https://example.com/ada.png"),
		ClientMetadata:                  patch.Value(json.RawMessage(`{"a":1}`)),
		ClientReadOnlyMetadata:          patch.Value(json.RawMessage(`[2]`)),
		ServerMetadata:                  patch.Value(json.RawMessage(`"x"`)),
		PrimaryEmail:                    patch.Value(" Ada@Example.com "),
		PrimaryEmailVerified:            patch.Value(true),
		PrimaryEmailAuthEnabled:         patch.Value(true),
		OTPAuthEnabled:                  patch.Value(true),
		PasskeyAuthEnabled:              patch.Value(true),
		PasswordHash:                    patch.Value(bcryptHash),
		TOTPSecret:                      patch.Value([]byte("key")),
		RestrictedByAdmin:               patch.Value(true),
		RestrictedByAdminReason:         patch.Value("why"),
		RestrictedByAdminPrivateDetails: patch.Value("because"),
		CountryCode:                     patch.Value(" ch "),
		RiskScores:                      patch.Value(domain.RiskScores{Bot: 3, FreeTrialAbuse: 4}),
	}, domain.OAuthAccount{ProviderConfigID: "x", AccountID: "17"}, domain.OAuthAccount{ProviderConfigID: "google", AccountID: "18", Email: &email})

	if created.SelectedTeam != nil || created.SelectedTeamID != nil {
		t.Error("the answer shows the personal team")
	}
	if len(h.teams.created) != 1 || h.teams.created[0].DisplayName != "Ada's Team" {
		t.Errorf("personal teams %+v", h.teams.created)
	}
	stored := h.me(created.ID)
	if stored.SelectedTeam == nil || *stored.SelectedTeamID != h.teams.created[0].ID {
		t.Error("the personal team is not selected")
	}
	for name, user := range map[string]*app.UserView{"answer": created, "read": stored} {
		if *user.DisplayName != "Ada" || *user.ProfileImageURL != "https://example.com/ada.png" || string(user.ClientMetadata) != `{"a":1}` ||
			string(user.ClientReadOnlyMetadata) != `[2]` || string(user.ServerMetadata) != `"x"` ||
			*user.PrimaryEmail != (domain.PrimaryEmail{Value: "ada@example.com", IsVerified: true, UsedForAuth: true}) ||
			!user.OTPAuthEnabled || user.HasPasskey || !user.HasPassword || user.RequiresTOTPMFA ||
			user.RestrictedReason != domain.RestrictedByAdministrator || *user.RestrictedByAdminReason != "why" ||
			*user.RestrictedByAdminPrivateDetails != "because" || *user.CountryCode != "CH" ||
			user.RiskScores != (domain.RiskScores{Bot: 3, FreeTrialAbuse: 4}) || user.Version != 1 {
			t.Errorf("%s: %+v", name, user)
		}
		if accounts := user.OAuthAccounts; len(accounts) != 2 || accounts[0].ProviderConfigID != "x" || *accounts[1].Email != email {
			t.Errorf("%s: accounts %+v", name, accounts)
		}
	}
	if n := h.count(`SELECT count(*) FROM oauth_accounts WHERE allow_sign_in AND allow_connected_accounts`); n != 2 {
		t.Errorf("%d accounts sign in", n)
	}
	if n := h.count(`SELECT count(*) FROM users WHERE totp_secret IS NOT NULL AND totp_secret <> 'key'`); n != 1 {
		t.Error("the secret of the second factor is missing or not sealed")
	}
	if n := h.count(`SELECT count(*) FROM passwords WHERE hash = $1`, bcryptHash.Reveal()); n != 1 {
		t.Error("the imported hash is not the one stored")
	}
}

func TestCreateUser_uploadedPicture_isKeptForThem(t *testing.T) {
	h := newHarness(t)
	created := h.create(app.UserPatch{ProfileImageURL: patch.Value(gif)})
	if n := h.count(`SELECT count(*) FROM images WHERE user_id = $1`, created.ID); n != 1 || created.ProfileImageURL == nil {
		t.Errorf("%d images, URL %v", n, created.ProfileImageURL)
	}
}

func TestCreateUser_refused_leavesNothing(t *testing.T) {
	h := newHarness(t)
	h.config.Auth.Password.AllowSignIn = false
	h.config.Auth.OAuth.Providers = map[string]projectconfig.OAuthProvider{"google": {Type: "google"}}
	h.create(withEmail("taken@example.com", forAuth))
	h.create(app.UserPatch{}, domain.OAuthAccount{ProviderConfigID: "google", AccountID: "taken"})
	h.events()
	google := func(ids ...string) (accounts []domain.OAuthAccount) {
		for _, id := range ids {
			accounts = append(accounts, domain.OAuthAccount{ProviderConfigID: "google", AccountID: id})
		}
		return accounts
	}
	badRequest := apierr.Text(http.StatusBadRequest, "")
	for name, tt := range map[string]struct {
		fields   app.UserPatch
		accounts []domain.OAuthAccount
		signUp   projectconfig.IDSet
		want     *apierr.Error
	}{
		"password and hash": {
			fields: app.UserPatch{Password: patch.Value(password), PasswordHash: patch.Value(bcryptHash)}, want: badRequest,
		},
		"not bcrypt": {
			fields: app.UserPatch{PasswordHash: patch.Value(secret.Secret("$argon2id$"))}, want: badRequest,
		},
		"too costly bcrypt": {
			fields: app.UserPatch{PasswordHash: patch.Value("$2a$17$" + bcryptHash[7:])}, want: badRequest,
		},
		"too many bytes": {
			fields: app.UserPatch{Password: patch.Value(secret.Secret("ééééééééééééééééééééééééééééééééééééé"))}, want: apierr.PasswordTooLong(70),
		},
		"auth without address": {
			fields: app.UserPatch{PrimaryEmailAuthEnabled: patch.Value(true)}, want: badRequest,
		},
		"verified without address": {
			fields: app.UserPatch{PrimaryEmailVerified: patch.Value(true)}, want: badRequest,
		},
		"bad picture": {
			fields: app.UserPatch{ProfileImageURL: patch.Value("ftp://example.com/a.png")}, want: badRequest,
		},
		"taken address": {
			fields: withEmail("Taken@example.com", forAuth), want: apierr.UserEmailAlreadyExists("taken@example.com", false),
		},
		"taken address before unknown provider": {
			fields: withEmail("taken@example.com", forAuth), accounts: []domain.OAuthAccount{{ProviderConfigID: "none", AccountID: "1"}},
			want: apierr.UserEmailAlreadyExists("taken@example.com", false),
		},
		"unknown provider": {
			accounts: []domain.OAuthAccount{{ProviderConfigID: "none", AccountID: "1"}}, want: badRequest,
		},
		"taken account":            {accounts: google("taken"), want: apierr.OAuthProviderAccountIDAlreadyUsedForSignIn()},
		"same provider twice":      {accounts: google("a", "b"), want: badRequest},
		"same account twice":       {accounts: google("a", "a"), want: badRequest},
		"passwords not enabled":    {fields: app.UserPatch{Password: patch.Value(password)}, want: badRequest},
		"imports not enabled":      {fields: app.UserPatch{PasswordHash: patch.Value(bcryptHash)}, want: badRequest},
		"codes not enabled":        {fields: app.UserPatch{OTPAuthEnabled: patch.Value(true)}, want: badRequest},
		"unknown permission":       {signUp: projectconfig.IDSet{"fly": true}, want: apierr.PermissionNotFound("fly")},
		"permission of team scope": {signUp: projectconfig.IDSet{"of_team": true}, want: apierr.PermissionNotFound("of_team")},
	} {
		t.Run(name, func(t *testing.T) {
			h.config.RBAC.DefaultPermissions.SignUp = tt.signUp
			h.config.RBAC.Permissions = map[string]projectconfig.Permission{"of_team": {Scope: "team"}}
			_, err := h.CreateUser(h.server(), app.UserCreation{UserPatch: tt.fields, OAuthAccounts: tt.accounts})
			wantError(t, err, tt.want)
			if n := h.count(`SELECT count(*) FROM users`); n != 2 {
				t.Errorf("%d users", n)
			}
			if got := h.events(); got != nil {
				t.Errorf("events %s", facts(got))
			}
		})
	}
}

func TestCreateUser_addressOfSomebodyElse_isFineUnlessBothSignInWithIt(t *testing.T) {
	h := newHarness(t)
	h.create(withEmail("ada@example.com", forAuth))
	second := h.create(withEmail("ada@example.com"))
	if second.PrimaryEmail.UsedForAuth || second.PrimaryEmail.IsVerified {
		t.Errorf("address %+v", second.PrimaryEmail)
	}
	_, err := h.UpdateUser(h.server(), second.ID, app.UserPatch{PrimaryEmailAuthEnabled: patch.Value(true)})
	wantError(t, err, apierr.UserEmailAlreadyExists("ada@example.com", false))
}

func TestCreateUser_anonymous_isRestrictedAndHasTeam(t *testing.T) {
	h := newHarness(t)
	h.config.Teams.CreatePersonalTeamOnSignUp = true
	created := h.create(app.UserPatch{IsAnonymous: patch.Value(true)})
	if !created.IsAnonymous || created.RestrictedReason != domain.RestrictedAnonymous {
		t.Errorf("created %+v", created)
	}
	if len(h.teams.created) != 1 || h.teams.created[0].DisplayName != "Personal Team" {
		t.Errorf("personal teams %+v", h.teams.created)
	}
	if upgraded := h.update(created.ID, app.UserPatch{IsAnonymous: patch.Value(false), DisplayName: patch.Value("Ada")}); upgraded.IsAnonymous {
		t.Error("the user stayed anonymous")
	}
	if !slices.Equal(h.teams.renamed, []string{"Ada|"}) {
		t.Errorf("renamed %q", h.teams.renamed)
	}
}

func TestCreateUser_teamsDown_userExistsAndEventTellsOfTeam(t *testing.T) {
	h := newHarness(t)
	h.config.Teams.CreatePersonalTeamOnSignUp = true
	h.teams.err = apierr.Unavailable(1)
	created := h.create(withEmail("ada@example.com"))
	events := h.events()
	if len(events) != 1 || events[0].GetUserCreated().GetPersonalTeam().GetDisplayName() != "ada@example.com's Team" ||
		events[0].GetUserCreated().GetUserId() != created.ID {
		t.Errorf("events %v", events)
	}
}

func TestCreateUser_sameAddressAtOnce_oneGetsIt(t *testing.T) {
	h := newHarness(t)
	errs := make([]error, 8)
	var calls sync.WaitGroup
	for i := range errs {
		calls.Go(func() {
			_, errs[i] = h.CreateUser(h.server(), app.UserCreation{UserPatch: withEmail("ada@example.com", forAuth)})
		})
	}
	calls.Wait()
	created := 0
	for _, err := range errs {
		if err == nil {
			created++
			continue
		}
		wantError(t, err, apierr.UserEmailAlreadyExists("ada@example.com", false))
	}
	if n := h.count(`SELECT count(*) FROM users`); created != 1 || n != 1 {
		t.Errorf("%d created, %d users", created, n)
	}
}
