package app_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/services/sessions/internal/app"
)

// mails opens the mails that wait, by user, and takes them from the queue.
func (s *system) mails(t *testing.T) map[string]courier.Mail {
	t.Helper()
	rows, err := s.db.Querier(t.Context()).Query(t.Context(), `DELETE FROM courier_mails RETURNING project_id, id::text, payload`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]courier.Mail{}
	for rows.Next() {
		var project, id string
		var payload []byte
		if err := rows.Scan(&project, &id, &payload); err != nil {
			t.Fatal(err)
		}
		plain, err := s.box.Open(payload, "courier_mails", project, id)
		if err != nil {
			t.Fatal(err)
		}
		var mail courier.Mail
		if err := json.Unmarshal(plain, &mail); err != nil {
			t.Fatal(err)
		}
		if _, twice := found[mail.ToUserID]; twice {
			t.Errorf("two mails to %s", mail.ToUserID)
		}
		found[mail.ToUserID] = mail
	}
	return found
}

func TestRevokeLeakedAPIKey_key_diesOnceAndIsTold(t *testing.T) {
	s := newSystem(t)
	third, fourth := ids.NewUUID(), ids.NewUUID()
	s.users.emails = map[string]string{userID: "ada@example.com", otherUserID: "grace@example.com", third: "ada@example.com"}
	s.teams.managers = []string{otherUserID, userID, third, fourth} // one shares an address, one has none
	for i, want := range [][]string{{userID}, {otherUserID, userID}} {
		owner := owners[i]
		key, text := s.makeKey(t, owner)
		// Nobody asks whether the project has switched keys off.
		s.configs.user, s.configs.team = false, false
		s.events.take()
		for range 2 {
			if err := s.RevokeLeakedAPIKey(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
		s.configs.user, s.configs.team = true, true
		_, err := s.CheckAPIKey(t.Context(), server, owner.Type, text)
		checkError(t, err, apierr.APIKeyRevoked())
		revoked, err := s.GetAPIKey(t.Context(), server, owner.Type, key.ID)
		if err != nil || revoked.RevokedAt == nil {
			t.Fatalf("key %+v, %v", revoked, err)
		}
		if got := s.events.take(); !reflect.DeepEqual(got, []app.Event{app.APIKeyUpdated{Key: *revoked, Revoked: true}}) {
			t.Errorf("events %+v", got)
		}
		mails := s.mails(t)
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(mails)); !slices.Equal(got, want) {
			t.Errorf("mails to %q, want %q", got, want)
		}
		mail := mails[userID]
		if mail.Template != "api_key_revoked" || mail.Tenant != tenant || len(mail.ToEmails) != 0 ||
			!maps.Equal(mail.Variables, map[string]string{"description": "CI", "lastFour": text[len(text)-4:]}) {
			t.Errorf("mail %+v", mail)
		}
	}
}

func TestRevokeLeakedAPIKey_checks_comeInOrder(t *testing.T) {
	s := newSystem(t)
	past := time.Now().Add(-time.Minute)
	make := func(public bool, expiresAt *time.Time) (id, text string) {
		key, text, err := s.CreateAPIKey(t.Context(), server, app.NewAPIKey{Owner: ofUser, IsPublic: public, ExpiresAt: expiresAt})
		if err != nil {
			t.Fatal(err)
		}
		return key.ID, text
	}
	_, public := make(true, &past)
	expiredID, expired := make(false, &past)
	revokedID, revoked := make(false, nil)
	for _, id := range []string{expiredID, revokedID} {
		if _, err := s.UpdateAPIKey(t.Context(), server, ids.UserKey, id, app.APIKeyChange{Revoke: true}); err != nil {
			t.Fatal(err)
		}
	}
	s.events.take()
	for _, text := range []string{"", "x", ids.NewAPIKey(ids.UserKey, false).Text(), revoked + "0"} {
		checkError(t, s.RevokeLeakedAPIKey(t.Context(), text), apierr.APIKeyNotFound())
	}
	checkError(t, s.RevokeLeakedAPIKey(t.Context(), public), apierr.PublicAPIKeyCannotBeRevoked())
	checkError(t, s.RevokeLeakedAPIKey(t.Context(), expired), apierr.APIKeyExpired())
	if err := s.RevokeLeakedAPIKey(t.Context(), revoked); err != nil {
		t.Error(err)
	}
	if got, mails := s.events.take(), s.mails(t); len(got) != 0 || len(mails) != 0 {
		t.Errorf("events %v, mails %v", got, mails)
	}
}

// Many scanners find a key at the same moment. Without the guard of the update
// each of them sends mails.
func TestRevokeLeakedAPIKey_inParallel_isToldOnce(t *testing.T) {
	s := newSystem(t)
	s.users.emails = map[string]string{userID: "ada@example.com"}
	_, text := s.makeKey(t, ofUser)
	s.events.take()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := s.RevokeLeakedAPIKey(t.Context(), text); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, mails := s.events.take(), s.mails(t); len(got) != 1 || len(mails) != 1 {
		t.Errorf("%d events, %d mails", len(got), len(mails))
	}
}

// A context that does not answer keeps the revocation back instead of losing its
// mails; whoever found the key comes again.
func TestRevokeLeakedAPIKey_neighbourDown_changesNothing(t *testing.T) {
	s := newSystem(t)
	_, text := s.makeKey(t, ofTeam)
	s.events.take()
	down := apierr.Unavailable(time.Second)
	s.teams.failure = down
	checkError(t, s.RevokeLeakedAPIKey(t.Context(), text), down)
	s.teams.failure, s.users.failure = nil, down
	checkError(t, s.RevokeLeakedAPIKey(t.Context(), text), down)
	if n := s.count(t, "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL"); n != 1 || len(s.events.take()) != 0 {
		t.Error("something was written")
	}
}

// Looking for a key in all projects is one indexed statement.
func TestRevokeLeakedAPIKey_unknownKey_costsOneIndexedStatement(t *testing.T) {
	s := newSystem(t)
	s.exec(t, `INSERT INTO api_keys (project_id, branch_id, id, owner_type, owner_id, description, is_public, key_hash, last_four)
		SELECT 'p' || i % 100, 'main', gen_random_uuid(), 'user', gen_random_uuid(), '', false, sha256(i::text::bytea), 'abcd' FROM generate_series(1, 20000) i`)
	s.exec(t, "ANALYZE api_keys")
	ctx, statements := pg.CountQueries(t.Context())
	checkError(t, s.RevokeLeakedAPIKey(ctx, "sk_nobodys"), apierr.APIKeyNotFound())
	if statements.Load() != 1 || s.users.calls.Load() != 0 || s.teams.calls.Load() != 0 {
		t.Errorf("%d statements, %d and %d calls", statements.Load(), s.users.calls.Load(), s.teams.calls.Load())
	}
	var plan string
	if err := s.db.Querier(t.Context()).QueryRow(t.Context(), `EXPLAIN (FORMAT JSON) SELECT * FROM api_keys WHERE key_hash = $1`, make([]byte, 32)).Scan(&plan); err != nil {
		t.Fatal(err)
	}
	var nodes []struct {
		Plan struct {
			Node  string `json:"Node Type"`
			Index string `json:"Index Name"`
		}
	}
	if err := json.Unmarshal([]byte(plan), &nodes); err != nil || nodes[0].Plan.Index != "api_keys_key_hash_key" {
		t.Errorf("plan %s, %v", plan, err)
	}
}
