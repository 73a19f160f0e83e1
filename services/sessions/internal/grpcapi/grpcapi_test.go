package grpcapi_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"reflect"
	"regexp"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	identityv1 "vestibule.dev/proto/identity/v1"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	"vestibule.dev/services/sessions/internal/accesstoken"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
	"vestibule.dev/services/sessions/internal/events"
	"vestibule.dev/services/sessions/internal/grpcapi"
	"vestibule.dev/services/sessions/internal/keyring"
	"vestibule.dev/services/sessions/internal/postgres"
	"vestibule.dev/services/sessions/migrations"
)

const (
	projectID = "3241a285-8329-4d69-8f3d-316e08cf140c"
	userID    = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
)

// identity knows one project and every user.
type identity struct{}

func (identity) TokenSubject(_ context.Context, _ ids.Tenant, userID string) (domain.Subject, error) {
	return domain.Subject{UserID: userID}, nil
}

func (identity) PrimaryEmails(context.Context, ids.Tenant, []string) (map[string]string, error) {
	return nil, nil
}

func (identity) UserExists(context.Context, ids.Tenant, string) (bool, error) { return true, nil }

func (identity) Project(_ context.Context, id string) (*domain.Project, error) {
	if id != projectID {
		return nil, nil
	}
	return &domain.Project{ID: id, Branches: []string{"main"}}, nil
}

func (i identity) SignInSubject(ctx context.Context, tenant ids.Tenant, userID, _ string) (domain.Subject, error) {
	return i.TokenSubject(ctx, tenant, userID)
}

// system is the service behind its whole interceptor chain.
type system struct {
	*grpctest.Harness
	sessions sessionsv1.SessionServiceClient
	tokens   sessionsv1.TokenServiceClient
	internal sessionsv1.SessionInternalServiceClient
}

func newSystem(t *testing.T) *system {
	t.Helper()
	ring, err := secret.ParseKeyRing("k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	if err != nil {
		t.Fatal(err)
	}
	keys := keyring.New(time.Hour)
	settings := app.Settings{PublicOrigin: "https://api.example.com", AccessTokenLifetime: 10 * time.Minute, CLILoginLifetime: 2 * time.Minute}
	application := app.New(settings, app.Deps{
		Store:    postgres.NewStore(pgtest.New(t, migrations.Source(), outbox.Migrations(), courier.Migrations()), secret.NewBox(ring), events.Encode),
		Users:    identity{},
		Projects: identity{},
		Configs:  everything{},
		Teams:    everything{},
		Keys:     keys,
		Signer:   accesstoken.Signer{},
		Clock:    clock.System(),
	})
	harness := grpctest.New(t, "sessions", func(registrar grpc.ServiceRegistrar) {
		internal := grpcapi.NewInternal(application)
		sessionsv1.RegisterSessionServiceServer(registrar, grpcapi.NewSessions(application))
		sessionsv1.RegisterTokenServiceServer(registrar, grpcapi.NewTokens(application))
		sessionsv1.RegisterUserApiKeyServiceServer(registrar, grpcapi.NewUserAPIKeys(application))
		sessionsv1.RegisterTeamApiKeyServiceServer(registrar, grpcapi.NewTeamAPIKeys(application))
		sessionsv1.RegisterCredentialScanningServiceServer(registrar, grpcapi.NewCredentialScanning(application))
		sessionsv1.RegisterCliLoginServiceServer(registrar, grpcapi.NewCLILogins(application))
		sessionsv1.RegisterSessionInternalServiceServer(registrar, internal)
		sessionsv1.RegisterTokenInternalServiceServer(registrar, internal)
	})
	return &system{
		Harness:  harness,
		sessions: sessionsv1.NewSessionServiceClient(harness.Conn),
		tokens:   sessionsv1.NewTokenServiceClient(harness.Conn),
		internal: sessionsv1.NewSessionInternalServiceClient(harness.Caller("identity")),
	}
}

