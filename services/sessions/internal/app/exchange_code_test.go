package app_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"reflect"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
)

const (
	redirectURI = "https://app.example.com/handler/oauth-callback"
	verifier    = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

func s256(verifier string) domain.CodeChallenge {
	sum := sha256.Sum256([]byte(verifier))
	return domain.CodeChallenge{Text: base64.RawURLEncoding.EncodeToString(sum[:]), Method: domain.ChallengeS256}
}

// code makes an authorization code for the user, changed as wanted.
func (s *system) code(t testing.TB, change ...func(*domain.AuthorizationCode)) string {
	t.Helper()
	code := domain.AuthorizationCode{Tenant: tenant, UserID: userID, RedirectURI: redirectURI, Challenge: s256(verifier)}
	for _, change := range change {
		change(&code)
	}
	text, err := s.CreateAuthorizationCode(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// exchange is the request of a client that does everything right.
func exchange(code string) app.TokenRequest {
	return app.TokenRequest{
		GrantType: app.GrantAuthorizationCode, ClientID: projectID, ClientSecret: domain.PublicClientSecret,
		Code: code, RedirectURI: redirectURI, CodeVerifier: verifier,
	}
}

func refresh(token string) app.TokenRequest {
	return app.TokenRequest{
		GrantType: app.GrantRefreshToken, ClientID: projectID, ClientSecret: domain.PublicClientSecret, RefreshToken: token,
	}
}

func TestExchangeToken_authorizationCode_opensASession(t *testing.T) {
	s := newSystem(t)
	after := "https://app.example.com/welcome"
	granted, err := s.ExchangeToken(fromBrowser(t.Context(), "192.0.2.7"), exchange(s.code(t, func(c *domain.AuthorizationCode) {
		c.IsNewUser, c.AfterCallback = true, &after
	})))
	if err != nil {
		t.Fatal(err)
	}
	got := claims(t, granted.AccessToken)
	if got["sub"] != userID || granted.Lifetime != 10*time.Minute || !granted.SignIn.IsNewUser || *granted.SignIn.AfterCallback != after {
		t.Errorf("granted %+v, claims %v", granted, got)
	}
	sessions, err := s.ListSessions(t.Context(), backend(principal.AccessAdmin), userID)
	if err != nil || len(sessions) != 1 || sessions[0].ID != got["refresh_token_id"] || sessions[0].LastIPInfo.IP != "192.0.2.7" {
		t.Errorf("sessions %+v, %v", sessions, err)
	}
	if _, err := s.ExchangeToken(t.Context(), refresh(granted.SignIn.RefreshToken)); err != nil {
		t.Error(err)
	}
	events := s.events.take()
	if want := (app.SessionCreated{Tenant: tenant, SessionID: sessions[0].ID, UserID: userID}); len(events) != 1 || events[0] != want {
		t.Errorf("events %+v", events)
	}
}

func TestExchangeToken_badExchange_isRefused(t *testing.T) {
	s := newSystem(t)
	invalid := apierr.InvalidAuthorizationCode()
	oauthInvalid := apierr.OAuth(http.StatusBadRequest, "invalid_request", "")
	unbound := func(c *domain.AuthorizationCode) { c.Challenge = domain.CodeChallenge{Method: domain.ChallengePlain} }
	for name, tt := range map[string]struct {
		change func(*app.TokenRequest)
		code   func(*domain.AuthorizationCode)
		want   *apierr.Error
		spent  bool
	}{
		"unknown code":       {change: func(r *app.TokenRequest) { r.Code = ids.Secret() }, want: invalid},
		"absurd code":        {change: func(r *app.TokenRequest) { r.Code = "\x00'; --" }, want: invalid},
		"no code":            {change: func(r *app.TokenRequest) { r.Code = "" }, want: oauthInvalid},
		"other project":      {change: func(r *app.TokenRequest) { r.ClientID = otherProjectID }, want: invalid},
		"wrong verifier":     {change: func(r *app.TokenRequest) { r.CodeVerifier += "x" }, want: invalid},
		"no verifier":        {change: func(r *app.TokenRequest) { r.CodeVerifier = "" }, want: invalid},
		"no challenge":       {code: unbound, want: invalid},
		"challenge sent":     {change: func(r *app.TokenRequest) { r.CodeVerifier = s256(verifier).Text }, want: invalid},
		"other redirect":     {change: func(r *app.TokenRequest) { r.RedirectURI += "/" }, want: apierr.Text(http.StatusBadRequest, ""), spent: true},
		"redirect no URI":    {change: func(r *app.TokenRequest) { r.RedirectURI = "handler" }, want: oauthInvalid},
		"redirect malformed": {change: func(r *app.TokenRequest) { r.RedirectURI = "https://a b%%" }, want: oauthInvalid},
		"no redirect":        {change: func(r *app.TokenRequest) { r.RedirectURI = "" }, want: oauthInvalid},
		"no secret or verifier": {
			change: func(r *app.TokenRequest) { r.ClientSecret, r.CodeVerifier = "", "" }, want: apierr.InvalidOAuthClientIDOrSecret(""),
		},
	} {
		t.Run(name, func(t *testing.T) {
			var changes []func(*domain.AuthorizationCode)
			if tt.code != nil {
				changes = append(changes, tt.code)
			}
			code := s.code(t, changes...)
			request := exchange(code)
			if tt.change != nil {
				tt.change(&request)
			}
			_, err := s.ExchangeToken(t.Context(), request)
			checkError(t, err, tt.want)
			if tt.code != nil {
				return
			}
			_, err = s.ExchangeToken(t.Context(), exchange(code))
			if tt.spent {
				checkError(t, err, invalid)
			} else if err != nil {
				t.Errorf("the code is spent: %v", err)
			}
		})
	}
}

func TestExchangeToken_publicClient_needsNoSecretUnlessKeysAreRequired(t *testing.T) {
	s := newSystem(t)
	request := exchange(s.code(t))
	request.ClientSecret = ""
	if _, err := s.ExchangeToken(t.Context(), request); err != nil {
		t.Error(err)
	}
	s.projects.known[projectID].RequirePublishableClientKey = true
	request.Code = s.code(t)
	_, err := s.ExchangeToken(t.Context(), request)
	checkError(t, err, apierr.PublishableClientKeyRequiredForProject(projectID))
}

func TestExchangeToken_plainChallenge_works(t *testing.T) {
	s := newSystem(t)
	request := exchange(s.code(t, func(c *domain.AuthorizationCode) {
		c.Challenge = domain.CodeChallenge{Text: "nineteen characters", Method: domain.ChallengePlain}
	}))
	request.CodeVerifier = "nineteen characters"
	if _, err := s.ExchangeToken(t.Context(), request); err != nil {
		t.Error(err)
	}
}

func TestExchangeToken_expiredCode_isRefused(t *testing.T) {
	s := newSystem(t)
	code := s.code(t)
	s.exec(t, `UPDATE authorization_codes SET expires_at = now()`)
	_, err := s.ExchangeToken(t.Context(), exchange(code))
	checkError(t, err, apierr.InvalidAuthorizationCode())
}

// R11. A code that comes back ends what it was exchanged for.
func TestExchangeToken_usedCode_endsItsSession(t *testing.T) {
	s := newSystem(t)
	for name, change := range map[string]func(*app.TokenRequest){
		"the same request": func(*app.TokenRequest) {},
		"a thief's":        func(r *app.TokenRequest) { r.CodeVerifier = "guessed" },
	} {
		t.Run(name, func(t *testing.T) {
			other := s.open(t, request(userID))
			code := s.code(t)
			granted, err := s.ExchangeToken(t.Context(), exchange(code))
			if err != nil {
				t.Fatal(err)
			}
			s.events.take()
			again := exchange(code)
			change(&again)
			for range 2 {
				_, err = s.ExchangeToken(t.Context(), again)
				checkError(t, err, apierr.InvalidAuthorizationCode())
			}
			_, err = s.ExchangeToken(t.Context(), refresh(granted.SignIn.RefreshToken))
			checkError(t, err, apierr.RefreshTokenNotFoundOrExpired())
			sessionID := claims(t, granted.AccessToken)["refresh_token_id"].(string)
			want := []app.Event{app.SessionsRevoked{Tenant: tenant, UserID: userID, SessionIDs: []string{sessionID}, Reason: app.CodeReplayed}}
			if events := s.events.take(); !reflect.DeepEqual(events, want) {
				t.Errorf("events %+v", events)
			}
			if _, err := s.ExchangeToken(t.Context(), refresh(other.RefreshToken)); err != nil {
				t.Errorf("another session: %v", err)
			}
		})
	}
}

// R10, R11. Of all that present a code at the same moment on two replicas one
// is answered, and what it got ends, because the others presented it again.
func TestExchangeToken_sameCodeInParallel_worksOnce(t *testing.T) {
	s := newSystem(t)
	second, _ := s.replica(t)
	replicas := []*app.App{s.App, second}
	for range 20 {
		code := s.code(t)
		var (
			mu      sync.Mutex
			granted []app.GrantedToken
			calls   sync.WaitGroup
		)
		start := make(chan struct{})
		for i := range 16 {
			calls.Go(func() {
				<-start
				got, err := replicas[i%2].ExchangeToken(t.Context(), exchange(code))
				if err != nil {
					checkError(t, err, apierr.InvalidAuthorizationCode())
					return
				}
				mu.Lock()
				defer mu.Unlock()
				granted = append(granted, got)
			})
		}
		close(start)
		calls.Wait()
		if len(granted) != 1 {
			t.Fatalf("%d exchanges succeeded", len(granted))
		}
		_, err := s.ExchangeToken(t.Context(), refresh(granted[0].SignIn.RefreshToken))
		checkError(t, err, apierr.RefreshTokenNotFoundOrExpired())
	}
	if n := s.count(t, `SELECT count(*) FROM sessions`); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestExchangeToken_secondFactor_isAskedForAndSpendsTheCode(t *testing.T) {
	s := newSystem(t)
	s.users.attemptCode = "attempt"
	code := s.code(t)
	_, err := s.ExchangeToken(t.Context(), exchange(code))
	checkError(t, err, apierr.MultiFactorAuthenticationRequired(""))
	s.users.attemptCode = ""
	_, err = s.ExchangeToken(t.Context(), exchange(code))
	checkError(t, err, apierr.InvalidAuthorizationCode())
	if n := s.count(t, `SELECT count(*) FROM sessions`); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestExchangeToken_userGone_isAnInvalidCode(t *testing.T) {
	s := newSystem(t)
	code := s.code(t)
	s.users.delete(userID)
	_, err := s.ExchangeToken(t.Context(), exchange(code))
	checkError(t, err, apierr.InvalidAuthorizationCode())
}

func TestCreateAuthorizationCode_deletedUser_getsNone(t *testing.T) {
	s := newSystem(t)
	if _, err := s.RevokeUserSessions(t.Context(), app.Revocation{Tenant: tenant, UserID: userID, Reason: app.UserDeleted}); err != nil {
		t.Fatal(err)
	}
	_, err := s.CreateAuthorizationCode(t.Context(), domain.AuthorizationCode{Tenant: tenant, UserID: userID, RedirectURI: redirectURI, Challenge: s256(verifier)})
	checkError(t, err, apierr.UserNotFound())
}

// A password reset must not be survived by whoever was about to sign in.
func TestRevokeUserSessions_pendingCodes_endToo(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t, request(userID))
	pending := s.code(t)
	kept := s.code(t, func(c *domain.AuthorizationCode) {
		c.HandedOver = &domain.HandedOverSession{SessionID: opened.SessionID, RefreshToken: opened.RefreshToken}
	})
	others := s.code(t, func(c *domain.AuthorizationCode) { c.UserID = otherUserID })
	if _, err := s.RevokeUserSessions(t.Context(), app.Revocation{
		Tenant: tenant, UserID: userID, KeptSessionID: opened.SessionID, Reason: app.PasswordChanged,
	}); err != nil {
		t.Fatal(err)
	}
	_, err := s.ExchangeToken(t.Context(), exchange(pending))
	checkError(t, err, apierr.InvalidAuthorizationCode())
	for name, code := range map[string]string{"handed over": kept, "another user's": others} {
		if _, err := s.ExchangeToken(t.Context(), exchange(code)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func crossDomain(opened app.OpenedSession) app.CrossDomain {
	return app.CrossDomain{
		RefreshToken: opened.RefreshToken, RedirectURI: redirectURI + "?stack_cross_domain_auth=1", State: "a state", Challenge: s256(verifier),
	}
}

func TestAuthorizeCrossDomain_ownSession_isShared(t *testing.T) {
	s := newSystem(t)
	s.configs.domains.TrustedDomains = map[string]projectconfig.TrustedDomain{"d": {BaseURL: "https://app.example.com"}}
	opened := s.open(t, app.SessionRequest{Tenant: tenant, Subject: domain.Subject{UserID: userID, SignedUpAt: epoch}, Lifetime: time.Hour, IsImpersonation: true})
	in := crossDomain(opened)
	after := "https://app.example.com/next"
	in.AfterCallback = &after
	redirect, err := s.AuthorizeCrossDomain(t.Context(), client(userID, opened.SessionID), in)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(redirect)
	if err != nil || u.Query().Get("stack_cross_domain_auth") != "1" || u.Query().Get("state") != "a state" || u.Host != "app.example.com" {
		t.Errorf("redirect %s, %v", redirect, err)
	}
	exchanged := exchange(u.Query().Get("code"))
	exchanged.RedirectURI = in.RedirectURI
	granted, err := s.ExchangeToken(t.Context(), exchanged)
	if err != nil {
		t.Fatal(err)
	}
	if granted.SignIn.RefreshToken != opened.RefreshToken || granted.SignIn.IsNewUser || *granted.SignIn.AfterCallback != after ||
		claims(t, granted.AccessToken)["refresh_token_id"] != opened.SessionID {
		t.Errorf("granted %+v", granted)
	}
	if n := s.count(t, `SELECT count(*) FROM sessions WHERE is_impersonation AND expires_at < now() + interval '61 minutes'`); n != 1 {
		t.Error("the session was prolonged or doubled")
	}
	if n := s.count(t, `SELECT count(*) FROM authorization_codes WHERE handed_over_refresh_token IS NOT NULL`); n != 0 {
		t.Error("a spent code keeps the refresh token")
	}
	_, err = s.ExchangeToken(t.Context(), exchanged)
	checkError(t, err, apierr.InvalidAuthorizationCode())
	_, err = s.ExchangeToken(t.Context(), refresh(opened.RefreshToken))
	checkError(t, err, apierr.RefreshTokenNotFoundOrExpired())
}

func TestAuthorizeCrossDomain_sessionEndedSince_isAnInvalidCode(t *testing.T) {
	s := newSystem(t)
	s.configs.domains.TrustedDomains = map[string]projectconfig.TrustedDomain{"d": {BaseURL: "https://app.example.com"}}
	opened := s.open(t, request(userID))
	in := crossDomain(opened)
	redirect, err := s.AuthorizeCrossDomain(t.Context(), client(userID, opened.SessionID), in)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteCurrentSession(t.Context(), client(userID, opened.SessionID)); err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(redirect)
	exchanged := exchange(u.Query().Get("code"))
	exchanged.RedirectURI = in.RedirectURI
	_, err = s.ExchangeToken(t.Context(), exchanged)
	checkError(t, err, apierr.InvalidAuthorizationCode())
}

func TestAuthorizeCrossDomain_errors_inOrder(t *testing.T) {
	s := newSystem(t)
	s.configs.domains.TrustedDomains = map[string]projectconfig.TrustedDomain{"d": {BaseURL: "https://app.example.com"}}
	opened, foreign := s.open(t, request(userID)), s.open(t, request(otherUserID))
	hash := sha256.Sum256([]byte(publishableKey))
	s.projects.known[projectID].Keys = []domain.PublishableKey{{Hash: hash[:]}}
	me := client(userID, opened.SessionID)
	untrusted := "https://evil.example"
	for name, tt := range map[string]struct {
		caller     principal.Principal
		change     func(*app.CrossDomain)
		requireKey bool
		want       *apierr.Error
	}{
		"nobody":                {caller: client("", ""), want: apierr.UserAuthenticationRequired()},
		"token without session": {caller: client(userID, ""), want: apierr.Text(http.StatusBadRequest, "")},
		"no refresh token":      {caller: me, change: func(in *app.CrossDomain) { in.RefreshToken = "" }, want: apierr.Text(http.StatusBadRequest, "")},
		"another's refresh token": {
			caller: me, change: func(in *app.CrossDomain) { in.RefreshToken = foreign.RefreshToken }, want: apierr.Text(http.StatusUnauthorized, ""),
		},
		"another of the user's": {
			caller: me, change: func(in *app.CrossDomain) { in.RefreshToken = s.open(t, request(userID)).RefreshToken },
			want: apierr.Text(http.StatusUnauthorized, ""),
		},
		"unknown refresh token": {caller: me, change: func(in *app.CrossDomain) { in.RefreshToken = "x" }, want: apierr.Text(http.StatusUnauthorized, "")},
		"wrong key":             {caller: me, change: func(in *app.CrossDomain) { in.PublishableClientKey = "pck_x" }, want: apierr.InvalidPublishableClientKey("")},
		"no key":                {caller: me, requireKey: true, want: apierr.PublishableClientKeyRequiredForProject("")},
		"sentinel": {
			caller: me, requireKey: true, change: func(in *app.CrossDomain) { in.PublishableClientKey = domain.PublicClientSecret },
			want: apierr.PublishableClientKeyRequiredForProject(""),
		},
		"untrusted redirect": {caller: me, change: func(in *app.CrossDomain) { in.RedirectURI = untrusted }, want: apierr.RedirectURLNotWhitelisted("")},
		"untrusted after":    {caller: me, change: func(in *app.CrossDomain) { in.AfterCallback = &untrusted }, want: apierr.RedirectURLNotWhitelisted("")},
	} {
		t.Run(name, func(t *testing.T) {
			s.projects.known[projectID].RequirePublishableClientKey = tt.requireKey
			in := crossDomain(opened)
			if tt.change != nil {
				tt.change(&in)
			}
			_, err := s.AuthorizeCrossDomain(t.Context(), tt.caller, in)
			checkError(t, err, tt.want)
		})
	}
	s.projects.known[projectID].RequirePublishableClientKey = true
	in := crossDomain(opened)
	in.PublishableClientKey = publishableKey
	if _, err := s.AuthorizeCrossDomain(t.Context(), me, in); err != nil {
		t.Error(err)
	}
}

func TestVerifyAccessToken_tokens_areReadOnlyWhenGenuine(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t, request(userID))
	got, err := s.VerifyAccessToken(t.Context(), opened.AccessToken)
	if err != nil || got.UserID != userID || got.SessionID != opened.SessionID || got.Tenant != tenant || got.Anonymous {
		t.Errorf("got %+v, %v", got, err)
	}
	anonymous := s.open(t, app.SessionRequest{Tenant: tenant, Subject: domain.Subject{
		UserID: otherUserID, SignedUpAt: epoch, Anonymous: true, Restricted: true, RestrictedReason: "anonymous",
	}})
	if got, err := s.VerifyAccessToken(t.Context(), anonymous.AccessToken); err != nil || !got.Anonymous || got.UserID != otherUserID {
		t.Errorf("anonymous: %+v, %v", got, err)
	}
	for name, token := range map[string]string{
		"nothing":        "",
		"no token":       "a.b.c",
		"cut":            opened.AccessToken[:len(opened.AccessToken)-4],
		"broken":         opened.AccessToken[:len(opened.AccessToken)-4] + "\n" + opened.AccessToken[len(opened.AccessToken)-4:],
		"unsigned":       "eyJhbGciOiJub25lIn0.eyJhdWQiOiIzMjQxYTI4NS04MzI5LTRkNjktOGYzZC0zMTZlMDhjZjE0MGMifQ.",
		"of no project":  "eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.eyJhdWQiOiI3ZDlmM2MwYS01NGEzLTRiOGEtOWMzOS0wYTRkM2NlMWMwYjEifQ.AAAA",
		"of nonsense":    "eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.eyJhdWQiOiJ4In0.AAAA",
		"a refresh code": opened.RefreshToken,
	} {
		_, err := s.VerifyAccessToken(t.Context(), token)
		if !apierr.HasCode(err, apierr.CodeUnparsableAccessToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.clock.Advance(11 * time.Minute)
	_, err = s.VerifyAccessToken(t.Context(), opened.AccessToken)
	checkError(t, err, apierr.AccessTokenExpired(apierr.ExpiredToken{}))
}

func TestSweep_oldCodes_areForgotten(t *testing.T) {
	s := newSystem(t)
	s.code(t)
	s.exec(t, `UPDATE authorization_codes SET expires_at = now() - interval '25 hours'`)
	kept := s.code(t)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.count(t, `SELECT count(*) FROM authorization_codes`); n != 1 {
		t.Errorf("%d codes", n)
	}
	if _, err := s.ExchangeToken(t.Context(), exchange(kept)); err != nil {
		t.Error(err)
	}
}
