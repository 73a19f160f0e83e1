package app_test

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/services/sessions/internal/app"
)

var (
	badRequest = apierr.Text(http.StatusBadRequest, "")
	elsewhere  = ids.Tenant{ProjectID: otherProjectID, BranchID: "main"}
)

func (s *system) beginCLILogin(t testing.TB, request app.CLILoginRequest) app.BegunCLILogin {
	t.Helper()
	request.Tenant = tenant
	begun, err := s.BeginCLILogin(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return begun
}

// openAnonymously opens a session of an anonymous user.
func (s *system) openAnonymously(t testing.TB) app.OpenedSession {
	t.Helper()
	s.users.anonymous = []string{otherUserID}
	return s.open(t, request(otherUserID))
}

func (s *system) poll(t testing.TB, code string) (app.CLILoginStatus, string) {
	t.Helper()
	status, token, err := s.PollCLILogin(t.Context(), tenant, code)
	if err != nil {
		t.Fatal(err)
	}
	return status, token
}

func TestCLILogin_life_fromBeginToUse(t *testing.T) {
	s := newSystem(t)
	before := time.Now()
	begun := s.beginCLILogin(t, app.CLILoginRequest{})
	if !ids.ValidSecret(begun.PollingCode) || !ids.ValidSecret(begun.LoginCode) || begun.PollingCode == begun.LoginCode {
		t.Errorf("codes %q and %q", begun.PollingCode, begun.LoginCode)
	}
	if left := begun.ExpiresAt.Sub(before); left < time.Minute || left > 3*time.Minute {
		t.Errorf("expires in %v", left)
	}
	if status, _ := s.poll(t, begun.PollingCode); status != app.CLILoginWaiting {
		t.Errorf("status %s", status)
	}
	browser := s.open(t, request(userID))
	if err := s.CompleteCLILogin(t.Context(), tenant, begun.LoginCode, browser.RefreshToken); err != nil {
		t.Fatal(err)
	}
	// Completed once, it can be neither completed nor looked at again.
	checkError(t, s.CompleteCLILogin(t.Context(), tenant, begun.LoginCode, browser.RefreshToken), badRequest)
	_, err := s.CheckCLILogin(t.Context(), tenant, begun.LoginCode)
	checkError(t, err, badRequest)
	_, err = s.ClaimCLILogin(t.Context(), tenant, begun.LoginCode)
	checkError(t, err, badRequest)

	status, token := s.poll(t, begun.PollingCode)
	if status != app.CLILoginSuccess || token != browser.RefreshToken {
		t.Errorf("status %s with token %q", status, token)
	}
	if status, token = s.poll(t, begun.PollingCode); status != app.CLILoginUsed || token != "" {
		t.Errorf("status %s with token %q", status, token)
	}
	if n := s.count(t, "SELECT count(*) FROM cli_logins WHERE completed_session IS NULL AND anonymous_session IS NULL"); n != 1 {
		t.Error("a used log-in keeps its tokens")
	}
}

func TestCLILogin_secrets_areNotStored(t *testing.T) {
	s := newSystem(t)
	anonymous := s.openAnonymously(t)
	begun := s.beginCLILogin(t, app.CLILoginRequest{AnonymousToken: &anonymous.RefreshToken})
	other := s.beginCLILogin(t, app.CLILoginRequest{})
	browser := s.open(t, request(userID))
	if err := s.CompleteCLILogin(t.Context(), tenant, other.LoginCode, browser.RefreshToken); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{begun.PollingCode, begun.LoginCode, anonymous.RefreshToken, browser.RefreshToken} {
		if n := s.count(t, `SELECT count(*) FROM cli_logins c WHERE strpos(encode(coalesce(anonymous_session, '') || coalesce(completed_session, '')
			|| polling_code_hash || login_code_hash, 'escape'), $1) > 0`, text); n != 0 {
			t.Errorf("%q is stored", text)
		}
	}
}

func TestPollCLILogin_unknown_isRefused(t *testing.T) {
	s := newSystem(t)
	begun := s.beginCLILogin(t, app.CLILoginRequest{})
	for name, tt := range map[string]struct {
		tenant ids.Tenant
		code   string
	}{
		"unknown":       {tenant, ids.Secret()},
		"empty":         {tenant, ""},
		"login code":    {tenant, begun.LoginCode},
		"other project": {elsewhere, begun.PollingCode},
		"other branch":  {ids.Tenant{ProjectID: projectID, BranchID: "other"}, begun.PollingCode},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := s.PollCLILogin(t.Context(), tt.tenant, tt.code)
			checkError(t, err, apierr.InvalidPollingCode())
		})
	}
}

