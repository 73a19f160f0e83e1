package app_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/apierr"
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
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
	"vestibule.dev/services/teams/internal/events"
	"vestibule.dev/services/teams/internal/postgres"
	"vestibule.dev/services/teams/migrations"
)

var tenant = ids.Tenant{ProjectID: "p", BranchID: "main"}

type fixture struct {
	*app.App
	t        *testing.T
	db       *pg.DB
	projects *fakeProjects
	users    *fakeUsers
	box      *secret.Box
	limits   app.Limits
	// seen is the number of events that were read.
	seen int64
}

const publicURL = "https://api.example.com"

func newFixture(t *testing.T) *fixture {
	t.Helper()
	url := pgtest.URL(t, migrations.Source(), outbox.Migrations(), onetime.Migrations(), courier.Migrations(), throttle.Migrations())
	ring, err := secret.ParseKeyRing(secret.Secret("k1:" + base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{
		t: t, limits: app.DefaultLimits(), projects: newProjects(), users: &fakeUsers{users: map[string]app.User{}, emails: map[string][]string{}}, box: secret.NewBox(ring),
	}
	f.useDB(pgtest.Open(t, url, 16))
	return f
}

// useDB makes the use cases work on another connection pool.
func (f *fixture) useDB(db *pg.DB) {
	f.t.Helper()
	codes, err := onetime.New(make([]byte, 32))
	if err != nil {
		f.t.Fatal(err)
	}
	f.db = db
	f.App = app.New(app.Deps{
		Store:    postgres.NewStore(db, codes, f.box, events.Encode),
		Projects: f.projects, Users: f.users, Logger: slog.New(slog.DiscardHandler), PublicURL: publicURL,
		Limits: f.limits, Fingerprint: func(use, text string) string {
			return base64.RawURLEncoding.EncodeToString(secret.HMAC(make([]byte, 32), use, text))
		},
	})
}

// as returns the context of a request of a user; of nobody when that is empty.
func (f *fixture) as(access principal.Access, userID string) context.Context {
	p := principal.Principal{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Access: access, UserID: userID, ConfigVersion: 1}
	return principal.NewContext(f.t.Context(), p)
}

func (f *fixture) client(userID string) context.Context { return f.as(principal.AccessClient, userID) }
func (f *fixture) server() context.Context              { return f.as(principal.AccessServer, "") }

// user makes identity know another user.
func (f *fixture) user(name string, verifiedEmails ...string) (userID string) {
	f.users.mu.Lock()
	defer f.users.mu.Unlock()
	userID = ids.NewUUID()
	f.users.users[userID] = app.User{ID: userID, DisplayName: &name, Representation: json.RawMessage(`{"id":"` + userID + `"}`)}
	f.users.emails[userID] = verifiedEmails
	return userID
}

// team creates a team whose creator administers it.
func (f *fixture) team(creatorUserID string) (teamID string) {
	f.t.Helper()
	team, err := f.CreateTeam(f.server(), app.NewTeam{DisplayName: "Crew", CreatorUserID: &creatorUserID})
	if err != nil {
		f.t.Fatal(err)
	}
	f.events()
	return team.ID
}

// join adds a user to a team.
func (f *fixture) join(teamID string) (userID string) {
	f.t.Helper()
	userID = f.user("Member")
	if err := f.CreateTeamMembership(f.server(), teamID, userID); err != nil {
		f.t.Fatal(err)
	}
	f.events()
	return userID
}

// events returns the events emitted since the last call, oldest first.
func (f *fixture) events() []*eventsv1.Envelope {
	f.t.Helper()
	ctx := context.Background()
	rows, err := f.db.Querier(ctx).Query(ctx, `SELECT seq, payload FROM outbox WHERE seq > $1 ORDER BY seq`, f.seen)
	if err != nil {
		f.t.Fatal(err)
	}
	defer rows.Close()
	var envelopes []*eventsv1.Envelope
	for rows.Next() {
		var payload []byte
		if err := rows.Scan(&f.seen, &payload); err != nil {
			f.t.Fatal(err)
		}
		envelope := &eventsv1.Envelope{}
		if err := proto.Unmarshal(payload, envelope); err != nil {
			f.t.Fatal(err)
		}
		envelopes = append(envelopes, envelope)
	}
	return envelopes
}

// facts names events as in "team.created".
func facts(envelopes []*eventsv1.Envelope) string {
	var names []string
	for _, envelope := range envelopes {
		parts := strings.Split(envelope.GetSubject(), ".")
		names = append(names, parts[2]+"."+parts[3])
	}
	return strings.Join(names, " ")
}

// persist does what a caller does who is told to come back: more run at once
// than there are connections.
func persist(do func() error) error {
	for {
		if err := do(); !errors.Is(err, apierr.Unavailable(0)) {
			return err
		}
	}
}

func wantError(t *testing.T, got error, want *apierr.Error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error %v, want %v", got, want)
	}
}

// wantText checks for an error that is a status and a sentence.
func wantText(t *testing.T, got error, status int) {
	t.Helper()
	known, ok := errors.AsType[*apierr.Error](got)
	if !ok || known.Code != "" || known.HTTP != status {
		t.Errorf("error %v, want text with status %d", got, status)
	}
}

// fakeUsers plays identity's users.
type fakeUsers struct {
	mu     sync.Mutex
	users  map[string]app.User
	emails map[string][]string
	// asked counts the questions.
	asked int
}

func (u *fakeUsers) Users(_ context.Context, _ ids.Tenant, userIDs ...string) (map[string]app.User, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked++
	found := map[string]app.User{}
	for _, id := range userIDs {
		if user, ok := u.users[id]; ok {
			found[id] = user
		}
	}
	return found, nil
}

func (u *fakeUsers) VerifiedEmails(_ context.Context, _ ids.Tenant, userID string) ([]string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked++
	return u.emails[userID], nil
}

// fakeProjects plays identity's configuration. It is that of a new project.
type fakeProjects struct {
	mu          sync.Mutex
	config      projectconfig.Config
	definitions []domain.Definition
	// asked are the versions that were asked for.
	asked []int64
	// replacing is called before definitions are replaced.
	replacing func()
	changes   []*domain.PermissionChange
}

func newProjects() *fakeProjects {
	p := &fakeProjects{
		config: projectconfig.Config{Tenant: tenant, Version: 1},
		definitions: []domain.Definition{
			{ID: "team_member", Scope: domain.TeamScope, Contains: []string{domain.ReadMembers, domain.InviteMembers}},
			{ID: "team_admin", Scope: domain.TeamScope, Contains: []string{
				domain.UpdateTeam, domain.DeleteTeam, domain.ReadMembers, domain.RemoveMembers, domain.InviteMembers, domain.ManageAPIKeys,
			}},
			{ID: "beta", Scope: domain.ProjectScope},
		},
	}
	p.config.Teams.AllowClientTeamCreation = true
	p.config.Domains.AllowLocalhost = true
	p.config.RBAC.DefaultPermissions = projectconfig.DefaultPermissions{
		TeamCreator: projectconfig.IDSet{"team_admin": true, "gone": true}, TeamMember: projectconfig.IDSet{"team_member": true, "beta": true},
	}
	return p
}

func (p *fakeProjects) Project(_ context.Context, _ ids.Tenant, minVersion int64) (*app.Project, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, minVersion)
	config := p.config
	config.RBAC.Permissions = map[string]projectconfig.Permission{}
	for _, d := range p.definitions {
		config.RBAC.Permissions[d.ID] = projectconfig.Permission{Scope: string(d.Scope)}
	}
	return &app.Project{Config: &config, Permissions: domain.NewPermissions(p.definitions...)}, nil
}

