package events_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/inbox"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/secret"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/sessions/internal/accesstoken"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
	"vestibule.dev/services/sessions/internal/events"
	"vestibule.dev/services/sessions/internal/keyring"
	"vestibule.dev/services/sessions/internal/postgres"
	"vestibule.dev/services/sessions/migrations"
)

const (
	projectID = "3241a285-8329-4d69-8f3d-316e08cf140c"
	userID    = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
)

var tenant = ids.Tenant{ProjectID: projectID, BranchID: "main"}

// system is the context on a database, with the subscription to identity.
type system struct {
	*app.App
	db     *pg.DB
	handle inbox.Handler
}

func newSystem(t *testing.T) *system {
	t.Helper()
	ring, err := secret.ParseKeyRing("k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	if err != nil {
		t.Fatal(err)
	}
	keys := keyring.New(time.Hour)
	s := &system{db: pgtest.New(t, migrations.Source(), outbox.Migrations(), courier.Migrations())}
	s.App = app.New(app.Settings{PublicOrigin: "https://api.example.com", AccessTokenLifetime: time.Minute}, app.Deps{
		Store:  postgres.NewStore(s.db, secret.NewBox(ring), events.Encode),
		Keys:   keys,
		Signer: accesstoken.Signer{},
		Clock:  clock.System(),
	})
	s.handle = events.Subscriptions(s.App)[0].Handle
	return s
}

