package app_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/throttle"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/events"
	"vestibule.dev/services/identity/internal/postgres"
	"vestibule.dev/services/identity/internal/signuprules"
	"vestibule.dev/services/identity/migrations"
)

const (
	publicURL = "https://api.example.com"
	callback  = "http://localhost:3000/verify?next=home"
	password  = secret.Secret("correct horse battery staple")
)

// harness runs the use cases on a database of their own, with the other
// contexts played by fakes.
type harness struct {
	*app.App

	t          *testing.T
	url        secret.Secret
	db         *pg.DB
	store      *postgres.Store
	config     *projectconfig.Config
	sessions   *fakeSessions
	teams      *fakeTeams
	hasher     *fakeHasher
	box        *secret.Box
	conditions app.Conditions
	bots       app.BotVerifier
	botPolicy  app.BotPolicy
	clock      *clock.Fake
	tenant     ids.Tenant
	// paused holds how long each pause was to be.
	pausing sync.Mutex
	paused  []time.Duration
	// seen is the number of events that were read.
	seen int64
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	ring, err := secret.ParseKeyRing(secret.Secret("k1:" + base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	conditions, err := signuprules.New()
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{
		t:          t,
		url:        pgtest.URL(t, migrations.Source(), outbox.Migrations(), onetime.Migrations(), courier.Migrations(), throttle.Migrations()),
		config:     &projectconfig.Config{},
		sessions:   &fakeSessions{},
		teams:      &fakeTeams{members: map[string]domain.Team{}},
		hasher:     &fakeHasher{},
		box:        secret.NewBox(ring),
		conditions: conditions,
		clock:      clock.NewFake(time.Now()),
		tenant:     ids.Tenant{ProjectID: "internal", BranchID: "main"},
	}
	h.config.Auth.AllowSignUp = true
	h.config.Auth.SignUpRulesDefaultAction = "allow"
	h.config.Auth.Password.AllowSignIn = true
	h.config.Domains.AllowLocalhost = true
	h.useDB(pgtest.Open(t, h.url, 16))
	h.exec(`INSERT INTO projects (id, display_name) VALUES ($1, 'Internal')`, h.tenant.ProjectID)
	return h
}

// useDB makes the use cases work on another connection pool.
func (h *harness) useDB(db *pg.DB) {
	h.t.Helper()
	codes, err := onetime.New(make([]byte, 32))
	if err != nil {
		h.t.Fatal(err)
	}
	h.db = db
	h.store = postgres.NewStore(db, codes, h.box, events.Encode)
	h.App = app.New(h.deps())
}

// deps returns the ports of the use cases, changed as wanted.
func (h *harness) deps(change ...func(*app.Deps)) app.Deps {
	deps := app.Deps{
		Bots:        h.bots,
		BotPolicy:   h.botPolicy,
		Fingerprint: func(use, text string) string { return use + ":" + text },
		Store:       h.store,
		Configs:     fakeConfigs{h.config},
		Sessions:    h.sessions,
		Teams:       h.teams,
		Hasher:      h.hasher,
		Sealer:      h.box,
		Conditions:  h.conditions,
		Logger:      slog.New(slog.DiscardHandler),
		Clock:       h.clock,
		Pause:       h.pause,
		RulesBudget: time.Minute,
		PublicURL:   publicURL,
	}
	for _, change := range change {
		change(&deps)
	}
	return deps
}

// pause notes the pause and takes no time.
func (h *harness) pause(_ context.Context, d time.Duration) error {
	h.pausing.Lock()
	defer h.pausing.Unlock()
	h.paused = append(h.paused, d)
	return nil
}

// client returns the context of a request without user.
func (h *harness) client() context.Context {
	return principal.NewContext(h.t.Context(), principal.Principal{
		ProjectID: h.tenant.ProjectID, BranchID: h.tenant.BranchID, Access: principal.AccessClient,
	})
}

// as returns the context of a request of a user.
func (h *harness) as(access principal.Access, userID string, change ...func(*principal.Principal)) context.Context {
	p := principal.Principal{
		ProjectID: h.tenant.ProjectID, BranchID: h.tenant.BranchID, Access: access, UserID: userID, SessionID: ids.NewUUID(),
	}
	for _, change := range change {
		change(&p)
	}
	return principal.NewContext(h.t.Context(), p)
}

func anonymous(p *principal.Principal) {
	p.Anonymous, p.Restricted, p.RestrictedReason = true, true, domain.RestrictedAnonymous
}

// signUp creates a user with the password.
func (h *harness) signUp(email string) (userID string) {
	h.t.Helper()
	signedIn, err := h.SignUpWithPassword(h.client(), app.PasswordSignUp{Email: email, Password: password})
	if err != nil {
		h.t.Fatal(err)
	}
	h.events()
	h.sessions.reset()
	return signedIn.UserID
}

// signUpAnonymously creates a user without credentials.
func (h *harness) signUpAnonymously() (userID string) {
	h.t.Helper()
	signedIn, err := h.SignUpAnonymously(h.client())
	if err != nil {
		h.t.Fatal(err)
	}
	h.events()
	h.sessions.reset()
	return signedIn.UserID
}

// me reads a user as the server API shows them.
func (h *harness) me(userID string) *app.UserView {
	h.t.Helper()
	user, err := h.GetCurrentUser(h.as(principal.AccessServer, userID))
	if err != nil {
		h.t.Fatal(err)
	}
	return user
}

// patch updates a user through the server API.
func (h *harness) patch(userID string, fields app.UserPatch) *app.UserView {
	h.t.Helper()
	user, err := h.UpdateCurrentUser(h.as(principal.AccessServer, userID), fields)
	if err != nil {
		h.t.Fatal(err)
	}
	return user
}

// events returns the events emitted since the last call, oldest first.
func (h *harness) events() []*eventsv1.Envelope {
	h.t.Helper()
	ctx := context.Background()
	rows, err := h.db.Querier(ctx).Query(ctx, `SELECT seq, payload FROM outbox WHERE seq > $1 ORDER BY seq`, h.seen)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	var envelopes []*eventsv1.Envelope
	for rows.Next() {
		var payload []byte
		if err := rows.Scan(&h.seen, &payload); err != nil {
			h.t.Fatal(err)
		}
		envelope := &eventsv1.Envelope{}
		if err := proto.Unmarshal(payload, envelope); err != nil {
			h.t.Fatal(err)
		}
		envelopes = append(envelopes, envelope)
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return envelopes
}

// facts names events as in "user.created".
func facts(envelopes []*eventsv1.Envelope) string {
	var names []string
	for _, envelope := range envelopes {
		parts := strings.Split(envelope.GetSubject(), ".")
		names = append(names, parts[2]+"."+parts[3])
	}
	return strings.Join(names, " ")
}

func (h *harness) exec(sql string, args ...any) {
	h.t.Helper()
	ctx := context.Background()
	if _, err := h.db.Querier(ctx).Exec(ctx, sql, args...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) count(sql string, args ...any) (n int) {
	h.t.Helper()
	ctx := context.Background()
	if err := h.db.Querier(ctx).QueryRow(ctx, sql, args...).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func wantError(t *testing.T, got error, want *apierr.Error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error %v, want %v", got, want)
	}
}

type fakeConfigs struct{ config *projectconfig.Config }

func (c fakeConfigs) Get(context.Context, ids.Tenant, int64) (*projectconfig.Config, error) {
	return c.config, nil
}

// fakeSessions plays the sessions context.
type fakeSessions struct {
	mu sync.Mutex
	// err is what every call fails with.
	err error
	// opening is called before a session is opened.
	opening  func()
	opened   []app.TokenSubject
	revoked  []revocation
	sessions map[secret.Secret]string
}

type revocation struct {
	userID, kept string
	reason       app.RevocationReason
}

func (s *fakeSessions) CreateSession(_ context.Context, subject app.TokenSubject) (app.Tokens, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return app.Tokens{}, s.err
	}
	if s.opening != nil {
		s.opening()
	}
	s.opened = append(s.opened, subject)
	return app.Tokens{AccessToken: "access", RefreshToken: "refresh"}, nil
}

func (s *fakeSessions) RevokeSessions(_ context.Context, _ ids.Tenant, userID, kept string, reason app.RevocationReason) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.revoked = append(s.revoked, revocation{userID, kept, reason})
	return nil
}

func (s *fakeSessions) FindSession(_ context.Context, _ ids.Tenant, _ string, refreshToken secret.Secret) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[refreshToken], s.err
}

func (s *fakeSessions) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened, s.revoked = nil, nil
}

