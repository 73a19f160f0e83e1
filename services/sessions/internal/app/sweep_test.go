package app_test

import "testing"

func TestSweep_expiredLongAgo_isDeletedInBatches(t *testing.T) {
	s := newSystem(t)
	live, recent := s.open(t, request(userID)), s.open(t, request(userID))
	s.exec(t, "UPDATE sessions SET expires_at = now() - interval '29 days' WHERE id = $1", recent.SessionID)
	s.exec(t, `
		INSERT INTO sessions (project_id, branch_id, id, user_id, token_hash, expires_at, is_impersonation)
		SELECT $1, 'main', gen_random_uuid(), $2, sha256(n::text::bytea), now() - interval '31 days', false
		FROM generate_series(1, 1234) n`, projectID, userID)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.count(t, "SELECT count(*) FROM sessions WHERE id IN ($1, $2)", live.SessionID, recent.SessionID); n != 2 {
		t.Errorf("%d of 2 sessions left", n)
	}
	if n := s.count(t, "SELECT count(*) FROM sessions"); n != 2 {
		t.Errorf("%d sessions left", n)
	}
}

func TestSweep_orphans_areDeleted(t *testing.T) {
	s := newSystem(t)
	s.open(t, request(userID))
	s.open(t, request(otherUserID))
	// As if the session had been inserted while the deletion ran.
	s.exec(t, "INSERT INTO deleted_users (project_id, branch_id, user_id) VALUES ($1, 'main', $2)", projectID, userID)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.count(t, "SELECT count(*) FROM sessions WHERE user_id = $1", otherUserID); n != 1 || s.count(t, "SELECT count(*) FROM sessions") != 1 {
		t.Error("the wrong sessions are left")
	}
	s.exec(t, "INSERT INTO deleted_projects (project_id) VALUES ($1)", projectID)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.count(t, "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM signing_keys)"); n != 0 {
		t.Errorf("%d rows left", n)
	}
}
