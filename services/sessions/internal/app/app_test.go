package app_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/sessions/internal/accesstoken"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
	"vestibule.dev/services/sessions/internal/events"
	"vestibule.dev/services/sessions/internal/keyring"
	"vestibule.dev/services/sessions/internal/postgres"
	"vestibule.dev/services/sessions/migrations"
)

const (
	projectID      = "3241a285-8329-4d69-8f3d-316e08cf140c"
	otherProjectID = "5f0a6d4e-0d3c-4d3e-9b1f-6f1a2b3c4d5e"
	userID         = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
	otherUserID    = "9c5b94b1-35ad-49bb-b118-8e8fc24abf80"
	publishableKey = "pck_0123456789abcdefghjkmnpqrstvwxyz0123456789abc"
)

var (
	tenant   = ids.Tenant{ProjectID: projectID, BranchID: "main"}
	epoch    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	settings = app.Settings{
		PublicOrigin:        "https://api.example.com",
		AccessTokenLifetime: 10 * time.Minute,
		Rotation:            domain.Rotation{Every: 90 * 24 * time.Hour, Ahead: time.Hour, Keep: 11 * time.Minute},
		ExpiredRetention:    30 * 24 * time.Hour,
		CLILoginLifetime:    2 * time.Minute,
	}
)

// system is a sessions context on a database of its own, with the other
// contexts faked.
type system struct {
	*app.App

	url      secret.Secret
	box      *secret.Box
	db       *pg.DB
	clock    *clock.Fake
	users    *users
	projects *projects
	configs  *configs
	teams    *teams
	signer   *signer
	events   *recorder
}

func newSystem(t testing.TB) *system {
	t.Helper()
	url := pgtest.URL(t, migrations.Source(), outbox.Migrations(), courier.Migrations())
	s := &system{
		url:      url,
		clock:    clock.NewFake(epoch),
		users:    &users{},
		projects: newProjects(),
		configs:  newConfigs(),
		teams:    &teams{},
		signer:   &signer{},
		events:   &recorder{},
	}
	s.App, s.db = s.replica(t)
	return s
}

// replica returns another process of the context: same database, own memory.
func (s *system) replica(t testing.TB) (*app.App, *pg.DB) {
	t.Helper()
	ring, err := secret.ParseKeyRing("k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	if err != nil {
		t.Fatal(err)
	}
	s.box = secret.NewBox(ring)
	keys := keyring.New(time.Hour)
	database := pgtest.Open(t, s.url, 16)
	return app.New(settings, app.Deps{
		Store:    postgres.NewStore(database, s.box, s.events.encode),
		Users:    s.users,
		Projects: s.projects,
		Configs:  s.configs,
		Teams:    s.teams,
		Keys:     keys,
		Signer:   s.signer,
		Clock:    s.clock,
	}), database
}