// fakeTeams plays the teams context.
type fakeTeams struct {
	mu sync.Mutex
	// err is what every call fails with.
	err error
	// asked is called before a membership is read.
	asked func()
	// members holds the teams that everybody is a member of, by id.
	members map[string]domain.Team
	// permissions holds what everybody may do in a team.
	permissions map[string][]string
	// memberIDs holds who is listed as member of a team.
	memberIDs map[string][]string
	// anyTeam is what every other team is like, with everybody a member; nil for none.
	anyTeam *domain.Team
	// batches counts how often many memberships were asked for at once.
	batches int
	created []app.PersonalTeam
	given   []app.Provision
	renamed []string
	removed []string
}

func (f *fakeTeams) Membership(_ context.Context, _ ids.Tenant, teamID, _ string) (*domain.Team, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked != nil {
		f.asked()
	}
	team, ok := f.members[teamID]
	if f.err != nil || !ok {
		return nil, f.err
	}
	return &team, nil
}

func (f *fakeTeams) MemberPermissions(_ context.Context, _ ids.Tenant, teamID, _ string) ([]string, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked != nil {
		f.asked()
	}
	_, ok := f.members[teamID]
	return f.permissions[teamID], ok, f.err
}

func (f *fakeTeams) TeamIDs(context.Context, ids.Tenant, string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var teamIDs []string
	for id := range f.members {
		teamIDs = append(teamIDs, id)
	}
	return teamIDs, f.err
}

