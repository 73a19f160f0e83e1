package app_test

import (
	"strconv"
	"sync"
	"testing"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/events"
	"vestibule.dev/services/teams/internal/postgres"
	"vestibule.dev/services/teams/migrations"
)

var tenant = ids.Tenant{ProjectID: "p", BranchID: "main"}

type fixture struct {
	*app.App
	t  *testing.T
	db *pg.DB
}

func newFixture(t *testing.T) *fixture {
	db := pgtest.New(t, outbox.Migrations(), migrations.Source())
	return &fixture{App: app.New(postgres.NewStore(db, events.Encode)), t: t, db: db}
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

func (f *fixture) personalTeam(userID, name string) app.PersonalTeam {
	f.t.Helper()
	team := app.PersonalTeam{Tenant: tenant, TeamID: ids.NewUUID(), UserID: userID, DisplayName: name}
	if err := f.CreatePersonalTeam(f.t.Context(), team); err != nil {
		f.t.Fatal(err)
	}
	return team
}

func (f *fixture) teamsOf(userID string) []string {
	f.t.Helper()
	teamIDs, err := f.ListUserTeams(f.t.Context(), tenant, userID)
	if err != nil {
		f.t.Fatal(err)
	}
	return teamIDs
}

// The sign-up and the event of the new user ask at the same time.
func TestCreatePersonalTeam_parallel_createsOne(t *testing.T) {
	f := newFixture(t)
	team := app.PersonalTeam{Tenant: tenant, TeamID: ids.NewUUID(), UserID: ids.NewUUID(), DisplayName: "Ada's Team"}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := f.CreatePersonalTeam(t.Context(), team); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := f.teamsOf(team.UserID); len(got) != 1 || got[0] != team.TeamID {
		t.Errorf("teams of the user are %v, want %s alone", got, team.TeamID)
	}
	if got := f.published(); len(got) != 1 || got[0] != "teams.v1.team.created.p" {
		t.Errorf("published %v, want one team.created", got)
	}
}

func TestCreatePersonalTeam_afterDeletion_doesNothing(t *testing.T) {
	f := newFixture(t)
	userID := ids.NewUUID()
	if _, err := f.RemoveUser(t.Context(), tenant, userID); err != nil {
		t.Fatal(err)
	}
	f.personalTeam(userID, "Ghost's Team")
	if got := f.teamsOf(userID); len(got) != 0 {
		t.Errorf("a deleted user came back into %v", got)
	}
}

// Creation and deletion race; whoever wins, no membership may stay. Without
// the lock on the user some stay.
func TestRemoveUser_parallelCreation_leavesNoMembership(t *testing.T) {
	f := newFixture(t)
	for range 40 {
		userID := ids.NewUUID()
		var both sync.WaitGroup
		both.Go(func() { f.personalTeam(userID, "Team") })
		both.Go(func() {
			if _, err := f.RemoveUser(t.Context(), tenant, userID); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		if got := f.teamsOf(userID); len(got) != 0 {
			t.Fatalf("a deleted user is still in %v", got)
		}
	}
}

func TestRemoveUser_twice_removesOnce(t *testing.T) {
	f := newFixture(t)
	userID := ids.NewUUID()
	first, second := f.personalTeam(userID, "A"), f.personalTeam(userID, "B")
	got, err := f.RemoveUser(t.Context(), tenant, userID)
	if err != nil || len(got) != 2 || got[0] != first.TeamID || got[1] != second.TeamID {
		t.Fatalf("RemoveUser = %v, %v; want both teams, oldest first", got, err)
	}
	got, err = f.RemoveUser(t.Context(), tenant, userID)
	if err != nil || len(got) != 0 {
		t.Errorf("RemoveUser again = %v, %v", got, err)
	}
	if published := f.published(); len(published) != 4 {
		t.Errorf("published %v, want two of each kind", published)
	}
}

func TestGetMembership_otherProjectOrUser_isNil(t *testing.T) {
	f := newFixture(t)
	userID := ids.NewUUID()
	team := f.personalTeam(userID, "A")
	for name, ask := range map[string]struct {
		tenant ids.Tenant
		user   string
	}{
		"other project": {ids.Tenant{ProjectID: "q", BranchID: "main"}, userID},
		"other branch":  {ids.Tenant{ProjectID: "p", BranchID: "b"}, userID},
		"other user":    {tenant, ids.NewUUID()},
	} {
		if got, err := f.GetMembership(t.Context(), ask.tenant, team.TeamID, ask.user); got != nil || err != nil {
			t.Errorf("%s: GetMembership = %v, %v; want nil", name, got, err)
		}
	}
	ctx, queries := pg.CountQueries(t.Context())
	got, err := f.GetMembership(ctx, tenant, team.TeamID, userID)
	if err != nil || got == nil || got.DisplayName != "A" {
		t.Fatalf("GetMembership = %v, %v", got, err)
	}
	if queries.Load() != 1 {
		t.Errorf("GetMembership cost %d statements, want 1", queries.Load())
	}
}

func TestGetTeam_otherProject_isNil(t *testing.T) {
	f := newFixture(t)
	team := f.personalTeam(ids.NewUUID(), "A")
	if got, err := f.GetTeam(t.Context(), tenant, team.TeamID); err != nil || got == nil || got.DisplayName != "A" {
		t.Errorf("GetTeam = %v, %v", got, err)
	}
	if got, err := f.GetTeam(t.Context(), ids.Tenant{ProjectID: "q", BranchID: "main"}, team.TeamID); got != nil || err != nil {
		t.Errorf("GetTeam of another project = %v, %v; want nil", got, err)
	}
}

func TestRenamePersonalTeams_placeholderOnly(t *testing.T) {
	f := newFixture(t)
	userID := ids.NewUUID()
	placeholder, named := f.personalTeam(userID, "Personal Team"), f.personalTeam(userID, "Book club")
	if err := f.RenamePersonalTeams(t.Context(), tenant, userID, "", "ada@example.com"); err != nil {
		t.Fatal(err)
	}
	for teamID, want := range map[string]string{placeholder.TeamID: "ada@example.com's Team", named.TeamID: "Book club"} {
		got, err := f.GetMembership(t.Context(), tenant, teamID, userID)
		if err != nil || got.DisplayName != want {
			t.Errorf("team is called %q, %v; want %q", got.DisplayName, err, want)
		}
	}
}

func TestPurgeProject_otherProjects_stay(t *testing.T) {
	f := newFixture(t)
	userID := ids.NewUUID()
	f.personalTeam(userID, "A")
	other := app.PersonalTeam{Tenant: ids.Tenant{ProjectID: "q", BranchID: "main"}, TeamID: ids.NewUUID(), UserID: userID, DisplayName: "B"}
	if err := f.CreatePersonalTeam(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if err := f.PurgeProject(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	if got := f.teamsOf(userID); len(got) != 0 {
		t.Errorf("teams %v of the purged project are left", got)
	}
	if got, err := f.GetMembership(t.Context(), other.Tenant, other.TeamID, userID); err != nil || got == nil {
		t.Errorf("the other project lost its team: %v, %v", got, err)
	}
}

// Events arrive in any order: a user's may come after the end of the project.
// Without the locks a team survives now and then.
func TestPurgeProject_parallelCreation_leavesNothing(t *testing.T) {
	f := newFixture(t)
	for i := range 40 {
		project := ids.Tenant{ProjectID: "p" + strconv.Itoa(i), BranchID: "main"}
		team := app.PersonalTeam{Tenant: project, TeamID: ids.NewUUID(), UserID: ids.NewUUID(), DisplayName: "Team"}
		var both sync.WaitGroup
		both.Go(func() {
			if err := f.CreatePersonalTeam(t.Context(), team); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			if err := f.PurgeProject(t.Context(), project.ProjectID); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		if got, err := f.GetMembership(t.Context(), project, team.TeamID, team.UserID); err != nil || got != nil {
			t.Fatalf("a team of a deleted project is left: %v, %v", got, err)
		}
	}
}