func (p *fakeProjects) ReplacePermissions(_ context.Context, _ ids.Tenant, expectedVersion int64, change *domain.PermissionChange) (int64, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.replacing != nil {
		p.replacing()
	}
	if p.config.Version != expectedVersion {
		return p.config.Version, false, nil
	}
	p.config.Version++
	p.definitions = change.Definitions
	p.changes = append(p.changes, change)
	return p.config.Version, true, nil
}

// published lists the subjects of the events so far, in order.
func (f *fixture) published() (subjects []string) {
	f.t.Helper()
	rows, err := f.db.Querier(f.t.Context()).Query(f.t.Context(), "SELECT subject FROM outbox ORDER BY seq")
	if err != nil {
		f.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var subject string
		if err := rows.Scan(&subject); err != nil {
			f.t.Fatal(err)
		}
		subjects = append(subjects, subject)
	}
	return subjects
}

// newUser is what identity asks for when a user comes into being.
func newUser(tenant ids.Tenant, userID, teamName string) app.Provision {
	return app.Provision{
		Tenant: tenant, UserID: userID, ConfigVersion: 1,
		PersonalTeam: &app.PersonalTeam{TeamID: ids.NewUUID(), DisplayName: teamName, PermissionIDs: []string{"team_admin"}},
	}
}

// personalTeam provisions a user and returns the id of their team.
func (f *fixture) personalTeam(userID, name string) (teamID string) {
	f.t.Helper()
	user := newUser(tenant, userID, name)
	if err := f.ProvisionUser(f.t.Context(), user); err != nil {
		f.t.Fatal(err)
	}
	return user.PersonalTeam.TeamID
}

// store returns the store below the use cases.
func (f *fixture) store() *postgres.Store {
	f.t.Helper()
	codes, err := onetime.New(make([]byte, 32))
	if err != nil {
		f.t.Fatal(err)
	}
	return postgres.NewStore(f.db, codes, f.box, events.Encode)
}

// awaitBlocked returns once a statement waits for a lock of a row.
func (f *fixture) awaitBlocked() {
	f.t.Helper()
	ctx := context.Background() // not part of the caller's transaction
	for f.t.Context().Err() == nil {
		var waiting int
		if err := f.db.Querier(ctx).QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting); err != nil {
			f.t.Fatal(err)
		}
		if waiting > 0 {
			return
		}
		runtime.Gosched()
	}
}

// exec runs SQL beside the use cases.
func (f *fixture) exec(sql string, args ...any) {
	f.t.Helper()
	if _, err := f.db.Querier(f.t.Context()).Exec(f.t.Context(), sql, args...); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) count(sql string, args ...any) (n int) {
	f.t.Helper()
	if err := f.db.Querier(f.t.Context()).QueryRow(f.t.Context(), sql, args...).Scan(&n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

func (f *fixture) teamsOf(userID string) []string {
	f.t.Helper()
	teamIDs, err := f.ListUserTeams(f.t.Context(), tenant, userID)
	if err != nil {
		f.t.Fatal(err)
	}
	return teamIDs
}
