package app_test

import (
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/sessions/internal/app"
)

func TestDeleteSession_refused_changesNothing(t *testing.T) {
	s := newSystem(t)
	own, foreign := s.open(t, request(userID)).SessionID, s.open(t, request(otherUserID)).SessionID
	notFound := apierr.Text(http.StatusNotFound, "")
	elsewhere := backend(principal.AccessServer)
	elsewhere.ProjectID = otherProjectID
	withToken := client(userID, own)
	withToken.Access = principal.AccessServer
	for name, tt := range map[string]struct {
		caller    principal.Principal
		sessionID string
		want      *apierr.Error
	}{
		"unknown":                         {client(userID, own), "7d9f3c0a-54a3-4b8a-9c39-0a4d3ce1c0b1", notFound},
		"foreign":                         {client(userID, own), foreign, notFound},
		"client without user":             {backend(principal.AccessClient), own, notFound},
		"other project":                   {elsewhere, own, notFound},
		"current":                         {client(userID, own), own, apierr.CannotDeleteCurrentSession()},
		"current in upper case":           {client(userID, own), strings.ToUpper(own), apierr.CannotDeleteCurrentSession()},
		"current of a token with a key":   {withToken, own, apierr.CannotDeleteCurrentSession()},
		"current of another user's token": {client(userID, foreign), foreign, notFound},
	} {
		t.Run(name, func(t *testing.T) { checkError(t, s.DeleteSession(t.Context(), tt.caller, tt.sessionID), tt.want) })
	}
	if n := s.count(t, "SELECT count(*) FROM sessions"); n != 2 {
		t.Errorf("%d sessions left", n)
	}
}

// The token of a deleted user outlives them, and "me" stands for nobody
// (protocol §5, step 12).
func TestSessions_deletedUser_isNobody(t *testing.T) {
	s := newSystem(t)
	own := s.open(t, request(userID))
	if _, err := s.RevokeUserSessions(t.Context(), app.Revocation{Tenant: tenant, UserID: userID, Reason: app.UserDeleted}); err != nil {
		t.Fatal(err)
	}
	s.users.delete(userID)
	gone := client(userID, own.SessionID)
	backendWithGone := gone
	backendWithGone.Access = principal.AccessServer
	withoutToken := crossDomain(own)
	withoutToken.RefreshToken = ""
	noUser, signIn := apierr.CannotGetOwnUserWithoutUser(), apierr.UserAuthenticationRequired()
	for name, tt := range map[string]struct {
		err  error
		want *apierr.Error
	}{
		"list mine":                   {last(s.ListSessions(t.Context(), gone, userID)), noUser},
		"list mine in upper case":     {last(s.ListSessions(t.Context(), gone, strings.ToUpper(userID))), noUser},
		"list others'":                {last(s.ListSessions(t.Context(), gone, otherUserID)), noUser},
		"end mine":                    {s.DeleteSession(t.Context(), gone, own.SessionID), noUser},
		"end another":                 {s.DeleteSession(t.Context(), gone, ids.NewUUID()), noUser},
		"sign out":                    {s.DeleteCurrentSession(t.Context(), gone), apierr.RefreshTokenNotFoundOrExpired()},
		"hand over":                   {last(s.AuthorizeCrossDomain(t.Context(), gone, crossDomain(own))), signIn},
		"hand over, no refresh token": {last(s.AuthorizeCrossDomain(t.Context(), gone, withoutToken)), signIn},
		"a server, list mine":         {last(s.ListSessions(t.Context(), backendWithGone, userID)), noUser},
		"a server, hand over":         {last(s.AuthorizeCrossDomain(t.Context(), backendWithGone, withoutToken)), signIn},
	} {
		t.Run(name, func(t *testing.T) { checkError(t, tt.err, tt.want) })
	}
	if sessions, err := s.ListSessions(t.Context(), backend(principal.AccessServer), userID); err != nil || len(sessions) != 0 {
		t.Errorf("a server sees %v, %v", sessions, err)
	}
}

func TestDeleteSession_allowed_endsItAndSaysSo(t *testing.T) {
	s := newSystem(t)
	for name, caller := range map[string]principal.Principal{
		"client": client(userID, "7d9f3c0a-54a3-4b8a-9c39-0a4d3ce1c0b1"),
		"server": backend(principal.AccessServer),
		"admin":  backend(principal.AccessAdmin),
	} {
		opened := s.open(t, request(userID))
		s.events.take()
		if err := s.DeleteSession(t.Context(), caller, opened.SessionID); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, err := s.RefreshSession(t.Context(), tenant, opened.RefreshToken)
		checkError(t, err, apierr.RefreshTokenNotFoundOrExpired())
		want := []app.Event{app.SessionsRevoked{
			Tenant: tenant, UserID: userID, SessionIDs: []string{opened.SessionID}, Reason: app.Deleted,
		}}
		if got := s.events.take(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: events %+v, want %+v", name, got, want)
		}
	}
}

func TestDeleteCurrentSession_withoutToken_isExpiredNow(t *testing.T) {
	s := newSystem(t)
	err := s.DeleteCurrentSession(t.Context(), backend(principal.AccessClient))
	checkError(t, err, apierr.AccessTokenExpired(apierr.ExpiredToken{}))
	want := map[string]any{
		"expired_at_millis": float64(epoch.UnixMilli()), "project_id": nil, "user_id": nil, "refresh_token_id": nil,
	}
	if got := err.(*apierr.Error).Details; !reflect.DeepEqual(got, want) {
		t.Errorf("details %v, want %v", got, want)
	}
}

func TestDeleteCurrentSession_inParallel_succeedsOnce(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t, request(userID))
	s.events.take()
	var signedOut atomic.Int32
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			switch err := s.DeleteCurrentSession(t.Context(), client(userID, opened.SessionID)); {
			case err == nil:
				signedOut.Add(1)
			default:
				checkError(t, err, apierr.RefreshTokenNotFoundOrExpired())
			}
		})
	}
	wait.Wait()
	if signedOut.Load() != 1 || len(s.events.take()) != 1 {
		t.Errorf("signed out %d times", signedOut.Load())
	}
}
