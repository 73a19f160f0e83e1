package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"vestibule.dev/test/client"
	"vestibule.dev/test/database"
	"vestibule.dev/test/events"
)

// awaitFact waits until a fact about an aggregate is on a stream.
func awaitFact(t *testing.T, log *events.Log, fact, aggregate string) events.Event {
	t.Helper()
	var found events.Event
	err := client.Poll(t.Context(), func(ctx context.Context) error {
		about, err := log.About(ctx, aggregate)
		if err != nil {
			return err
		}
		var seen []string
		for _, event := range about {
			if event.Fact() == fact {
				found = event
				return nil
			}
			seen = append(seen, event.Fact())
		}
		return fmt.Errorf("%s of %s is not on a stream; %v are", fact, aggregate, seen)
	})
	if err != nil {
		t.Error(err)
	}
	return found
}

// Whatever happens to a person is on the streams.
func TestEvents_everyFact_isPublished(t *testing.T) {
	log, err := events.Open(system.NATSURL)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()

	project, admin, _ := newAdmin(t)
	email := client.FreshEmail("newsworthy")
	signedUp := call(t, visitor(project), http.MethodPost, "/auth/password/sign-up",
		map[string]any{"email": email, "password": password, "verification_callback_url": callbackURL})
	var tokens client.Tokens
	if err := signedUp.Decode(&tokens); err != nil {
		t.Fatal(err)
	}
	me := visitor(project).SignedIn(tokens)
	user, sessions := "user/"+tokens.UserID, "session/"+tokens.UserID

	created := awaitFact(t, log, "identity.user.created", user)
	envelope := created.Envelope
	switch {
	case created.Header.Get(jetstream.MsgIDHeader) != envelope.GetId():
		t.Errorf("the id is %s and the message's %s", envelope.GetId(), created.Header.Get(jetstream.MsgIDHeader))
	case created.Subject != envelope.GetSubject() || !strings.HasSuffix(created.Subject, "."+project.ID):
		t.Errorf("the subject is %s", created.Subject)
	case envelope.GetProjectId() != project.ID || envelope.GetBranchId() != "main":
		t.Errorf("the tenant is %s/%s", envelope.GetProjectId(), envelope.GetBranchId())
	case envelope.GetRequestId() != signedUp.RequestID():
		t.Errorf("the request is %s, want %s", envelope.GetRequestId(), signedUp.RequestID())
	case envelope.GetUserCreated().GetUser().AsMap()["primary_email"] != email:
		t.Errorf("the user is %v", envelope.GetUserCreated().GetUser())
	}
	awaitFact(t, log, "sessions.session.created", sessions)
	awaitFact(t, log, "teams.team.created", "team/"+envelope.GetUserCreated().GetPersonalTeam().GetTeamId())

	succeed(t, me, http.MethodPatch, "/users/me", map[string]any{"display_name": "In the news"})
	updated := awaitFact(t, log, "identity.user.updated", user)
	if got := updated.Envelope.GetUserUpdated().GetUser().AsMap()["display_name"]; got != "In the news" {
		t.Errorf("the updated user is called %v", got)
	}
	if updated.Envelope.GetAggregateVersion() <= envelope.GetAggregateVersion() {
		t.Errorf("version %d comes after version %d", updated.Envelope.GetAggregateVersion(), envelope.GetAggregateVersion())
	}

	succeed(t, visitor(project), http.MethodPost, "/contact-channels/verify", map[string]any{"code": code(t, email)})
	channels, _ := succeed(t, me, http.MethodGet, "/contact-channels?user_id=me", nil)["items"].([]any)
	channel, _ := channels[0].(map[string]any)
	awaitFact(t, log, "identity.contact_channel.verified", fmt.Sprintf("contact_channel/%s", channel["id"]))

	succeed(t, me, http.MethodPost, "/auth/password/update", map[string]any{"old_password": password, "new_password": "another " + password})
	awaitFact(t, log, "identity.user.password_changed", user)
	awaitFact(t, log, "sessions.session.revoked", sessions)

	succeed(t, me, http.MethodDelete, "/users/me", nil)
	awaitFact(t, log, "identity.user.deleted", user)
	awaitFact(t, log, "teams.membership.deleted", fmt.Sprintf("membership/%s/%s", envelope.GetUserCreated().GetPersonalTeam().GetTeamId(), tokens.UserID))

	awaitFact(t, log, "identity.project.created", "project/"+project.ID)
	sets, _ := succeed(t, admin, http.MethodGet, "/internal/api-keys", nil)["items"].([]any)
	set, _ := sets[0].(map[string]any)
	awaitFact(t, log, "identity.api_key_set.created", fmt.Sprintf("api_key_set/%s", set["id"]))
	configure(t, admin, "auth.allowSignUp", false)
	awaitFact(t, log, "identity.project.config_changed", "project/"+project.ID)
	succeed(t, admin, http.MethodPatch, "/internal/projects/current", map[string]any{"display_name": "Renamed"})
	awaitFact(t, log, "identity.project.updated", "project/"+project.ID)
	succeed(t, admin, http.MethodDelete, "/internal/projects/current", nil)
	awaitFact(t, log, "identity.project.deleted", "project/"+project.ID)
}

