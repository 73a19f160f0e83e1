package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

func TestSignUpWithPassword_newAddress_createsUserAndSession(t *testing.T) {
	h := newHarness(t)
	h.config.Onboarding.RequireEmailVerification = true
	ctx := principal.NewRequestContext(h.client(), principal.Request{Country: "CH"})
	ctx, statements := pg.CountQueries(ctx)

	signedIn, err := h.SignUpWithPassword(ctx, app.PasswordSignUp{
		Email: "Ada.L+1@Example.com", Password: password, VerificationCallbackURL: callback,
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := statements.Load(); n > 6 {
		t.Errorf("%d statements, want at most 6", n)
	}
	if signedIn.Tokens.RefreshToken != "refresh" || !ids.ValidUUID(signedIn.UserID) {
		t.Errorf("got %+v", signedIn)
	}
	user := h.me(signedIn.UserID)
	if *user.PrimaryEmail != (domain.PrimaryEmail{Value: "ada.l+1@example.com", UsedForAuth: true}) ||
		!user.HasPassword || user.IsAnonymous || *user.CountryCode != "CH" || user.SelectedTeamID != nil {
		t.Errorf("user %+v", user)
	}
	if len(h.sessions.opened) != 1 || h.sessions.opened[0].User.ID != signedIn.UserID ||
		h.sessions.opened[0].RestrictedReason != domain.RestrictedEmailNotVerified || h.sessions.opened[0].User.SignedUpAt.IsZero() {
		t.Errorf("sessions opened for %+v", h.sessions.opened)
	}
	events := h.events()
	if got := facts(events); got != "user.created" {
		t.Fatalf("events %s", got)
	}
	created := events[0].GetUserCreated()
	if created.GetUserId() != signedIn.UserID || created.GetPersonalTeam() != nil ||
		created.GetUser().GetFields()["primary_email"].GetStringValue() != "ada.l+1@example.com" ||
		events[0].GetAggregateVersion() != 1 {
		t.Errorf("event %v", events[0])
	}
	for _, secret := range []string{password.Reveal(), "refresh", "hash of"} {
		if strings.Contains(events[0].String(), secret) {
			t.Errorf("the event holds %q", secret)
		}
	}
}

func TestSignUpWithPassword_checks_comeInOrder(t *testing.T) {
	h := newHarness(t)
	h.signUp("taken@example.com")
	// Every step fixes what the step before complained about.
	in := app.PasswordSignUp{Email: "TAKEN@example.com", Password: "short", VerificationCallbackURL: "https://evil.example.net/"}
	h.config.Auth = projectconfig.Auth{SignUpRulesDefaultAction: "reject"}
	for _, step := range []struct {
		want *apierr.Error
		fix  func()
	}{
		{apierr.PasswordAuthenticationNotEnabled(), func() { h.config.Auth.Password.AllowSignIn = true }},
		{apierr.RedirectURLNotWhitelisted(""), func() { in.VerificationCallbackURL = callback }},
		{apierr.SignUpNotEnabled(), func() { h.config.Auth.AllowSignUp = true }},
		{apierr.PasswordTooShort(8), func() { in.Password = "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü" }},
		{apierr.PasswordTooLong(70), func() { in.Password = password }},
		{apierr.SignUpRejected(), func() { h.config.Auth.SignUpRulesDefaultAction = "allow" }},
		{apierr.UserEmailAlreadyExists("taken@example.com", false), func() { in.Email = "free@example.com" }},
	} {
		_, err := h.SignUpWithPassword(h.client(), in)
		wantError(t, err, step.want)
		step.fix()
	}
	if _, err := h.SignUpWithPassword(h.client(), in); err != nil {
		t.Errorf("with nothing left to complain about: %v", err)
	}
	if n := h.count(`SELECT count(*) FROM users`); n != 2 {
		t.Errorf("%d users, want 2", n)
	}
}

func TestSignUpWithPassword_takenAddress_namesItNormalised(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	_, err := h.SignUpWithPassword(h.client(), app.PasswordSignUp{Email: "ADA@example.com", Password: password})
	known, ok := errors.AsType[*apierr.Error](err)
	if !ok || known.Details["email"] != "ada@example.com" || known.Details["would_work_if_email_was_verified"] != false {
		t.Errorf("error %v, details %v", err, known.Details)
	}
	if got := facts(h.events()); got != "" {
		t.Errorf("events %s", got)
	}
}

// R14. Without the unique index contact_channels_used_for_auth_key this fails.
func TestSignUpWithPassword_manyAtOnce_createOneUser(t *testing.T) {
	h := newHarness(t)
	const parallel = 64
	outcomes := make([]error, parallel)
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range parallel {
		all.Go(func() {
			email := []byte("concurrent@example.com")
			for bit := range 6 {
				if i>>bit&1 == 1 {
					email[bit] -= 'a' - 'A'
				}
			}
			<-start
			_, outcomes[i] = h.SignUpWithPassword(h.client(), app.PasswordSignUp{Email: string(email), Password: password})
		})
	}
	close(start)
	all.Wait()
	created := 0
	for _, err := range outcomes {
		switch {
		case err == nil:
			created++
		case !apierr.HasCode(err, apierr.CodeUserEmailAlreadyExists):
			t.Errorf("unexpected error: %v", err)
		}
	}
	if created != 1 {
		t.Errorf("%d sign-ups succeeded, want 1", created)
	}
	if n := h.count(`SELECT count(*) FROM users`); n != 1 {
		t.Errorf("%d users, want 1", n)
	}
	if got := facts(h.events()); got != "user.created" {
		t.Errorf("events %s", got)
	}
}

func TestSignUpWithPassword_sessionsDown_userMaySignInLater(t *testing.T) {
	h := newHarness(t)
	h.sessions.err = apierr.Unavailable(2 * time.Second)
	_, err := h.SignUpWithPassword(h.client(), app.PasswordSignUp{Email: "ada@example.com", Password: password})
	known, ok := errors.AsType[*apierr.Error](err)
	if !ok || known.HTTP != 503 || known.Header["Retry-After"] == "" {
		t.Fatalf("error %v, want 503 with Retry-After", err)
	}
	if got := facts(h.events()); got != "user.created" {
		t.Errorf("events %s", got)
	}
	h.sessions.err = nil
	if _, err := h.SignInWithPassword(h.client(), "ada@example.com", password); err != nil {
		t.Errorf("sign-in after the outage: %v", err)
	}
}

func TestSignUpWithPassword_hasherFull_writesNothing(t *testing.T) {
	h := newHarness(t)
	h.hasher.err = apierr.Unavailable(time.Second)
	ctx, statements := pg.CountQueries(h.client())
	_, err := h.SignUpWithPassword(ctx, app.PasswordSignUp{Email: "ada@example.com", Password: password})
	wantError(t, err, apierr.Unavailable(time.Second))
	if n := statements.Load(); n != 0 {
		t.Errorf("%d statements, want none", n)
	}
}

func TestSignUpWithPassword_unknownProject_isRefused(t *testing.T) {
	h := newHarness(t)
	h.tenant.ProjectID = ids.NewUUID()
	_, err := h.SignUpWithPassword(h.client(), app.PasswordSignUp{Email: "ada@example.com", Password: password})
	wantError(t, err, apierr.CurrentProjectNotFound(h.tenant.ProjectID))
}

func TestSignUpWithPassword_sameAddressInOtherProject_isFree(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	other := ids.NewUUID()
	h.exec(`INSERT INTO projects (id, display_name) VALUES ($1, 'Other')`, other)
	h.tenant.ProjectID = other
	h.signUp("ada@example.com")
}

func TestSignUpWithPassword_personalTeam_isCreatedOnceAndSelected(t *testing.T) {
	h := newHarness(t)
	h.config.Teams.CreatePersonalTeamOnSignUp = true
	signedIn, err := h.SignUpWithPassword(h.client(), app.PasswordSignUp{Email: "ada@example.com", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	if len(h.teams.created) != 1 || h.teams.created[0].DisplayName != "ada@example.com's Team" {
		t.Fatalf("teams created: %+v", h.teams.created)
	}
	created := h.events()[0].GetUserCreated()
	if created.GetPersonalTeam().GetTeamId() != h.teams.created[0].ID || created.GetPersonalTeam().GetDisplayName() != "ada@example.com's Team" {
		t.Errorf("event %v", created.GetPersonalTeam())
	}
	if _, null := created.GetUser().AsMap()["selected_team_id"]; !null || created.GetUser().AsMap()["selected_team_id"] != nil {
		t.Errorf("the event shows a selected team: %v", created.GetUser().AsMap()["selected_team_id"])
	}
	if user := h.me(signedIn.UserID); user.SelectedTeam == nil || user.SelectedTeam.ID != h.teams.created[0].ID {
		t.Errorf("selected %+v", user.SelectedTeam)
	}
	if got := *h.sessions.opened[0].User.SelectedTeamID; got != h.teams.created[0].ID {
		t.Errorf("the session's user selects %s", got)
	}
}

// Names of permissions that are not defined, or for another scope, are left out.
func TestSignUpWithPassword_defaultPermissions_goToTeams(t *testing.T) {
	h := newHarness(t)
	h.config.Version = 7
	h.config.Teams.CreatePersonalTeamOnSignUp = true
	h.config.RBAC = projectconfig.RBAC{
		Permissions: map[string]projectconfig.Permission{"team_admin": {Scope: "team"}, "beta": {Scope: "project"}},
		DefaultPermissions: projectconfig.DefaultPermissions{
			TeamCreator: projectconfig.IDSet{"team_admin": true, "$read_members": true, "beta": true, "gone": true, "off": false},
			SignUp:      projectconfig.IDSet{"beta": true, "$read_members": true, "team_admin": true, "gone": true},
		},
	}
	if _, err := h.SignUpWithPassword(h.client(), app.PasswordSignUp{Email: "ada@example.com", Password: password}); err != nil {
		t.Fatal(err)
	}
	if len(h.teams.given) != 1 {
		t.Fatalf("provisioned %+v", h.teams.given)
	}
	given, created := h.teams.given[0], h.events()[0].GetUserCreated()
	if !slices.Equal(given.PermissionIDs, []string{"beta"}) || !slices.Equal(given.PersonalTeam.PermissionIDs, []string{"$read_members", "team_admin"}) ||
		given.ConfigVersion != 7 {
		t.Errorf("given %+v, %+v", given, given.PersonalTeam)
	}
	if !slices.Equal(created.GetPermissionIds(), given.PermissionIDs) || created.GetConfigVersion() != 7 ||
		!slices.Equal(created.GetPersonalTeam().GetPermissionIds(), given.PersonalTeam.PermissionIDs) {
		t.Errorf("event %v", created)
	}
}

func TestSignUpWithPassword_teamsDown_succeeds(t *testing.T) {
	h := newHarness(t)
	h.config.Teams.CreatePersonalTeamOnSignUp = true
	h.teams.err = apierr.Unavailable(time.Second)
	if _, err := h.SignUpWithPassword(h.client(), app.PasswordSignUp{Email: "ada@example.com", Password: password}); err != nil {
		t.Errorf("the event creates the team, the sign-up need not fail: %v", err)
	}
}

func TestSignUpWithPassword_signedInUser_getsSecondAccount(t *testing.T) {
	h := newHarness(t)
	first := h.signUp("ada@example.com")
	signedIn, err := h.SignUpWithPassword(h.as(principal.AccessClient, first), app.PasswordSignUp{Email: "ada2@example.com", Password: password})
	if err != nil || signedIn.UserID == first {
		t.Errorf("got %+v, %v", signedIn, err)
	}
}

func TestSignUpWithPassword_anonymousUser_isUpgradedInPlace(t *testing.T) {
	h := newHarness(t)
	h.config.Teams.CreatePersonalTeamOnSignUp = true
	userID := h.signUpAnonymously()
	name := "Ada"
	h.patch(userID, app.UserPatch{DisplayName: patch.Value(name), ClientMetadata: patch.Value(json.RawMessage(`{"cart":[1]}`))})
	before := h.me(userID)
	h.events()

	signedIn, err := h.SignUpWithPassword(h.as(principal.AccessClient, userID, anonymous), app.PasswordSignUp{Email: "ada@example.com", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	after := h.me(userID)
	if signedIn.UserID != userID || after.IsAnonymous || !after.HasPassword ||
		*after.PrimaryEmail != (domain.PrimaryEmail{Value: "ada@example.com", UsedForAuth: true}) ||
		*after.DisplayName != name || string(after.ClientMetadata) != `{"cart":[1]}` ||
		after.SelectedTeam == nil || !after.SignedUpAt.After(before.SignedUpAt) {
		t.Errorf("after the upgrade: %+v", after)
	}
	if want := (revocation{userID, "", app.ReasonPasswordChanged}); len(h.sessions.revoked) != 1 || h.sessions.revoked[0] != want {
		t.Errorf("revoked %+v", h.sessions.revoked)
	}
	if len(h.sessions.opened) != 1 || h.sessions.opened[0].RestrictedReason != "" {
		t.Errorf("opened %+v", h.sessions.opened)
	}
	if len(h.teams.renamed) != 1 || h.teams.renamed[0] != "|ada@example.com" {
		t.Errorf("renamed %q", h.teams.renamed)
	}
	if len(h.teams.created) != 1 {
		t.Errorf("%d teams created, want the one of the anonymous user", len(h.teams.created))
	}
	events := h.events()
	if got := facts(events); got != "user.updated user.password_changed" {
		t.Fatalf("events %s", got)
	}
	if naming := events[0].GetUserUpdated().GetTeamNaming(); naming.GetPrimaryEmail() != "ada@example.com" || naming.GetDisplayName() != "" {
		t.Errorf("teams are named after %v", naming)
	}
	if shown := events[0].GetUserUpdated().GetUser().AsMap(); shown["is_anonymous"] != false || shown["selected_team"] == nil {
		t.Errorf("event shows %v", shown)
	}
	if !events[1].GetPasswordChanged().GetRevokesSessions() {
		t.Errorf("event %v", events[1])
	}

	// The old token still says anonymous; its user is a normal one now.
	again, err := h.SignUpWithPassword(h.as(principal.AccessClient, userID, anonymous), app.PasswordSignUp{Email: "ada2@example.com", Password: password})
	if err != nil || again.UserID == userID {
		t.Errorf("second sign-up: %+v, %v", again, err)
	}
}

func TestSignUpWithPassword_anonymousUserTakenAddress_staysAnonymous(t *testing.T) {
	h := newHarness(t)
	h.signUp("ada@example.com")
	userID := h.signUpAnonymously()
	_, err := h.SignUpWithPassword(h.as(principal.AccessClient, userID, anonymous), app.PasswordSignUp{Email: "Ada@example.com", Password: password})
	wantError(t, err, apierr.UserEmailAlreadyExists("ada@example.com", false))
	if user := h.me(userID); !user.IsAnonymous || user.HasPassword || user.PrimaryEmail != nil {
		t.Errorf("half upgraded: %+v", user)
	}
	if len(h.sessions.revoked) != 0 || facts(h.events()) != "" {
		t.Errorf("revoked %+v", h.sessions.revoked)
	}
}

func TestSignUpWithPassword_anonymousUserDeleted_createsUser(t *testing.T) {
	h := newHarness(t)
	userID := h.signUpAnonymously()
	if err := h.deleteUser(userID); err != nil {
		t.Fatal(err)
	}
	signedIn, err := h.SignUpWithPassword(h.as(principal.AccessClient, userID, anonymous), app.PasswordSignUp{Email: "ada@example.com", Password: password})
	if err != nil || signedIn.UserID == userID {
		t.Errorf("got %+v, %v", signedIn, err)
	}
}

func TestSignUpWithPassword_anonymousUserWithTOTP_needsSecondFactor(t *testing.T) {
	h := newHarness(t)
	userID := h.signUpAnonymously()
	h.patch(userID, app.UserPatch{TOTPSecret: patch.Value([]byte("key"))})
	_, err := h.SignUpWithPassword(h.as(principal.AccessClient, userID, anonymous), app.PasswordSignUp{Email: "ada@example.com", Password: password})
	known, ok := errors.AsType[*apierr.Error](err)
	if !ok || known.Code != apierr.CodeMultiFactorAuthenticationRequired || len(fmt.Sprint(known.Details["attempt_code"])) != ids.SecretLength {
		t.Errorf("error %v", err)
	}
	if len(h.sessions.opened) != 0 || h.me(userID).IsAnonymous {
		t.Errorf("opened %+v", h.sessions.opened)
	}
}

// R18. Without the lock of the user this loses updates.
func TestSignUpWithPassword_upgradeDuringUpdates_losesNothing(t *testing.T) {
	h := newHarness(t)
	userID := h.signUpAnonymously()
	ctx := h.as(principal.AccessServer, userID)
	var all sync.WaitGroup
	upgraded := make(chan error, 4)
	for i := range 16 {
		all.Go(func() {
			fields := app.UserPatch{DisplayName: patch.Value("Ada")}
			if i%2 == 1 {
				fields = app.UserPatch{ClientMetadata: patch.Value(json.RawMessage(`"kept"`))}
			}
			if _, err := h.UpdateCurrentUser(ctx, fields); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range 4 {
		all.Go(func() {
			_, err := h.SignUpWithPassword(h.as(principal.AccessClient, userID, anonymous), app.PasswordSignUp{
				Email: fmt.Sprintf("ada%d@example.com", i), Password: password,
			})
			upgraded <- err
		})
	}
	all.Wait()
	for range 4 {
		if err := <-upgraded; err != nil {
			t.Error(err)
		}
	}
	user := h.me(userID)
	if user.IsAnonymous || *user.DisplayName != "Ada" || string(user.ClientMetadata) != `"kept"` || user.Version != 18 {
		t.Errorf("after 17 changes: %+v", user)
	}
	if n := h.count(`SELECT count(*) FROM users`); n != 4 {
		t.Errorf("%d users: the first sign-up upgrades, the other three create", n)
	}
}