func (s *system) open(t *testing.T) *sessionsv1.CreateSessionResponse {
	t.Helper()
	opened, err := s.internal.CreateSession(t.Context(), &sessionsv1.CreateSessionRequest{
		ProjectId: projectID, BranchId: "main",
		Subject:   &identityv1.TokenSubject{UserId: userID, Name: wrapperspb.String("Ada"), SignedUpAt: timestamppb.Now()},
		ExpiresIn: durationpb.New(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// as returns a context in which calls are made by a caller of that access
// type, signed in with the session if there is one.
func as(ctx context.Context, access principal.Access, sessionID string) context.Context {
	caller := principal.Principal{ProjectID: projectID, BranchID: "main", Access: access, SessionID: sessionID}
	if sessionID != "" {
		caller.UserID = userID
	}
	return grpctest.As(ctx, caller)
}

func checkError(t *testing.T, err error, want *apierr.Error) {
	t.Helper()
	if got, ok := err.(*apierr.Error); !ok || !got.Is(want) || got.Format != want.Format {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestSessions_life_fromSignInToSignOut(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t)
	ctx := as(t.Context(), principal.AccessClient, opened.GetSessionId())
	browser := principal.NewRequestContext(ctx, principal.Request{ClientIP: "203.0.113.7", Country: "CH", UserAgent: "Mozilla/5.0"})
	if _, err := s.sessions.RefreshCurrentSession(browser, &sessionsv1.RefreshCurrentSessionRequest{RefreshToken: opened.GetRefreshToken()}); err != nil {
		t.Fatal(err)
	}
	list, err := s.sessions.ListSessions(ctx, &sessionsv1.ListSessionsRequest{UserId: userID})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.GetItems()) != 1 || list.GetIsPaginated() {
		t.Fatalf("list %v", list)
	}
	got := list.GetItems()[0]
	want := &sessionsv1.Session{
		Id: opened.GetSessionId(), UserId: userID, CreatedAt: got.GetCreatedAt(), LastUsedAt: got.GetLastUsedAt(), IsCurrentSession: true,
		LastUsedAtEndUserIpInfo: &sessionsv1.EndUserIpInfo{Ip: "203.0.113.7", CountryCode: proto.String("CH")},
	}
	if !proto.Equal(got, want) || got.GetLastUsedAt() < got.GetCreatedAt() || got.GetCreatedAt() != float64(int64(got.GetCreatedAt())) {
		t.Errorf("session %v, want %v", got, want)
	}
	if res, err := s.sessions.DeleteCurrentSession(ctx, &sessionsv1.DeleteCurrentSessionRequest{}); err != nil || !res.GetSuccess() {
		t.Fatal(err)
	}
	_, err = s.sessions.DeleteCurrentSession(ctx, &sessionsv1.DeleteCurrentSessionRequest{})
	checkError(t, err, apierr.RefreshTokenNotFoundOrExpired())
}

func TestDeleteSession_clientWithoutUserID_isSchemaError(t *testing.T) {
	s := newSystem(t)
	opened, current := s.open(t), s.open(t)
	_, err := s.sessions.DeleteSession(as(t.Context(), principal.AccessClient, current.GetSessionId()),
		&sessionsv1.DeleteSessionRequest{Id: opened.GetSessionId()})
	checkError(t, err, apierr.SchemaError())
	_, err = s.sessions.DeleteSession(as(t.Context(), principal.AccessServer, ""), &sessionsv1.DeleteSessionRequest{Id: opened.GetSessionId()})
	if err != nil {
		t.Errorf("server without user id: %v", err)
	}
	_, err = s.sessions.DeleteSession(as(t.Context(), principal.AccessClient, current.GetSessionId()),
		&sessionsv1.DeleteSessionRequest{Id: current.GetSessionId(), UserId: proto.String(userID)})
	checkError(t, err, apierr.CannotDeleteCurrentSession())
}

func TestExchangeToken_refresh_answersAsRFC6749(t *testing.T) {
	s := newSystem(t)
	opened := s.open(t)
	// No project headers: the client authenticates in the body.
	ctx := grpctest.As(t.Context(), principal.Principal{})
	request := &sessionsv1.ExchangeTokenRequest{
		GrantType: "refresh_token", ClientId: proto.String(projectID), ClientSecret: proto.String("__stack_public_client__"),
		RefreshToken: proto.String(opened.GetRefreshToken()),
	}
	var header metadata.MD
	got, err := s.tokens.ExchangeToken(ctx, request, grpc.Header(&header))
	if err != nil {
		t.Fatal(err)
	}
	want := &sessionsv1.ExchangeTokenResponse{AccessToken: got.GetAccessToken(), TokenType: "Bearer", ExpiresIn: 600, Scope: "legacy"}
	if got.GetAccessToken() == "" || !proto.Equal(got, want) {
		t.Errorf("answer %v, want %v", got, want)
	}
	for name, want := range map[string]string{"vestibule-cache-control": "no-store", "vestibule-pragma": "no-cache"} {
		if got := header.Get(name); !reflect.DeepEqual(got, []string{want}) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}

	request.RefreshToken = nil
	_, err = s.tokens.ExchangeToken(ctx, request)
	checkError(t, err, apierr.OAuth(http.StatusBadRequest, "invalid_request", ""))
	request.GrantType = "password"
	_, err = s.tokens.ExchangeToken(ctx, request)
	checkError(t, err, apierr.SchemaError())
}

func TestGetJwks_selections_publishTwoKeysPerAudience(t *testing.T) {
	s := newSystem(t)
	ctx := grpctest.As(t.Context(), principal.Principal{})
	coordinate := regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	for _, tt := range []struct {
		restricted, anonymous bool
		want                  int
	}{{false, false, 2}, {true, false, 4}, {false, true, 6}, {true, true, 6}} {
		var header metadata.MD
		set, err := s.tokens.GetJwks(ctx, &sessionsv1.GetJwksRequest{
			ProjectId: projectID, IncludeRestricted: &tt.restricted, IncludeAnonymous: &tt.anonymous,
		}, grpc.Header(&header))
		if err != nil {
			t.Fatal(err)
		}
		kids := map[string]bool{}
		for _, key := range set.GetKeys() {
			kids[key.GetKid()] = true
			if key.GetKty() != "EC" || key.GetAlg() != "ES256" || key.GetCrv() != "P-256" ||
				!coordinate.MatchString(key.GetX()) || !coordinate.MatchString(key.GetY()) {
				t.Errorf("key %v", key)
			}
			if _, err := base64.RawURLEncoding.DecodeString(key.GetX()); err != nil {
				t.Error(err)
			}
		}
		if len(set.GetKeys()) != tt.want || len(kids) != tt.want {
			t.Errorf("%+v: %d keys", tt, len(kids))
		}
		if got := header.Get("vestibule-cache-control"); !reflect.DeepEqual(got, []string{"public, max-age=3600"}) {
			t.Errorf("cache control %q", got)
		}
	}
	_, err := s.tokens.GetJwks(ctx, &sessionsv1.GetJwksRequest{ProjectId: "7d9f3c0a-54a3-4b8a-9c39-0a4d3ce1c0b1"})
	checkError(t, err, apierr.Text(http.StatusNotFound, ""))
}

func TestInternal_otherCallers_areRefused(t *testing.T) {
	s := newSystem(t)
	for _, service := range []string{"gateway", "teams"} {
		client := sessionsv1.NewSessionInternalServiceClient(s.Caller(service))
		if _, err := client.CreateSession(t.Context(), &sessionsv1.CreateSessionRequest{}); err == nil {
			t.Errorf("%s may open sessions", service)
		}
	}
	keys, err := sessionsv1.NewTokenInternalServiceClient(s.Caller("gateway")).GetVerificationKeys(t.Context(),
		&sessionsv1.GetVerificationKeysRequest{Audience: projectID + ":anon"})
	if err != nil || len(keys.GetKeys()) != 2 {
		t.Errorf("the gateway gets %d keys, %v", len(keys.GetKeys()), err)
	}
}

func TestInternal_revokeAndLookUp_tellWhatIsThere(t *testing.T) {
	s := newSystem(t)
	kept := s.open(t)
	s.open(t)
	found, err := s.internal.LookUpSession(t.Context(), &sessionsv1.LookUpSessionRequest{
		ProjectId: projectID, BranchId: "main", UserId: userID, RefreshToken: kept.GetRefreshToken(),
	})
	if err != nil || found.GetSessionId() != kept.GetSessionId() {
		t.Fatalf("found %q, %v", found.GetSessionId(), err)
	}
	revoked, err := s.internal.RevokeUserSessions(t.Context(), &sessionsv1.RevokeUserSessionsRequest{
		ProjectId: projectID, BranchId: "main", UserId: userID, KeptSessionId: kept.GetSessionId(), Reason: "password_changed",
	})
	if err != nil || revoked.GetRevoked() != 1 {
		t.Errorf("revoked %d, %v", revoked.GetRevoked(), err)
	}
}