// Who deletes an account leaves nothing behind that still works, and soon
// nothing at all.
func TestDeletion_ofUser_reachesEveryContext(t *testing.T) {
	project, _, _ := newAdmin(t)
	email, first, me := signUp(t, project)
	second, err := visitor(project).SignIn(t.Context(), email, password)
	if err != nil {
		t.Fatal(err)
	}
	team, err := me.PersonalTeam(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	succeed(t, me, http.MethodDelete, "/users/me", nil)

	for _, tokens := range []client.Tokens{first, second} {
		if got := refresh(t, project, tokens.RefreshToken); got.Code() != "REFRESH_TOKEN_NOT_FOUND_OR_EXPIRED" {
			t.Errorf("refresh answers with %s", got)
		}
		refuse(t, visitor(project).SignedIn(tokens), http.MethodGet, "/users/me", nil, "CANNOT_GET_OWN_USER_WITHOUT_USER")
	}
	refuse(t, visitor(project), http.MethodPost, "/auth/password/sign-in", map[string]any{"email": email, "password": password}, "EMAIL_PASSWORD_MISMATCH")

	databases, err := database.Open(t.Context(), system.Databases)
	if err != nil {
		t.Fatal(err)
	}
	defer databases.Close(t.Context())
	left := map[string]string{
		"identity": "SELECT count(*) FROM contact_channels WHERE user_id = $1",
		"sessions": "SELECT count(*) FROM sessions WHERE user_id = $1",
		"teams":    "SELECT count(*) FROM team_memberships WHERE user_id = $1",
	}
	err = client.Poll(t.Context(), func(ctx context.Context) error {
		for service, query := range left {
			var n int
			if err := databases.Conn(service).QueryRow(ctx, query, first.UserID).Scan(&n); err != nil {
				return err
			}
			if n > 0 {
				return fmt.Errorf("%d rows of %s are left", n, service)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	var teams []string
	rows, err := databases.Conn("teams").Query(t.Context(), "SELECT id::text FROM teams WHERE id = $1", team)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		teams = append(teams, id)
	}
	if err := rows.Err(); err != nil || !slices.Equal(teams, []string{team}) {
		t.Errorf("teams outlive their members; found %v, %v", teams, err)
	}
	// The address is free again.
	if _, err := visitor(project).SignUp(t.Context(), email, password); err != nil {
		t.Error(err)
	}
}

// Many refreshes of one token at once all succeed, and none makes a session.
func TestRefresh_inParallel_keepsOneSession(t *testing.T) {
	_, tokens, me := signUp(t, dev)
	answers := make(chan client.Response)
	const parallel = 64
	for range parallel {
		go func() {
			answer, err := insist(t.Context(), visitor(dev).With("Refresh-Token", tokens.RefreshToken), http.MethodPost, "/auth/sessions/current/refresh", nil)
			if err != nil {
				t.Error(err)
			}
			answers <- answer
		}()
	}
	for range parallel {
		if answer := <-answers; answer.Status != http.StatusOK {
			t.Errorf("answered with %s", answer)
		}
	}
	sessions, _ := succeed(t, me, http.MethodGet, "/auth/sessions?user_id=me", nil)["items"].([]any)
	if len(sessions) != 1 {
		t.Errorf("%d sessions", len(sessions))
	}
}
