package app_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/profileimage"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// gif is the smallest picture.
var gif = "data:image/gif;base64," + base64.StdEncoding.EncodeToString([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"))

// Nobody could be told of it: a message holds no more.
func TestUpdateCurrentUser_largerThanAnEvent_changesNothing(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	large := app.UserPatch{DisplayName: patch.Value("Ada"), ClientMetadata: patch.Value(json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`))}
	if _, err := h.UpdateCurrentUser(h.as(principal.AccessClient, userID), large); !isText(err, 413) {
		t.Errorf("error %v", err)
	}
	if user := h.me(userID); user.DisplayName != nil || user.ClientMetadata != nil {
		t.Errorf("changed to %v, %d bytes", user.DisplayName, len(user.ClientMetadata))
	}
}

func TestUpdateCurrentUser_plainFields_areReplacedOrKept(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	first := app.UserPatch{
		DisplayName:                     patch.Value("Ada"),
		ClientMetadata:                  patch.Value(json.RawMessage(`{"a":1}`)),
		ClientReadOnlyMetadata:          patch.Value(json.RawMessage(`[true]`)),
		ServerMetadata:                  patch.Value(json.RawMessage(`"s"`)),
		RestrictedByAdmin:               patch.Value(true),
		RestrictedByAdminReason:         patch.Value("why"),
		RestrictedByAdminPrivateDetails: patch.Value("details"),
		CountryCode:                     patch.Value(" ch "),
		RiskScores:                      patch.Value(domain.RiskScores{Bot: 7, FreeTrialAbuse: 8}),
	}
	check := func(user *app.UserView) {
		t.Helper()
		if *user.DisplayName != "Ada" || string(user.ClientMetadata) != `{"a":1}` || string(user.ClientReadOnlyMetadata) != `[true]` ||
			string(user.ServerMetadata) != `"s"` || !user.RestrictedByAdmin || *user.RestrictedByAdminReason != "why" ||
			*user.RestrictedByAdminPrivateDetails != "details" || *user.CountryCode != "CH" ||
			user.RiskScores != (domain.RiskScores{Bot: 7, FreeTrialAbuse: 8}) ||
			user.RestrictedReason != domain.RestrictedByAdministrator {
			t.Errorf("got %+v", user)
		}
	}
	check(h.patch(userID, first))
	check(h.me(userID))
	check(h.patch(userID, app.UserPatch{}))

	cleared := h.patch(userID, app.UserPatch{
		DisplayName:       patch.Value(""),
		ClientMetadata:    patch.Null[json.RawMessage](),
		RestrictedByAdmin: patch.Value(false),
		CountryCode:       patch.Null[string](),
	})
	if cleared.DisplayName != nil || cleared.ClientMetadata != nil || cleared.RestrictedByAdmin || cleared.RestrictedByAdminReason != nil ||
		cleared.RestrictedByAdminPrivateDetails != nil || cleared.CountryCode != nil || cleared.ServerMetadata == nil {
		t.Errorf("got %+v", cleared)
	}
	if user := h.me(userID); user.DisplayName != nil || user.ClientMetadata != nil || user.Version != 4 {
		t.Errorf("stored %+v", user)
	}
}

func TestUpdateCurrentUser_change_isToldAsServersSeeIt(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.patch(userID, app.UserPatch{ServerMetadata: patch.Value(json.RawMessage(`{"plan":"pro"}`))})
	events := h.events()
	if facts(events) != "user.updated" || events[0].GetAggregate() != "user/"+userID || events[0].GetAggregateVersion() != 2 ||
		events[0].GetSubject() != "identity.v1.user.updated.internal" {
		t.Fatalf("events %v", events)
	}
	shown := events[0].GetUserUpdated().GetUser().AsMap()
	if shown["id"] != userID || shown["server_metadata"].(map[string]any)["plan"] != "pro" || shown["has_password"] != true {
		t.Errorf("event shows %v", shown)
	}
}

func TestUpdateCurrentUser_name_costsFiveStatements(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	ctx, statements := pg.CountQueries(h.as(principal.AccessClient, userID))
	if _, err := h.UpdateCurrentUser(ctx, app.UserPatch{DisplayName: patch.Value("Ada")}); err != nil {
		t.Fatal(err)
	}
	if n := statements.Load(); n != 5 {
		t.Errorf("%d statements, want 5: read, lock, read, write, event", n)
	}
}

func TestUpdateCurrentUser_nobody_isRefused(t *testing.T) {
	h := newHarness(t)
	mine := team("Mine")
	h.teams.members[mine.ID] = mine
	for _, ctx := range []context.Context{h.client(), h.as(principal.AccessServer, ids.NewUUID())} {
		for _, fields := range []app.UserPatch{{DisplayName: patch.Value("Ada")}, {SelectedTeamID: patch.Value(mine.ID)}, {SelectedTeamID: patch.Value(ids.NewUUID())}} {
			_, err := h.UpdateCurrentUser(ctx, fields)
			wantError(t, err, apierr.CannotGetOwnUserWithoutUser())
		}
	}
}

func TestUpdateCurrentUser_selectedTeam_needsMembership(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	mine := team("Mine")
	h.teams.members[mine.ID] = mine
	user := h.patch(userID, app.UserPatch{SelectedTeamID: patch.Value(mine.ID)})
	if user.SelectedTeam == nil || user.SelectedTeam.ID != mine.ID || *user.SelectedTeamID != mine.ID {
		t.Errorf("selected %+v", user.SelectedTeam)
	}
	foreign := ids.NewUUID()
	_, err := h.UpdateCurrentUser(h.as(principal.AccessClient, userID), app.UserPatch{SelectedTeamID: patch.Value(foreign), DisplayName: patch.Value("x")})
	known, ok := errors.AsType[*apierr.Error](err)
	if !ok || known.Code != apierr.CodeTeamMembershipNotFound || known.Details["team_id"] != foreign || known.Details["user_id"] != userID {
		t.Errorf("error %v", err)
	}
	if user := h.me(userID); user.DisplayName != nil || *user.SelectedTeamID != mine.ID {
		t.Errorf("a refused change was written: %+v", user)
	}
	// A change of something else shows the selected team, too.
	if user := h.patch(userID, app.UserPatch{DisplayName: patch.Value("Ada")}); user.SelectedTeam == nil {
		t.Error("the selected team is not shown")
	}
	if user := h.patch(userID, app.UserPatch{SelectedTeamID: patch.Null[string]()}); user.SelectedTeam != nil || user.SelectedTeamID != nil {
		t.Errorf("still selects %v", user.SelectedTeamID)
	}
}

func TestUpdateCurrentUser_teamSelectedMeanwhile_isShownRight(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	first, second := team("First"), team("Second")
	h.teams.members[first.ID], h.teams.members[second.ID] = first, second
	h.patch(userID, app.UserPatch{SelectedTeamID: patch.Value(first.ID)})
	h.teams.asked = func() {
		h.teams.asked = nil
		h.exec(`UPDATE users SET selected_team_id = $1`, second.ID)
	}
	user := h.patch(userID, app.UserPatch{DisplayName: patch.Value("Ada")})
	if user.SelectedTeam == nil || user.SelectedTeam.DisplayName != "Second" {
		t.Errorf("shows %+v", user.SelectedTeam)
	}
}

func TestUpdateCurrentUser_primaryEmail_moves(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")

	// A new address inherits that the old one signs in, and is unverified.
	user := h.patch(userID, app.UserPatch{PrimaryEmail: patch.Value(" Ada@Work.example ")})
	if *user.PrimaryEmail != (domain.PrimaryEmail{Value: "ada@work.example", UsedForAuth: true}) {
		t.Errorf("got %+v", user.PrimaryEmail)
	}
	if got := h.channels(userID); got != "ada@example.com auth; ada@work.example primary auth" {
		t.Errorf("channels: %s", got)
	}
	// Flags without address go to the primary one.
	h.patch(userID, app.UserPatch{PrimaryEmailVerified: patch.Value(true), PrimaryEmailAuthEnabled: patch.Value(false)})
	if got := h.channels(userID); got != "ada@example.com auth; ada@work.example primary verified" {
		t.Errorf("channels: %s", got)
	}
	// Going back keeps what is known of the address but takes the flag along.
	h.patch(userID, app.UserPatch{PrimaryEmail: patch.Value("ada@example.com")})
	if got := h.channels(userID); got != "ada@example.com primary; ada@work.example verified" {
		t.Errorf("channels: %s", got)
	}
	// The same address again changes flags only.
	h.patch(userID, app.UserPatch{PrimaryEmail: patch.Value("ada@example.com"), PrimaryEmailAuthEnabled: patch.Value(true)})
	if got := h.channels(userID); got != "ada@example.com primary auth; ada@work.example verified" {
		t.Errorf("channels: %s", got)
	}
	// null demotes and deletes nothing.
	user = h.patch(userID, app.UserPatch{PrimaryEmail: patch.Null[string](), PrimaryEmailVerified: patch.Value(true)})
	if got := h.channels(userID); got != "ada@example.com auth; ada@work.example verified" || user.PrimaryEmail != nil {
		t.Errorf("channels: %s", got)
	}
	// Without an address, flags cannot be turned on; turning them off is fine.
	h.patch(userID, app.UserPatch{PrimaryEmailVerified: patch.Value(false), PrimaryEmailAuthEnabled: patch.Value(false)})
	for _, fields := range []app.UserPatch{{PrimaryEmailVerified: patch.Value(true)}, {PrimaryEmailAuthEnabled: patch.Value(true)}} {
		if _, err := h.UpdateCurrentUser(h.as(principal.AccessServer, userID), fields); !isText(err, 400) {
			t.Errorf("error %v", err)
		}
	}
	// The demoted address still signs in.
	if _, err := h.SignInWithPassword(h.client(), "ada@example.com", password); err != nil {
		t.Errorf("sign-in: %v", err)
	}
}

func TestUpdateCurrentUser_takenAddress_isRefused(t *testing.T) {
	h := newHarness(t)
	h.signUp("taken@example.com")
	userID := h.signUp("ada@example.com")
	ctx := h.as(principal.AccessClient, userID)
	_, err := h.UpdateCurrentUser(ctx, app.UserPatch{PrimaryEmail: patch.Value("Taken@example.com"), DisplayName: patch.Value("x")})
	known, ok := errors.AsType[*apierr.Error](err)
	if !ok || known.Code != apierr.CodeUserEmailAlreadyExists || known.Details["email"] != "taken@example.com" {
		t.Errorf("error %v", err)
	}
	if user := h.me(userID); user.DisplayName != nil || user.Email() != "ada@example.com" || facts(h.events()) != "" {
		t.Errorf("a refused change was written: %+v", user)
	}
	// An address may be shared by those who do not sign in with it…
	h.patch(userID, app.UserPatch{PrimaryEmail: patch.Value("taken@example.com"), PrimaryEmailAuthEnabled: patch.Value(false)})
	// …until one of them wants to.
	_, err = h.UpdateCurrentUser(h.as(principal.AccessServer, userID), app.UserPatch{PrimaryEmailAuthEnabled: patch.Value(true)})
	wantError(t, err, apierr.UserEmailAlreadyExists("taken@example.com", false))
}

func TestUpdateCurrentUser_authMethods_followTheConfiguration(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.exec(`INSERT INTO passkeys (project_id, branch_id, user_id, credential_id, public_key) VALUES ('internal', 'main', $1, 'c', '')`, userID)
	refused := func(fields app.UserPatch) {
		t.Helper()
		if _, err := h.UpdateCurrentUser(h.as(principal.AccessServer, userID), fields); !isText(err, 400) {
			t.Errorf("error %v", err)
		}
	}
	refused(app.UserPatch{OTPAuthEnabled: patch.Value(true)})
	h.config.Auth.OTP.AllowSignIn = true
	if user := h.patch(userID, app.UserPatch{OTPAuthEnabled: patch.Value(true)}); !user.OTPAuthEnabled {
		t.Error("not enabled")
	}
	h.config.Auth.OTP.AllowSignIn = false
	if user := h.patch(userID, app.UserPatch{OTPAuthEnabled: patch.Value(true)}); !user.OTPAuthEnabled {
		t.Error("what is on may stay on")
	}
	if user := h.patch(userID, app.UserPatch{OTPAuthEnabled: patch.Value(false)}); user.OTPAuthEnabled {
		t.Error("still enabled")
	}
	refused(app.UserPatch{PasskeyAuthEnabled: patch.Value(true)})
	if !h.me(userID).HasPasskey {
		t.Error("the passkey is gone")
	}
	if user := h.patch(userID, app.UserPatch{PasskeyAuthEnabled: patch.Value(false)}); user.HasPasskey || h.me(userID).HasPasskey {
		t.Error("the passkey is still there")
	}
}

func TestUpdateCurrentUser_passwordRules_areChecked(t *testing.T) {
	h := newHarness(t)
	userID := h.signUpAnonymously()
	try := func(fields app.UserPatch) error {
		_, err := h.UpdateCurrentUser(h.as(principal.AccessServer, userID), fields)
		return err
	}
	hash := patch.Value(secret.Secret("$2a$10$" + strings.Repeat("a", 53)))
	for name, fields := range map[string]app.UserPatch{
		"both":               {Password: patch.Value(password), PasswordHash: hash},
		"null and hash":      {Password: patch.Null[secret.Secret](), PasswordHash: hash},
		"not bcrypt":         {PasswordHash: patch.Value[secret.Secret]("plain")},
		"absurd cost":        {PasswordHash: patch.Value(secret.Secret("$2a$17$" + strings.Repeat("a", 53)))},
		"no primary address": {Password: patch.Value(password)},
	} {
		if err := try(fields); !isText(err, 400) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantError(t, try(app.UserPatch{Password: patch.Value(secret.Secret(strings.Repeat("ä", 36)))}), apierr.PasswordTooLong(70))
	h.config.Auth.Password.AllowSignIn = false
	if err := try(app.UserPatch{Password: patch.Value(password), PrimaryEmail: patch.Value("ada@example.com")}); !isText(err, 400) {
		t.Errorf("disabled: %v", err)
	}
	h.config.Auth.Password.AllowSignIn = true
	if err := try(app.UserPatch{PasswordHash: hash, PrimaryEmail: patch.Value("ada@example.com")}); err != nil {
		t.Errorf("together with an address: %v", err)
	}
	if len(h.sessions.revoked) != 1 {
		t.Errorf("revoked %+v", h.sessions.revoked)
	}
}

func TestUpdateCurrentUser_totpSecret_isSealedForItsUser(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	if user := h.patch(userID, app.UserPatch{TOTPSecret: patch.Value([]byte("shared key"))}); !user.RequiresTOTPMFA {
		t.Error("no second factor")
	}
	if user := h.patch(userID, app.UserPatch{DisplayName: patch.Value("Ada")}); !user.RequiresTOTPMFA {
		t.Error("another change removed the second factor")
	}
	var sealed []byte
	if err := h.db.Querier(t.Context()).QueryRow(t.Context(), `SELECT totp_secret FROM users WHERE id = $1`, userID).Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(sealed), "shared key") {
		t.Error("the key is stored readable")
	}
	if got, err := h.box.Open(sealed, "users.totp_secret", "internal", "main", userID); err != nil || string(got) != "shared key" {
		t.Errorf("opened %q, %v", got, err)
	}
	if user := h.patch(userID, app.UserPatch{TOTPSecret: patch.Null[[]byte]()}); user.RequiresTOTPMFA {
		t.Error("still a second factor")
	}
	if n := h.count(`SELECT count(*) FROM users WHERE totp_secret IS NOT NULL`); n != 0 {
		t.Error("the key is still stored")
	}
}

func TestUpdateCurrentUser_notAnonymousAnyMore_isUpgraded(t *testing.T) {
	h := newHarness(t)
	userID := h.signUpAnonymously()
	before := h.me(userID)
	user := h.patch(userID, app.UserPatch{IsAnonymous: patch.Value(false), DisplayName: patch.Value("Ada"), PrimaryEmail: patch.Value("Ada@example.com")})
	if user.IsAnonymous || !user.SignedUpAt.After(before.SignedUpAt) || user.RestrictedReason != "" {
		t.Errorf("got %+v", user)
	}
	if len(h.teams.renamed) != 1 || h.teams.renamed[0] != "Ada|ada@example.com" {
		t.Errorf("renamed %q", h.teams.renamed)
	}
	// Once more has no effect.
	again := h.patch(userID, app.UserPatch{IsAnonymous: patch.Value(false)})
	if !again.SignedUpAt.Equal(user.SignedUpAt) || len(h.teams.renamed) != 1 || len(h.sessions.revoked) != 0 {
		t.Errorf("again: signed up %v, renamed %q", again.SignedUpAt, h.teams.renamed)
	}
}

func TestUpdateCurrentUser_image_isStoredAndServed(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	ctx := h.as(principal.AccessClient, userID)
	user, err := h.UpdateCurrentUser(ctx, app.UserPatch{ProfileImageURL: patch.Value(gif)})
	if err != nil {
		t.Fatal(err)
	}
	name, ok := strings.CutPrefix(*user.ProfileImageURL, publicURL+"/api/v1/images/user-profile-images/")
	if !ok || !strings.HasSuffix(name, ".gif") || !ids.ValidUUID(strings.TrimSuffix(name, ".gif")) {
		t.Fatalf("URL %s", *user.ProfileImageURL)
	}
	image, err := h.GetImage(h.client(), name)
	if err != nil || image.Format != profileimage.GIF || !strings.HasPrefix(string(image.Bytes), "GIF89a") {
		t.Errorf("image %v, %v", image, err)
	}
	for _, wrong := range []string{ids.NewUUID() + ".gif", strings.TrimSuffix(name, "gif") + "png", strings.TrimSuffix(name, ".gif"), "x", ""} {
		if _, err := h.GetImage(h.client(), wrong); !isText(err, 404) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	// Another picture replaces it; a link or nothing removes it.
	for i, value := range []patch.Field[string]{patch.Value(gif), patch.Value("https://example.com/ada.png"), patch.Value(gif), patch.Null[string]()} {
		user := h.patch(userID, app.UserPatch{ProfileImageURL: value})
		if i == 1 && *user.ProfileImageURL != "https://example.com/ada.png" || i == 3 && user.ProfileImageURL != nil {
			t.Errorf("URL %v", user.ProfileImageURL)
		}
		if n, want := h.count(`SELECT count(*) FROM images`), (i+1)%2; n != want {
			t.Errorf("after change %d: %d images, want %d", i, n, want)
		}
	}
}

func TestUpdateCurrentUser_imageRules_dependOnTheCaller(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	for _, tt := range []struct {
		access principal.Access
		value  string
		ok     bool
	}{
		{principal.AccessClient, "https://example.com/a.png", false},
		{principal.AccessClient, "data:image/tiff;base64,AAAA", false},
		{principal.AccessClient, "data:image/png;base64,AAAA", false},
		{principal.AccessClient, gif, true},
		{principal.AccessServer, "https://example.com/a.png", true},
		{principal.AccessServer, "ftp://example.com/a.png", false},
		{principal.AccessAdmin, strings.Replace(gif, "gif", "tiff", 1), true},
	} {
		_, err := h.UpdateCurrentUser(h.as(tt.access, userID), app.UserPatch{ProfileImageURL: patch.Value(tt.value)})
		if tt.ok != (err == nil) || !tt.ok && !isText(err, 400) {
			t.Errorf("%s %.40s: %v", tt.access, tt.value, err)
		}
	}
	// The rule for clients comes before the question who is signed in.
	if _, err := h.UpdateCurrentUser(h.client(), app.UserPatch{ProfileImageURL: patch.Value("https://example.com/a.png")}); !isText(err, 400) {
		t.Errorf("nobody: %v", err)
	}
}

func TestDeleteCurrentUser_allowed_forgetsEverywhere(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	mine := team("Mine")
	h.teams.members[mine.ID] = mine
	h.patch(userID, app.UserPatch{ProfileImageURL: patch.Value(gif)})
	h.events()
	ctx := h.as(principal.AccessClient, userID)
	if err := h.DeleteCurrentUser(ctx); !isText(err, 400) {
		t.Errorf("not allowed: %v", err)
	}
	if err := h.DeleteCurrentUser(h.client()); !isText(err, 400) {
		t.Errorf("not allowed, nobody signed in: %v", err)
	}
	h.config.Users.AllowClientUserDeletion = true
	if err := h.DeleteCurrentUser(ctx); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"users", "contact_channels", "passwords", "images"} {
		if n := h.count(`SELECT count(*) FROM ` + table); n != 0 {
			t.Errorf("%d %s left", n, table)
		}
	}
	if want := (revocation{userID, "", app.ReasonUserDeleted}); len(h.sessions.revoked) != 1 || h.sessions.revoked[0] != want {
		t.Errorf("revoked %+v", h.sessions.revoked)
	}
	if len(h.teams.removed) != 1 || h.teams.removed[0] != userID {
		t.Errorf("removed %q", h.teams.removed)
	}
	events := h.events()
	if facts(events) != "user.deleted" || events[0].GetAggregateVersion() != 3 ||
		len(events[0].GetUserDeleted().GetTeamIds()) != 1 || events[0].GetUserDeleted().GetTeamIds()[0] != mine.ID {
		t.Errorf("events %v", events)
	}
	wantError(t, h.DeleteCurrentUser(ctx), apierr.CannotGetOwnUserWithoutUser())
	wantError(t, h.DeleteCurrentUser(h.client()), apierr.CannotGetOwnUserWithoutUser())
	// The address is free again.
	h.signUp("ada@example.com")
}

func TestDeleteCurrentUser_othersDown_succeedsAndTheEventEnsures(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	h.sessions.err, h.teams.err = apierr.Unavailable(time.Second), apierr.Unavailable(time.Second)
	if err := h.DeleteCurrentUser(h.as(principal.AccessServer, userID)); err != nil {
		t.Fatal(err)
	}
	if got := facts(h.events()); got != "user.deleted" {
		t.Errorf("events %s", got)
	}
}

func TestClearSelectedTeam_leftTeam_isForgotten(t *testing.T) {
	h := newHarness(t)
	userID := h.signUp("ada@example.com")
	mine, other := team("Mine"), team("Other")
	h.teams.members[mine.ID], h.teams.members[other.ID] = mine, other
	h.patch(userID, app.UserPatch{SelectedTeamID: patch.Value(mine.ID)})
	for _, step := range []struct {
		left string
		want int
	}{{other.ID, 1}, {mine.ID, 0}, {mine.ID, 0}} {
		if err := h.ClearSelectedTeam(t.Context(), h.tenant, userID, step.left); err != nil {
			t.Fatal(err)
		}
		if n := h.count(`SELECT count(*) FROM users WHERE selected_team_id IS NOT NULL`); n != step.want {
			t.Errorf("%d users select a team, want %d", n, step.want)
		}
	}
}

// channels describes the contact channels of a user, oldest first.
func (h *harness) channels(userID string) string {
	h.t.Helper()
	channels, err := h.ListContactChannels(h.as(principal.AccessServer, userID), app.ContactChannelFilter{UserID: userID})
	if err != nil {
		h.t.Fatal(err)
	}
	var texts []string
	for _, channel := range channels {
		text := channel.Value
		if channel.IsPrimary {
			text += " primary"
		}
		if channel.IsVerified {
			text += " verified"
		}
		if channel.UsedForAuth {
			text += " auth"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

func isText(err error, status int) bool {
	known, ok := errors.AsType[*apierr.Error](err)
	return ok && known.Format == apierr.FormatText && known.HTTP == status
}
