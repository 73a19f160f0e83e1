package app_test

import (
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
)

func TestCreateSession_user_getsTokensOfOneSession(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t, request(userID))
	if !ids.ValidUUID(opened.SessionID) || !ids.ValidSecret(opened.RefreshToken) {
		t.Errorf("opened %+v", opened)
	}
	got := claims(t, opened.AccessToken)
	if got["refresh_token_id"] != opened.SessionID || got["sub"] != userID || got["iss"] != "https://api.example.com/api/v1/projects/"+projectID {
		t.Errorf("claims %v", got)
	}
	if n := s.count(t, "SELECT count(*) FROM sessions WHERE expires_at = created_at + interval '365 days' AND NOT is_impersonation AND last_ip_info IS NULL"); n != 1 {
		t.Error("the session differs from what was asked for")
	}
	events := s.events.take()
	if len(events) != 1 || events[0] != (app.SessionCreated{Tenant: tenant, SessionID: opened.SessionID, UserID: userID}) {
		t.Errorf("events %+v", events)
	}
	if n := s.count(t, "SELECT count(*) FROM outbox WHERE subject = $1", "sessions.v1.session.created."+projectID); n != 1 {
		t.Errorf("%d events wait to be published", n)
	}
}

func TestCreateSession_refreshToken_isNotStored(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t, request(userID))
	if n := s.count(t, "SELECT count(*) FROM sessions s WHERE position($1 IN s::text) > 0", opened.RefreshToken); n != 0 {
		t.Error("the refresh token is in the row")
	}
	if n := s.count(t, "SELECT count(*) FROM sessions WHERE token_hash = sha256(convert_to($1, 'UTF8'))", opened.RefreshToken); n != 1 {
		t.Error("the row does not hold the token's hash")
	}
}

func TestCreateSession_impersonation_livesAsLongAsAsked(t *testing.T) {
	s := newSystem(t)
	wanted := request(userID)
	wanted.Lifetime, wanted.IsImpersonation = 90*time.Second, true
	s.open(t, wanted)
	if n := s.count(t, "SELECT count(*) FROM sessions WHERE expires_at = created_at + interval '90 seconds' AND is_impersonation"); n != 1 {
		t.Error("the session differs from what was asked for")
	}
}

func TestCreateSession_warm_costsTwoStatementsAndOneSignature(t *testing.T) {
	s := newSystem(t)
	s.open(t, request(userID))
	s.signer.signatures.Store(0)
	ctx, statements := pg.CountQueries(t.Context())
	if _, err := s.CreateSession(ctx, request(userID)); err != nil {
		t.Fatal(err)
	}
	if statements.Load() != 2 || s.signer.signatures.Load() != 1 || s.users.calls.Load() != 0 {
		t.Errorf("%d statements, %d signatures, %d calls", statements.Load(), s.signer.signatures.Load(), s.users.calls.Load())
	}
}

func TestCreateSession_deletedUser_isRefused(t *testing.T) {
	s := newSystem(t)
	if _, err := s.RevokeUserSessions(t.Context(), app.Revocation{Tenant: tenant, UserID: userID, Reason: app.UserDeleted}); err != nil {
		t.Fatal(err)
	}
	_, err := s.CreateSession(t.Context(), request(userID))
	checkError(t, err, apierr.UserNotFound())
	if n := s.count(t, "SELECT count(*) FROM sessions"); n != 0 {
		t.Errorf("%d sessions", n)
	}
	s.open(t, request(otherUserID))
}

func TestCreateSession_kinds_haveAudiencesAndKeysOfTheirOwn(t *testing.T) {
	s := newSystem(t)
	kids := map[string]bool{}
	for audience, subject := range map[string]domain.Subject{
		projectID:                 {UserID: userID},
		projectID + ":restricted": {UserID: userID, Restricted: true, RestrictedReason: "email_not_verified"},
		projectID + ":anon":       {UserID: userID, Restricted: true, Anonymous: true, RestrictedReason: "anonymous"},
	} {
		opened := s.open(t, app.SessionRequest{Tenant: tenant, Subject: subject})
		if got := claims(t, opened.AccessToken)["aud"]; got != audience {
			t.Errorf("audience %v, want %s", got, audience)
		}
		kids[keyID(t, opened.AccessToken)] = true
	}
	if len(kids) != 3 {
		t.Errorf("%d signing keys for three audiences", len(kids))
	}
}
