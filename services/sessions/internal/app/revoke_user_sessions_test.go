package app_test

import (
	"slices"
	"testing"
	"time"

	"vestibule.dev/services/sessions/internal/app"
)

func TestRevokeUserSessions_kept_survivesAlone(t *testing.T) {
	s := newSystem(t)
	kept := s.open(t, request(userID))
	ended := []string{s.open(t, request(userID)).SessionID, s.open(t, request(userID)).SessionID}
	foreign := s.open(t, request(otherUserID))
	s.events.take()
	revocation := app.Revocation{Tenant: tenant, UserID: userID, KeptSessionID: kept.SessionID, Reason: app.PasswordChanged}
	for _, want := range []int{2, 0} {
		revoked, err := s.RevokeUserSessions(t.Context(), revocation)
		if err != nil || revoked != want {
			t.Fatalf("revoked %d, %v, want %d", revoked, err, want)
		}
	}
	for _, token := range []string{kept.RefreshToken, foreign.RefreshToken} {
		if _, err := s.RefreshSession(t.Context(), tenant, token); err != nil {
			t.Error(err)
		}
	}
	events := s.events.take()
	if len(events) != 1 {
		t.Fatalf("events %+v", events)
	}
	got := events[0].(app.SessionsRevoked)
	slices.Sort(got.SessionIDs)
	slices.Sort(ended)
	if !slices.Equal(got.SessionIDs, ended) || got.Reason != app.PasswordChanged {
		t.Errorf("event %+v, want sessions %v", got, ended)
	}
}

// The event about a changed password may arrive long after the change.
func TestRevokeUserSessions_openedBefore_sparesLaterSessions(t *testing.T) {
	s := newSystem(t)
	early, late := s.open(t, request(userID)), s.open(t, request(userID))
	changed := time.Now().UTC().Add(-time.Hour)
	s.exec(t, "UPDATE sessions SET created_at = $2 WHERE id = $1", early.SessionID, changed.Add(-time.Second))
	if _, err := s.RevokeUserSessions(t.Context(), app.Revocation{
		Tenant: tenant, UserID: userID, OpenedBefore: changed, Reason: app.PasswordChanged,
	}); err != nil {
		t.Fatal(err)
	}
	if n := s.count(t, "SELECT count(*) FROM sessions WHERE id = $1", late.SessionID); n != 1 {
		t.Error("a session opened with the new password ended")
	}
	if n := s.count(t, "SELECT count(*) FROM sessions WHERE id = $1", early.SessionID); n != 0 {
		t.Error("a session opened with the old password lives")
	}
}

func TestLookUpSession_token_namesLiveSessionOfItsUser(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t, request(userID))
	for _, tt := range []struct{ userID, token, want string }{
		{userID, opened.RefreshToken, opened.SessionID},
		{otherUserID, opened.RefreshToken, ""},
		{userID, "0123456789abcdefghjkmnpqrstvwxyz0123456789abc", ""},
		{userID, "", ""},
	} {
		if got, err := s.LookUpSession(t.Context(), tenant, tt.userID, tt.token); err != nil || got != tt.want {
			t.Errorf("LookUpSession(%s, %s) = %q, %v", tt.userID, tt.token, got, err)
		}
	}
	s.exec(t, "UPDATE sessions SET expires_at = now()")
	if got, err := s.LookUpSession(t.Context(), tenant, userID, opened.RefreshToken); err != nil || got != "" {
		t.Errorf("expired session is %q, %v", got, err)
	}
}
