package app_test

import (
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/app"
)

func TestOpenSession_user_getsWorkingTokens(t *testing.T) {
	s := newSystem(t)
	opened, err := s.OpenSession(t.Context(), app.SessionOpening{Tenant: tenant, UserID: userID, IsImpersonation: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := claims(t, opened.AccessToken); got["sub"] != userID || got["name"] != "Ada" {
		t.Errorf("claims %v", got)
	}
	if _, err := s.RefreshSession(t.Context(), tenant, opened.RefreshToken); err != nil {
		t.Error(err)
	}
	if n := s.count(t, "SELECT count(*) FROM sessions WHERE is_impersonation AND expires_at = created_at + interval '365 days'"); n != 1 {
		t.Error("the session differs from what was asked for")
	}
	if events := s.events.take(); len(events) != 1 || !events[0].(app.SessionCreated).IsImpersonation {
		t.Errorf("events %+v", events)
	}
}

func TestOpenSession_lifetime_isTheOneAskedFor(t *testing.T) {
	s := newSystem(t)
	for lifetime, stored := range map[time.Duration]string{
		367 * 24 * time.Hour: "367 days",
		2 * time.Minute:      "2 minutes",
		0:                    "1 millisecond",
		-time.Hour:           "1 millisecond",
	} {
		if _, err := s.OpenSession(t.Context(), app.SessionOpening{Tenant: tenant, UserID: userID, Lifetime: &lifetime}); err != nil {
			t.Fatal(err)
		}
		if n := s.count(t, "DELETE FROM sessions WHERE expires_at = created_at + $1::interval RETURNING 1", stored); n != 1 {
			t.Errorf("%v: not stored as %s", lifetime, stored)
		}
	}
}

func TestOpenSession_userUnknown_isToldAsWrongReference(t *testing.T) {
	s := newSystem(t)
	s.users.delete(otherUserID)
	_, err := s.OpenSession(t.Context(), app.SessionOpening{Tenant: tenant, UserID: otherUserID})
	checkError(t, err, apierr.UserIDDoesNotExist(otherUserID))
	// Deleted here, while identity still knew them.
	if _, err := s.RevokeUserSessions(t.Context(), app.Revocation{Tenant: tenant, UserID: userID, Reason: app.UserDeleted}); err != nil {
		t.Fatal(err)
	}
	_, err = s.OpenSession(t.Context(), app.SessionOpening{Tenant: tenant, UserID: userID})
	checkError(t, err, apierr.UserIDDoesNotExist(userID))
	if n := s.count(t, "SELECT count(*) FROM sessions"); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestOpenSession_identityDown_isPassedOn(t *testing.T) {
	s := newSystem(t)
	s.users.failure = apierr.Unavailable(time.Second)
	_, err := s.OpenSession(t.Context(), app.SessionOpening{Tenant: ids.Tenant{ProjectID: projectID, BranchID: "main"}, UserID: userID})
	checkError(t, err, apierr.Unavailable(time.Second))
}