func TestCLILogin_expired_isOverWhateverItsState(t *testing.T) {
	s := newSystem(t)
	browser := s.open(t, request(userID))
	var dead []app.BegunCLILogin
	for _, lifetime := range []time.Duration{0, -time.Hour} {
		dead = append(dead, s.beginCLILogin(t, app.CLILoginRequest{Lifetime: &lifetime}))
	}
	completed, used := s.beginCLILogin(t, app.CLILoginRequest{}), s.beginCLILogin(t, app.CLILoginRequest{})
	for _, begun := range []app.BegunCLILogin{completed, used} {
		if err := s.CompleteCLILogin(t.Context(), tenant, begun.LoginCode, browser.RefreshToken); err != nil {
			t.Fatal(err)
		}
	}
	s.poll(t, used.PollingCode)
	s.exec(t, "UPDATE cli_logins SET expires_at = now() WHERE expires_at > now()")
	for _, begun := range append(dead, completed, used) {
		if status, token := s.poll(t, begun.PollingCode); status != app.CLILoginExpired || token != "" {
			t.Errorf("status %s with token %q", status, token)
		}
	}
	for _, begun := range dead {
		checkError(t, s.CompleteCLILogin(t.Context(), tenant, begun.LoginCode, browser.RefreshToken), badRequest)
		_, err := s.CheckCLILogin(t.Context(), tenant, begun.LoginCode)
		checkError(t, err, badRequest)
	}
}

func TestCompleteCLILogin_refused_staysOpen(t *testing.T) {
	s := newSystem(t)
	begun := s.beginCLILogin(t, app.CLILoginRequest{})
	browser := s.open(t, request(userID))
	expired := s.open(t, request(userID))
	s.exec(t, "UPDATE sessions SET expires_at = now() WHERE id = $1", expired.SessionID)
	foreign := request(userID)
	foreign.Tenant = elsewhere
	abroad := s.open(t, foreign)
	for name, tt := range map[string]struct {
		tenant      ids.Tenant
		code, token string
	}{
		"code unknown":             {tenant, ids.Secret(), browser.RefreshToken},
		"code empty":               {tenant, "", browser.RefreshToken},
		"polling code":             {tenant, begun.PollingCode, browser.RefreshToken},
		"code of another project":  {elsewhere, begun.LoginCode, abroad.RefreshToken},
		"token missing":            {tenant, begun.LoginCode, ""},
		"token unknown":            {tenant, begun.LoginCode, ids.Secret()},
		"token expired":            {tenant, begun.LoginCode, expired.RefreshToken},
		"token of another project": {tenant, begun.LoginCode, abroad.RefreshToken},
	} {
		t.Run(name, func(t *testing.T) {
			checkError(t, s.CompleteCLILogin(t.Context(), tt.tenant, tt.code, tt.token), badRequest)
		})
	}
	if status, _ := s.poll(t, begun.PollingCode); status != app.CLILoginWaiting {
		t.Errorf("status %s", status)
	}
	if err := s.CompleteCLILogin(t.Context(), tenant, begun.LoginCode, browser.RefreshToken); err != nil {
		t.Error(err)
	}
}