func (s *system) open(t *testing.T) app.OpenedSession {
	t.Helper()
	opened, err := s.CreateSession(t.Context(), app.SessionRequest{Tenant: tenant, Subject: domain.Subject{UserID: userID}})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func (s *system) sessions(t *testing.T) (n int) {
	t.Helper()
	if err := s.db.Querier(t.Context()).QueryRow(t.Context(), "SELECT count(*) FROM sessions").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// deliver hands over an event twice: effects must not depend on the inbox.
func (s *system) deliver(t *testing.T, event *eventsv1.Envelope) {
	t.Helper()
	event.ProjectId, event.BranchId = projectID, "main"
	for range 2 {
		if err := s.handle(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
}

func passwordChanged(at time.Time, keptID string, revokes bool) *eventsv1.Envelope {
	return &eventsv1.Envelope{
		OccurredAt: timestamppb.New(at),
		Payload: &eventsv1.Envelope_PasswordChanged{PasswordChanged: &eventsv1.PasswordChanged{
			UserId: userID, KeptSessionId: keptID, RevokesSessions: revokes,
		}},
	}
}

func TestHandle_passwordChanged_endsOlderSessionsButTheKeptOne(t *testing.T) {
	s := newSystem(t)
	start := time.Now()
	kept := s.open(t)
	s.open(t)
	s.deliver(t, passwordChanged(start.Add(time.Hour), kept.SessionID, false))
	if n := s.sessions(t); n != 2 {
		t.Fatalf("%d sessions after a first password", n)
	}
	s.deliver(t, passwordChanged(start.Add(-time.Hour), "", true))
	if n := s.sessions(t); n != 2 {
		t.Fatalf("%d sessions after a change before they began", n)
	}
	s.deliver(t, passwordChanged(start.Add(time.Hour), kept.SessionID, true))
	if n := s.sessions(t); n != 1 {
		t.Fatalf("%d sessions after a change", n)
	}
	s.deliver(t, passwordChanged(start.Add(time.Hour), "", true))
	if n := s.sessions(t); n != 0 {
		t.Fatalf("%d sessions after a reset", n)
	}
}

func TestHandle_userDeleted_endsAllForGood(t *testing.T) {
	s := newSystem(t)
	s.open(t)
	s.deliver(t, &eventsv1.Envelope{Payload: &eventsv1.Envelope_UserDeleted{UserDeleted: &eventsv1.UserDeleted{UserId: userID}}})
	if _, err := s.CreateSession(t.Context(), app.SessionRequest{Tenant: tenant, Subject: domain.Subject{UserID: userID}}); err == nil {
		t.Error("a deleted user signed in")
	}
	if n := s.sessions(t); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestHandle_ownerDeleted_losesKeysForGood(t *testing.T) {
	s := newSystem(t)
	const teamID = "0b2c7a4e-8f43-4a55-9d4f-7f6f0a6a1c11"
	store := postgres.NewStore(s.db, nil, events.Encode)
	create := func(owner domain.APIKeyOwner) (key *domain.APIKey) {
		t.Helper()
		err := store.RunTx(t.Context(), func(ctx context.Context, tx app.Tx) (err error) {
			made := ids.NewAPIKey(owner.Type, false)
			key, err = tx.CreateAPIKey(ctx, domain.APIKey{Tenant: tenant, ID: made.ID, Owner: owner}, made.Text())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	ofUser, ofTeam := domain.APIKeyOwner{Type: ids.UserKey, ID: userID}, domain.APIKeyOwner{Type: ids.TeamKey, ID: teamID}
	create(ofUser)
	create(ofTeam)
	s.deliver(t, &eventsv1.Envelope{Payload: &eventsv1.Envelope_UserDeleted{UserDeleted: &eventsv1.UserDeleted{UserId: userID}}})
	s.handle = events.Subscriptions(s.App)[1].Handle
	if create(ofUser) != nil || create(ofTeam) == nil {
		t.Error("keys of the wrong owner ended")
	}
	s.deliver(t, &eventsv1.Envelope{Payload: &eventsv1.Envelope_TeamDeleted{TeamDeleted: &eventsv1.TeamDeleted{TeamId: teamID}}})
	if create(ofTeam) != nil {
		t.Error("a deleted team got a key")
	}
	var n int
	if err := s.db.Querier(t.Context()).QueryRow(t.Context(), "SELECT count(*) FROM api_keys").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d keys, %v", n, err)
	}
}

func TestHandle_projectDeleted_purges(t *testing.T) {
	s := newSystem(t)
	s.open(t)
	s.deliver(t, &eventsv1.Envelope{Payload: &eventsv1.Envelope_ProjectDeleted{ProjectDeleted: &eventsv1.ProjectDeleted{ProjectId: projectID}}})
	if n := s.sessions(t); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestHandle_rolledBack_changesNothing(t *testing.T) {
	s := newSystem(t)
	s.open(t)
	failure := errors.New("crash")
	err := postgres.NewStore(s.db, nil, events.Encode).RunTx(t.Context(), func(ctx context.Context, _ app.Tx) error {
		event := passwordChanged(time.Now().Add(time.Hour), "", true)
		event.ProjectId, event.BranchId = projectID, "main"
		if err := s.handle(ctx, event); err != nil {
			return err
		}
		return failure
	})
	if !errors.Is(err, failure) {
		t.Fatal(err)
	}
	if n := s.sessions(t); n != 1 {
		t.Error("the effect outlived its transaction")
	}
}

func TestEncode_events_nameSubjectAndAggregate(t *testing.T) {
	for _, tt := range []struct {
		event              app.Event
		subject, aggregate string
	}{
		{app.SessionCreated{Tenant: tenant, SessionID: "s", UserID: userID}, "sessions.v1.session.created." + projectID, "session/" + userID},
		{app.SessionsRevoked{Tenant: tenant, UserID: userID}, "sessions.v1.session.revoked." + projectID, "session/" + userID},
		{app.SigningKeyRotated{Audience: domain.Audience{ProjectID: projectID, Kind: domain.Anonymous}, KID: "k"}, "sessions.v1.signing_key.rotated." + projectID, "signing_key/k"},
	} {
		envelope, err := events.Encode(t.Context(), tt.event)
		if err != nil {
			t.Fatal(err)
		}
		if envelope.GetSubject() != tt.subject || envelope.GetAggregate() != tt.aggregate || envelope.GetPayload() == nil {
			t.Errorf("%T is published as %v", tt.event, envelope)
		}
	}
}

func TestEncode_apiKeys_carryRepresentationWithoutText(t *testing.T) {
	key := domain.APIKey{
		Tenant: tenant, ID: "k", Owner: domain.APIKeyOwner{Type: ids.TeamKey, ID: "t"}, Description: "CI", LastFour: "abcd",
		CreatedAt: time.UnixMilli(7), Version: 3,
	}
	for _, tt := range []struct {
		event              app.Event
		subject, aggregate string
		version            int64
	}{
		{app.APIKeyCreated{Key: key}, "sessions.v1.api_key.created." + projectID, "api_key/k", 3},
		{app.APIKeyUpdated{Key: key, Revoked: true}, "sessions.v1.api_key.updated." + projectID, "api_key/k", 3},
		{app.APIKeysDeleted{Tenant: tenant, Owner: key.Owner, KeyIDs: []string{"k"}}, "sessions.v1.api_keys.deleted." + projectID, "api_keys/t", 0},
	} {
		envelope, err := events.Encode(t.Context(), tt.event)
		if err != nil {
			t.Fatal(err)
		}
		if envelope.GetSubject() != tt.subject || envelope.GetAggregate() != tt.aggregate || envelope.GetAggregateVersion() != tt.version || envelope.GetPayload() == nil {
			t.Errorf("%T is published as %v", tt.event, envelope)
		}
	}
	envelope, err := events.Encode(t.Context(), app.APIKeyCreated{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"id": "k", "type": "team", "team_id": "t", "description": "CI", "is_public": false, "created_at_millis": 7.0,
		"value": map[string]any{"last_four": "abcd"},
	}
	if got := envelope.GetApiKeyCreated().GetApiKey().AsMap(); !reflect.DeepEqual(got, want) {
		t.Errorf("representation %v, want %v", got, want)
	}
}

func TestRotatedAudience_message_isRead(t *testing.T) {
	want := domain.Audience{ProjectID: projectID, Kind: domain.Restricted}
	envelope, err := events.Encode(t.Context(), app.SigningKeyRotated{Audience: want, KID: "k"})
	if err != nil {
		t.Fatal(err)
	}
	message, err := proto.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := events.RotatedAudience(message); !ok || got != want {
		t.Errorf("read %v, %v", got, ok)
	}
	for _, garbage := range [][]byte{nil, []byte("\xff")} {
		if got, ok := events.RotatedAudience(garbage); ok {
			t.Errorf("read %v from %q", got, garbage)
		}
	}
}

func TestSubscriptions_teamDeleted_deletesItsKeys(t *testing.T) {
	s := newSystem(t)
	const teamID, otherID = "5f0c2f2e-3a0b-4a53-9f4e-1b1f6c1d8a10", "5f0c2f2e-3a0b-4a53-9f4e-1b1f6c1d8a11"
	for i, owner := range []string{teamID, otherID} {
		if _, err := s.db.Querier(t.Context()).Exec(t.Context(), `INSERT INTO api_keys
			(project_id, branch_id, id, owner_type, owner_id, description, is_public, key_hash, last_four)
			VALUES ($1, 'main', gen_random_uuid(), 'team', $2, 'CI', false, sha256($3), 'abcd')`, projectID, owner, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	teams := events.Subscriptions(s.App)[1].Handle
	for range 2 {
		for _, event := range []*eventsv1.Envelope{
			{ProjectId: projectID, BranchId: "main", Payload: &eventsv1.Envelope_TeamUpdated{TeamUpdated: &eventsv1.TeamUpdated{TeamId: otherID}}},
			{ProjectId: projectID, BranchId: "main", Payload: &eventsv1.Envelope_TeamDeleted{TeamDeleted: &eventsv1.TeamDeleted{TeamId: teamID}}},
		} {
			if err := teams(t.Context(), event); err != nil {
				t.Fatal(err)
			}
		}
	}
	var left string
	if err := s.db.Querier(t.Context()).QueryRow(t.Context(), "SELECT string_agg(owner_id::text, ' ') FROM api_keys").Scan(&left); err != nil || left != otherID {
		t.Errorf("keys of %s are left, %v", left, err)
	}
}