func (f *fakeTeams) ProvisionUser(_ context.Context, _ ids.Tenant, _ string, given app.Provision) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	f.given = append(f.given, given)
	if team := given.PersonalTeam; team != nil {
		f.created = append(f.created, *team)
		f.members[team.ID] = domain.Team{ID: team.ID, DisplayName: team.DisplayName}
	}
	return nil
}

func (f *fakeTeams) RenamePersonalTeams(_ context.Context, _ ids.Tenant, _, displayName, primaryEmail string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renamed = append(f.renamed, displayName+"|"+primaryEmail)
	return f.err
}

func (f *fakeTeams) RemoveUser(_ context.Context, _ ids.Tenant, userID string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.removed = append(f.removed, userID)
	return f.err
}

// fakeHasher hashes in no time and counts what it was asked.
type fakeHasher struct {
	mu             sync.Mutex
	err            error
	hashed, worked int
	// verifying is called while a password is verified.
	verifying func()
}

func (f *fakeHasher) Hash(_ context.Context, password secret.Secret) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hashed++
	return "hash of " + password.Reveal(), f.err
}

func (f *fakeHasher) Verify(_ context.Context, hash string, password secret.Secret) (secret.Verdict, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.worked++
	if f.verifying != nil {
		f.verifying()
	}
	match := hash == "hash of "+password.Reveal()
	return secret.Verdict{Match: match}, f.err
}

func (f *fakeHasher) VerifyDummy(context.Context, secret.Secret) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.worked++
	return f.err
}

func team(name string) domain.Team {
	return domain.Team{
		ID: ids.NewUUID(), DisplayName: name, CreatedAt: time.Unix(1, 0),
		ServerMetadata: json.RawMessage(fmt.Sprintf("%q", name)),
	}
}
