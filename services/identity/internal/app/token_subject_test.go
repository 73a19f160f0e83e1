package app_test

import (
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

func TestGetTokenSubject_user_recordsActivityInOneStatement(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.patch(userID, app.UserPatch{DisplayName: patch.Value("Ada")})
	h.exec(`UPDATE user_activity SET last_active_at = now() - interval '1 day'`)
	h.config.Onboarding.RequireEmailVerification = true

	ctx, statements := pg.CountQueries(t.Context())
	subject, err := h.GetTokenSubject(ctx, h.tenant, userID)
	if err != nil {
		t.Fatal(err)
	}
	if n := statements.Load(); n != 1 {
		t.Errorf("%d statements, want 1", n)
	}
	if subject.User.ID != userID || *subject.User.DisplayName != "Ada" || subject.User.Email() != "ada@example.com" ||
		subject.RestrictedReason != domain.RestrictedEmailNotVerified {
		t.Errorf("subject %+v", subject)
	}
	if user := h.me(userID); time.Since(user.LastActiveAt) > time.Hour || user.Version != 2 {
		t.Errorf("last active %v, version %d", user.LastActiveAt, user.Version)
	}
}

func TestGetTokenSubject_nobody_isNotFound(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	for _, tt := range []struct {
		tenant ids.Tenant
		userID string
	}{{h.tenant, ids.NewUUID()}, {ids.Tenant{ProjectID: ids.NewUUID(), BranchID: "main"}, userID}, {ids.Tenant{ProjectID: "internal", BranchID: "b"}, userID}} {
		_, err := h.GetTokenSubject(t.Context(), tt.tenant, tt.userID)
		wantError(t, err, apierr.UserNotFound())
	}
}

func TestListUserContacts_someUnknown_leavesThemOut(t *testing.T) {
	h := newHarness(t)
	ada, nobody := h.signUp("ada@example.com"), h.signUpAnonymously()
	h.patch(ada, app.UserPatch{PrimaryEmailVerified: patch.Value(true)})
	ctx, statements := pg.CountQueries(t.Context())
	contacts, err := h.ListUserContacts(ctx, h.tenant, []string{nobody, ids.NewUUID(), ada})
	if err != nil || len(contacts) != 2 || statements.Load() != 1 {
		t.Fatalf("%+v, %v, %d statements", contacts, err, statements.Load())
	}
	for _, contact := range contacts {
		if (contact.UserID == ada) != (contact.PrimaryEmail != nil) || contact.UserID == ada && !contact.PrimaryEmail.IsVerified {
			t.Errorf("contact %+v", contact)
		}
	}
	if contacts, err := h.ListUserContacts(t.Context(), h.tenant, nil); len(contacts) != 0 || err != nil {
		t.Errorf("%v, %v", contacts, err)
	}
}

func TestSignUpAnonymously_alwaysAllowed_createsUser(t *testing.T) {
	h := newHarness(t)
	h.config.Auth.AllowSignUp = false
	h.config.Auth.SignUpRulesDefaultAction = "reject"
	h.config.Teams.CreatePersonalTeamOnSignUp = true
	ctx, statements := pg.CountQueries(h.client())
	signedIn, err := h.SignUpAnonymously(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n := statements.Load(); n != 2 {
		t.Errorf("%d statements, want 2: user, event", n)
	}
	user := h.me(signedIn.UserID)
	if !user.IsAnonymous || user.PrimaryEmail != nil || user.HasPassword || user.RestrictedReason != domain.RestrictedAnonymous ||
		user.SelectedTeam == nil || user.SelectedTeam.DisplayName != "Personal Team" {
		t.Errorf("user %+v", user)
	}
	if got := facts(h.events()); got != "user.created" || h.sessions.opened[0].RestrictedReason != domain.RestrictedAnonymous {
		t.Errorf("events %s, opened %+v", got, h.sessions.opened)
	}
}