// open opens a session and returns what its device is given.
func (s *system) open(t testing.TB, request app.SessionRequest) app.OpenedSession {
	t.Helper()
	opened, err := s.CreateSession(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// count returns the number of rows of a query.
func (s *system) count(t testing.TB, query string, args ...any) int {
	t.Helper()
	var n int
	if err := s.db.Querier(t.Context()).QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (s *system) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	if _, err := s.db.Querier(t.Context()).Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// request is a session for the user.
func request(userID string) app.SessionRequest {
	return app.SessionRequest{Tenant: tenant, Subject: domain.Subject{UserID: userID, SignedUpAt: epoch}}
}

func client(userID, sessionID string) principal.Principal {
	return principal.Principal{
		ProjectID: projectID, BranchID: "main", Access: principal.AccessClient, UserID: userID, SessionID: sessionID,
	}
}

func backend(access principal.Access) principal.Principal {
	return principal.Principal{ProjectID: projectID, BranchID: "main", Access: access}
}

// fromBrowser returns the context of a browser's request.
func fromBrowser(ctx context.Context, ip string) context.Context {
	return principal.NewRequestContext(ctx, principal.Request{
		ClientIP: ip, Country: "CH", City: "Zürich", Timezone: "Europe/Zurich", UserAgent: "Mozilla/5.0",
		Coordinates: &principal.Coordinates{Latitude: 47.37, Longitude: 8.54},
	})
}

// checkError fails the test unless err is the wanted error of the contract.
func checkError(t testing.TB, err error, want *apierr.Error) {
	t.Helper()
	if got, ok := err.(*apierr.Error); !ok || !got.Is(want) || got.Format != want.Format {
		t.Errorf("error %v, want %v", err, want)
	}
}

// claims reads a token without verifying it.
func claims(t testing.TB, token string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// keyID reads the kid of a token.
func keyID(t testing.TB, token string) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Header["kid"].(string)
}

// users is an identity context that knows every user but the deleted ones.
type users struct {
	calls     atomic.Int32
	mu        sync.Mutex
	deleted   []string
	anonymous []string
	failure   error
	// attemptCode makes every user have a second factor when it is set.
	attemptCode string
	// emails are primary addresses by user.
	emails map[string]string
}

func (u *users) SignInSubject(ctx context.Context, tenant ids.Tenant, userID, _ string) (domain.Subject, error) {
	u.mu.Lock()
	attemptCode := u.attemptCode
	u.mu.Unlock()
	if attemptCode != "" {
		return domain.Subject{}, apierr.MultiFactorAuthenticationRequired(attemptCode)
	}
	return u.TokenSubject(ctx, tenant, userID)
}

func (u *users) TokenSubject(_ context.Context, _ ids.Tenant, userID string) (domain.Subject, error) {
	u.calls.Add(1)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.failure != nil {
		return domain.Subject{}, u.failure
	}
	if slices.Contains(u.deleted, userID) {
		return domain.Subject{}, apierr.UserNotFound()
	}
	name := "Ada"
	return domain.Subject{UserID: userID, Name: &name, SignedUpAt: epoch, Anonymous: slices.Contains(u.anonymous, userID)}, nil
}

func (u *users) UserExists(_ context.Context, _ ids.Tenant, userID string) (bool, error) {
	u.calls.Add(1)
	u.mu.Lock()
	defer u.mu.Unlock()
	return !slices.Contains(u.deleted, userID), u.failure
}

func (u *users) PrimaryEmails(_ context.Context, _ ids.Tenant, userIDs []string) (map[string]string, error) {
	u.calls.Add(1)
	u.mu.Lock()
	defer u.mu.Unlock()
	found := map[string]string{}
	for _, id := range userIDs {
		if email, ok := u.emails[id]; ok && !slices.Contains(u.deleted, id) {
			found[id] = email
		}
	}
	return found, u.failure
}

func (u *users) delete(userID string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.deleted = append(u.deleted, userID)
}

// projects is an identity context with a few projects.
type projects struct {
	calls atomic.Int32
	known map[string]*domain.Project
}

func newProjects() *projects {
	project := &domain.Project{ID: projectID, Branches: []string{"main"}}
	return &projects{known: map[string]*domain.Project{
		projectID:      project,
		otherProjectID: {ID: otherProjectID, Branches: []string{"main"}},
	}}
}

func (p *projects) Project(_ context.Context, id string) (*domain.Project, error) {
	p.calls.Add(1)
	return p.known[id], nil
}

// signer counts signatures.
type signer struct {
	accesstoken.Signer
	signatures atomic.Int32
}

func (s *signer) Sign(key domain.SigningKey, token domain.AccessToken, issuer string, issuedAt, expiresAt time.Time) (string, error) {
	s.signatures.Add(1)
	return s.Signer.Sign(key, token, issuer, issuedAt, expiresAt)
}

// recorder notes what is published.
type recorder struct {
	mu   sync.Mutex
	seen []app.Event
}

func (r *recorder) encode(ctx context.Context, event app.Event) (*eventsv1.Envelope, error) {
	r.mu.Lock()
	r.seen = append(r.seen, event)
	r.mu.Unlock()
	return events.Encode(ctx, event)
}

// take returns and forgets the events seen.
func (r *recorder) take() []app.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}