func TestBeginCLILogin_anonymousToken_mustBeThatOfAnAnonymousUser(t *testing.T) {
	s := newSystem(t)
	anonymous := s.openAnonymously(t)
	s.beginCLILogin(t, app.CLILoginRequest{AnonymousToken: &anonymous.RefreshToken})
	expired := s.open(t, request(otherUserID))
	s.exec(t, "UPDATE sessions SET expires_at = now() WHERE id = $1", expired.SessionID)
	foreign := request(otherUserID)
	foreign.Tenant = elsewhere
	gone := s.open(t, request(ids.NewUUID()))
	for name, token := range map[string]string{
		"empty": "", "malformed": "x", "unknown": ids.Secret(),
		"not anonymous":   s.open(t, request(userID)).RefreshToken,
		"expired":         expired.RefreshToken,
		"another project": s.open(t, foreign).RefreshToken,
		"user gone":       gone.RefreshToken,
	} {
		if name == "user gone" {
			s.users.delete(claims(t, gone.AccessToken)["sub"].(string))
		}
		t.Run(name, func(t *testing.T) {
			_, err := s.BeginCLILogin(t.Context(), app.CLILoginRequest{Tenant: tenant, AnonymousToken: &token})
			checkError(t, err, badRequest)
		})
	}
	if n := s.count(t, "SELECT count(*) FROM cli_logins"); n != 1 {
		t.Errorf("%d log-ins", n)
	}
}

func TestCLILogin_anonymousSession_isClaimedAndUpgraded(t *testing.T) {
	s := newSystem(t)
	anonymous := s.openAnonymously(t)
	begun := s.beginCLILogin(t, app.CLILoginRequest{AnonymousToken: &anonymous.RefreshToken})
	if found, err := s.CheckCLILogin(t.Context(), tenant, begun.LoginCode); !found || err != nil {
		t.Errorf("anonymous %v, %v", found, err)
	}
	tokens, err := s.ClaimCLILogin(t.Context(), tenant, begun.LoginCode)
	if err != nil {
		t.Fatal(err)
	}
	got := claims(t, tokens.AccessToken)
	if tokens.RefreshToken != anonymous.RefreshToken || got["sub"] != otherUserID || got["refresh_token_id"] != anonymous.SessionID || got["is_anonymous"] != true {
		t.Errorf("claims %v", got)
	}
	// It is handed on once; the log-in goes on.
	_, err = s.ClaimCLILogin(t.Context(), tenant, begun.LoginCode)
	checkError(t, err, badRequest)
	if found, err := s.CheckCLILogin(t.Context(), tenant, begun.LoginCode); found || err != nil {
		t.Errorf("anonymous %v, %v", found, err)
	}
	upgraded := s.open(t, request(otherUserID))
	if err := s.CompleteCLILogin(t.Context(), tenant, begun.LoginCode, upgraded.RefreshToken); err != nil {
		t.Fatal(err)
	}
	if status, token := s.poll(t, begun.PollingCode); status != app.CLILoginSuccess || token != upgraded.RefreshToken {
		t.Errorf("status %s with token %q", status, token)
	}
}

func TestCLILogin_anonymousSessionOver_isNone(t *testing.T) {
	s := newSystem(t)
	for name, end := range map[string]func(app.OpenedSession){
		"upgraded": func(app.OpenedSession) { s.users.anonymous = nil },
		"ended": func(opened app.OpenedSession) {
			s.exec(t, "DELETE FROM sessions WHERE id = $1", opened.SessionID)
		},
		"none": nil,
	} {
		t.Run(name, func(t *testing.T) {
			request := app.CLILoginRequest{}
			anonymous := s.openAnonymously(t)
			if end != nil {
				request.AnonymousToken = &anonymous.RefreshToken
			}
			begun := s.beginCLILogin(t, request)
			if end != nil {
				end(anonymous)
			}
			if found, err := s.CheckCLILogin(t.Context(), tenant, begun.LoginCode); found || err != nil {
				t.Errorf("anonymous %v, %v", found, err)
			}
			_, err := s.ClaimCLILogin(t.Context(), tenant, begun.LoginCode)
			checkError(t, err, badRequest)
		})
	}
}

