package app_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/services/sessions/internal/app"
)

func TestRefreshSession_liveSession_mintsTokenOfTheUser(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t, request(userID))
	s.clock.Advance(time.Hour)
	token, err := s.RefreshSession(t.Context(), tenant, opened.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	got := claims(t, token)
	if got["sub"] != userID || got["refresh_token_id"] != opened.SessionID || got["name"] != "Ada" ||
		got["iat"] != float64(epoch.Add(time.Hour).Unix()) || got["exp"] != float64(epoch.Add(70*time.Minute).Unix()) {
		t.Errorf("claims %v", got)
	}
}

// A refresh is the most frequent request of all: its costs are exact.
func TestRefreshSession_warm_costsOneStatementOneCallOneSignature(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t, request(userID))
	s.signer.signatures.Store(0)
	ctx, statements := pg.CountQueries(fromBrowser(t.Context(), "203.0.113.7"))
	if _, err := s.RefreshSession(ctx, tenant, opened.RefreshToken); err != nil {
		t.Fatal(err)
	}
	if statements.Load() != 1 || s.users.calls.Load() != 1 || s.signer.signatures.Load() != 1 || s.projects.calls.Load() != 0 {
		t.Errorf("%d statements, %d calls, %d signatures, %d project reads",
			statements.Load(), s.users.calls.Load(), s.signer.signatures.Load(), s.projects.calls.Load())
	}
}

func TestRefreshSession_refused_isOneError(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t, request(userID))
	expired := s.open(t, request(userID))
	s.exec(t, "UPDATE sessions SET expires_at = now() WHERE id = $1", expired.SessionID)
	orphan := s.open(t, request(otherUserID))
	s.users.delete(otherUserID)
	for name, tt := range map[string]struct {
		tenant ids.Tenant
		token  string
	}{
		"unknown":       {tenant, ids.Secret()},
		"malformed":     {tenant, "x"},
		"empty":         {tenant, ""},
		"other project": {ids.Tenant{ProjectID: otherProjectID, BranchID: "main"}, opened.RefreshToken},
		"other branch":  {ids.Tenant{ProjectID: projectID, BranchID: "other"}, opened.RefreshToken},
		"expired":       {tenant, expired.RefreshToken},
		"user deleted":  {tenant, orphan.RefreshToken},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.RefreshSession(t.Context(), tt.tenant, tt.token)
			checkError(t, err, apierr.RefreshTokenNotFoundOrExpired())
		})
	}
}

func TestRefreshSession_identityDown_isNotASignOut(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t, request(userID))
	s.users.failure = apierr.Unavailable(time.Second)
	_, err := s.RefreshSession(t.Context(), tenant, opened.RefreshToken)
	checkError(t, err, apierr.Unavailable(time.Second))
}

// R12: refresh tokens do not rotate, so nobody is signed out by a race.
func TestRefreshSession_64InParallel_allSucceedInOneSession(t *testing.T) {
	s := newSystem(t)
	other, _ := s.replica(t)
	opened := s.open(t, request(userID))
	tokens := make([]string, 64)
	var wait sync.WaitGroup
	for i := range tokens {
		replica := []*app.App{s.App, other}[i%2]
		wait.Go(func() {
			var err error
			if tokens[i], err = replica.RefreshSession(t.Context(), tenant, opened.RefreshToken); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, token := range tokens {
		if got := claims(t, token)["refresh_token_id"]; got != opened.SessionID {
			t.Fatalf("token of session %v", got)
		}
	}
	if n := s.count(t, "SELECT count(*) FROM sessions"); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestRefreshSession_duringSignOut_succeedsOrIsRefused(t *testing.T) {
	s := newSystem(t)
	for range 20 {
		opened := s.open(t, request(userID))
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				_, err := s.RefreshSession(t.Context(), tenant, opened.RefreshToken)
				if err != nil && !errors.Is(err, apierr.RefreshTokenNotFoundOrExpired()) {
					t.Error(err)
				}
			})
		}
		wait.Go(func() {
			if err := s.DeleteCurrentSession(t.Context(), client(userID, opened.SessionID)); err != nil {
				t.Error(err)
			}
		})
		wait.Wait()
		_, err := s.RefreshSession(t.Context(), tenant, opened.RefreshToken)
		checkError(t, err, apierr.RefreshTokenNotFoundOrExpired())
	}
}