// R10: of all that use a code at the same time, one succeeds.
func TestCLILogin_64InParallel_eachCodeOnce(t *testing.T) {
	s := newSystem(t)
	other, _ := s.replica(t)
	replicas := []*app.App{s.App, other}
	browser, anonymous := s.open(t, request(userID)), s.openAnonymously(t)
	race := func(use func(replica *app.App) (won bool)) {
		t.Helper()
		var winners atomic.Int32
		var wait sync.WaitGroup
		for i := range 64 {
			wait.Go(func() {
				if use(replicas[i%2]) {
					winners.Add(1)
				}
			})
		}
		wait.Wait()
		if winners.Load() != 1 {
			t.Errorf("%d winners", winners.Load())
		}
	}
	lost := func(err error) bool {
		if err != nil {
			checkError(t, err, badRequest)
		}
		return err != nil
	}
	for range 3 {
		begun := s.beginCLILogin(t, app.CLILoginRequest{AnonymousToken: &anonymous.RefreshToken})
		race(func(replica *app.App) bool {
			_, err := replica.ClaimCLILogin(t.Context(), tenant, begun.LoginCode)
			return !lost(err)
		})
		race(func(replica *app.App) bool {
			return !lost(replica.CompleteCLILogin(t.Context(), tenant, begun.LoginCode, browser.RefreshToken))
		})
		race(func(replica *app.App) bool {
			status, token, err := replica.PollCLILogin(t.Context(), tenant, begun.PollingCode)
			switch {
			case err != nil:
				t.Error(err)
			case status == app.CLILoginSuccess:
				return token == browser.RefreshToken
			case status != app.CLILoginUsed || token != "":
				t.Errorf("status %s with token %q", status, token)
			}
			return false
		})
	}
}

// R10. Of those that find the row taken by each other one gets the session.
// Without the lock in UseCLILogin all do.
func TestPollCLILogin_waitingForEachOther_oneGetsTheSession(t *testing.T) {
	s := newSystem(t)
	browser := s.open(t, request(userID))
	begun := s.beginCLILogin(t, app.CLILoginRequest{})
	if err := s.CompleteCLILogin(t.Context(), tenant, begun.LoginCode, browser.RefreshToken); err != nil {
		t.Fatal(err)
	}
	var winners atomic.Int32
	poll := func() {
		status, token, err := s.PollCLILogin(t.Context(), tenant, begun.PollingCode)
		switch {
		case err != nil:
			t.Error(err)
		case status == app.CLILoginSuccess && token == browser.RefreshToken:
			winners.Add(1)
		case status != app.CLILoginUsed || token != "":
			t.Errorf("status %s with token %q", status, token)
		}
	}
	pgtest.Gather(t, s.url, "SELECT FROM cli_logins FOR UPDATE", 8, slices.Repeat([]func(){poll}, 8)...)
	if winners.Load() != 1 {
		t.Errorf("%d winners", winners.Load())
	}
}

func TestSweep_cliLogins_goADayAfterTheyExpired(t *testing.T) {
	s := newSystem(t)
	long, recent, live := -25*time.Hour, -23*time.Hour, time.Hour
	for _, lifetime := range []time.Duration{long, recent, live} {
		s.beginCLILogin(t, app.CLILoginRequest{Lifetime: &lifetime})
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.count(t, "SELECT count(*) FROM cli_logins"); n != 2 {
		t.Errorf("%d log-ins", n)
	}
}

func TestPurgeProject_cliLogins_areGone(t *testing.T) {
	s := newSystem(t)
	s.beginCLILogin(t, app.CLILoginRequest{})
	if err := s.PurgeProject(t.Context(), projectID); err != nil {
		t.Fatal(err)
	}
	_, err := s.BeginCLILogin(t.Context(), app.CLILoginRequest{Tenant: tenant})
	checkError(t, err, apierr.CurrentProjectNotFound(projectID))
	if n := s.count(t, "SELECT count(*) FROM cli_logins"); n != 0 {
		t.Errorf("%d log-ins", n)
	}
}
