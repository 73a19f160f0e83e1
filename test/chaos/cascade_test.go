package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/test/client"
	"vestibule.dev/test/database"
	"vestibule.dev/test/events"
	"vestibule.dev/test/fsck"
	"vestibule.dev/test/stack"
)

// estate is a project with people who have sessions, teams, permissions, keys and
// invitations.
type estate struct {
	project      stack.Project
	server       *client.Client
	users, teams []string
}

// crew is how many people, and how many teams beside their own, an estate has.
const crew = 3

func newEstate(ctx context.Context, name string) (*estate, error) {
	// What was killed a moment ago may ask for patience.
	var project stack.Project
	err := client.Poll(ctx, func(ctx context.Context) (err error) {
		project, err = client.NewProject(ctx, system.BaseURL, system.Projects["internal"], name, map[string]any{
			"create_team_on_sign_up": true, "allow_user_api_keys": true, "allow_team_api_keys": true,
		})
		return err
	})
	e := &estate{project: project, server: client.For(system.BaseURL, project, client.Server)}
	ask := func(c *client.Client, method, path string, body, target any) {
		if err != nil {
			return
		}
		var answer client.Response
		if answer, err = insist(ctx, c, method, path, body); err == nil && answer.Status/100 != 2 {
			err = fmt.Errorf("%s %s: %s", method, path, answer)
		}
		if err == nil && target != nil {
			err = answer.Decode(target)
		}
	}
	expect := func(method, path string, body, target any) { ask(e.server, method, path, body, target) }
	ask(client.For(system.BaseURL, project, client.Admin), http.MethodPost, "/project-permission-definitions", map[string]any{"id": "beta"}, nil)
	for range crew {
		var tokens client.Tokens
		ask(client.For(system.BaseURL, project, client.Public), http.MethodPost, "/auth/password/sign-up",
			map[string]any{"email": client.FreshEmail("leaver"), "password": password}, &tokens)
		e.users = append(e.users, tokens.UserID)
	}
	for i := range crew {
		var team struct{ ID string }
		expect(http.MethodPost, "/teams", map[string]any{"display_name": fmt.Sprintf("Crew %d", i), "creator_user_id": e.users[0]}, &team)
		e.teams = append(e.teams, team.ID)
		for _, user := range e.users[1:] {
			expect(http.MethodPost, "/team-memberships/"+team.ID+"/"+user, map[string]any{}, nil)
		}
		expect(http.MethodPost, "/team-api-keys", map[string]any{"description": "CI", "team_id": team.ID}, nil)
		expect(http.MethodPost, "/team-invitations/send-code",
			map[string]any{"team_id": team.ID, "email": client.FreshEmail("invited"), "callback_url": callbackURL}, nil)
	}
	for _, user := range e.users {
		expect(http.MethodPost, "/user-api-keys", map[string]any{"description": "CI", "user_id": user}, nil)
		expect(http.MethodPost, "/project-permissions/"+user+"/beta", map[string]any{}, nil)
		expect(http.MethodPatch, "/users/"+user, map[string]any{"selected_team_id": e.teams[0]}, nil)
	}
	return e, err
}

// delete deletes something until it is gone, whatever breaks on the way.
func (e *estate) delete(ctx context.Context, caller *client.Client, path string, goneCodes ...string) error {
	var refused error
	err := client.Poll(ctx, func(ctx context.Context) error {
		answer, err := caller.Do(ctx, http.MethodDelete, path, nil)
		switch {
		case err != nil:
			return err
		case answer.Status == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != "":
			return fmt.Errorf("DELETE %s: %s", path, answer)
		case answer.Status != http.StatusOK && !slices.Contains(goneCodes, answer.Code()):
			refused = fmt.Errorf("DELETE %s: %s", path, answer)
		}
		return nil
	})
	return errors.Join(err, refused)
}

func (e *estate) deleteUser(ctx context.Context, user string) error {
	return e.delete(ctx, e.server, "/users/"+user, "USER_NOT_FOUND")
}

func (e *estate) deleteTeam(ctx context.Context, team string) error {
	return e.delete(ctx, e.server, "/teams/"+team, "TEAM_NOT_FOUND")
}

func (e *estate) deleteProject(ctx context.Context) error {
	return e.delete(ctx, client.For(system.BaseURL, e.project, client.Admin), "/internal/projects/current", "CURRENT_PROJECT_NOT_FOUND")
}

// remains are rows of what was deleted: none may be left.
type remains struct{ service, name, query string }

var (
	// ofUser is gone with the answer to the deletion of a user, where nobody is
	// away or too slow.
	ofUser = []remains{
		{"identity", "the user", "SELECT count(*) FROM users WHERE id = ANY($1::uuid[])"},
		{"teams", "memberships", "SELECT count(*) FROM team_memberships WHERE user_id = ANY($1::uuid[])"},
		{"teams", "team permissions", "SELECT count(*) FROM team_permissions WHERE user_id = ANY($1::uuid[])"},
		{"teams", "project permissions", "SELECT count(*) FROM project_permissions WHERE user_id = ANY($1::uuid[])"},
		{"sessions", "sessions", "SELECT count(*) FROM sessions WHERE user_id = ANY($1::uuid[])"},
		{"sessions", "keys", "SELECT count(*) FROM api_keys WHERE owner_type = 'user' AND owner_id = ANY($1::uuid[])"},
	}
	// ofTeam is the same of a team.
	ofTeam = []remains{
		{"teams", "the team", "SELECT count(*) FROM teams WHERE id = ANY($1::uuid[])"},
		{"teams", "memberships", "SELECT count(*) FROM team_memberships WHERE team_id = ANY($1::uuid[])"},
		{"teams", "permissions", "SELECT count(*) FROM team_permissions WHERE team_id = ANY($1::uuid[])"},
		{"teams", "invitations", "SELECT count(*) FROM team_invitations WHERE team_id = ANY($1::uuid[])"},
	}
	// laterOfTeam is gone a moment later: its keys and selections end by event.
	laterOfTeam = []remains{
		{"sessions", "keys", "SELECT count(*) FROM api_keys WHERE owner_type = 'team' AND owner_id = ANY($1::uuid[])"},
		{"identity", "selections", "SELECT count(*) FROM users WHERE selected_team_id = ANY($1::uuid[])"},
	}
	// ofProject is gone in the end.
	ofProject = []remains{
		{"identity", "projects", "SELECT count(*) FROM projects WHERE id = ANY($1::text[])"},
		{"identity", "users", "SELECT count(*) FROM users WHERE project_id = ANY($1::text[])"},
		{"teams", "teams", "SELECT count(*) FROM teams WHERE project_id = ANY($1::text[])"},
		{"teams", "memberships", "SELECT count(*) FROM team_memberships WHERE project_id = ANY($1::text[])"},
		{"teams", "invitations", "SELECT count(*) FROM team_invitations WHERE project_id = ANY($1::text[])"},
		{"teams", "permissions", "SELECT count(*) FROM project_permissions WHERE project_id = ANY($1::text[])"},
		{"sessions", "sessions", "SELECT count(*) FROM sessions WHERE project_id = ANY($1::text[])"},
		{"sessions", "keys", "SELECT count(*) FROM api_keys WHERE project_id = ANY($1::text[])"},
	}
)

// look reports what is left of the deleted.
func look(ctx context.Context, databases *database.Set, deleted []string, kinds ...[]remains) error {
	var errs []error
	for _, r := range slices.Concat(kinds...) {
		var n int
		if err := databases.Conn(r.service).QueryRow(ctx, r.query, deleted).Scan(&n); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if n > 0 {
			errs = append(errs, fmt.Errorf("%d %s are left in %s", n, r.name, r.service))
		}
	}
	return errors.Join(errs...)
}

// Users, teams and projects are deleted while each service is killed in turn
// (R24, R26). Whatever was acknowledged is gone everywhere in the end, nothing
// refers to it, and what was not deleted is all there.
func TestKill_eachServiceDuringDeletions_leavesNothing(t *testing.T) {
	ctx, cancel := bounded(t)
	defer cancel()
	databases, err := database.Open(ctx, system.Databases)
	if err != nil {
		t.Fatal(err)
	}
	defer databases.Close(ctx)
	stream, err := events.Open(broker.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()

	// Where all is well, the answer says that it is done. What takes a service
	// longer than a second is left to the event, which may happen to one of two.
	healthy, err := newEstate(ctx, "Healthy")
	if err != nil {
		t.Fatal(err)
	}
	users, kept := []string(nil), healthy.users
	for left := errors.New("nobody was deleted"); left != nil; {
		if len(kept) == 1 {
			t.Fatalf("with the answer: %v", left)
		}
		if err := healthy.deleteUser(ctx, kept[0]); err != nil {
			t.Fatal(err)
		}
		left = look(ctx, databases, kept[:1], ofUser)
		users, kept = append(users, kept[0]), kept[1:]
	}
	if err := healthy.deleteTeam(ctx, healthy.teams[0]); err != nil {
		t.Fatal(err)
	}
	if err := look(ctx, databases, healthy.teams[:1], ofTeam); err != nil {
		t.Errorf("with the answer: %v", err)
	}
	teams, projects := healthy.teams[:1:1], []string(nil)
	for _, process := range stack.Processes {
		reduced, err := newEstate(ctx, "Reduced while "+process+" dies")
		if err != nil {
			t.Fatal(err)
		}
		deleted, err := newEstate(ctx, "Deleted while "+process+" dies")
		if err != nil {
			t.Fatal(err)
		}
		begun := make(chan struct{}, 1)
		var all sync.WaitGroup
		run := func(deletions ...func() error) {
			all.Go(func() {
				for _, deletion := range deletions {
					if err := deletion(); err != nil {
						t.Errorf("while %s dies: %v", process, err)
					}
					select {
					case begun <- struct{}{}:
					default:
					}
				}
			})
		}
		run(func() error { return reduced.deleteUser(ctx, reduced.users[0]) }, func() error { return reduced.deleteUser(ctx, reduced.users[1]) })
		run(func() error { return reduced.deleteTeam(ctx, reduced.teams[0]) }, func() error { return reduced.deleteTeam(ctx, reduced.teams[1]) })
		run(func() error { return deleted.deleteTeam(ctx, deleted.teams[0]) }, func() error { return deleted.deleteProject(ctx) })
		<-begun
		if err := end(ctx, process, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		users, teams = append(users, reduced.users[:2]...), append(teams, reduced.teams[:2]...)
		projects, kept = append(projects, deleted.project.ID), append(kept, reduced.users[2])
	}
	done := time.Now()
	settle(ctx, t, databases, stream)
	t.Logf("%d users, %d teams and %d projects deleted under %d kills; everything had settled %v after the last answer",
		len(users), len(teams), len(projects), len(stack.Processes), time.Since(done).Round(time.Millisecond))
	// What a moment was too short for is done once a minute.
	looking, stop := context.WithTimeout(ctx, patience)
	defer stop()
	err = client.Poll(looking, func(ctx context.Context) error {
		return errors.Join(look(ctx, databases, users, ofUser), look(ctx, databases, teams, ofTeam, laterOfTeam), look(ctx, databases, projects, ofProject))
	})
	if err != nil {
		t.Errorf("in the end: %v", err)
	}
	settle(ctx, t, databases, stream)
	orphans, err := fsck.Check(ctx, databases)
	if err != nil {
		t.Fatal(err)
	}
	for _, orphan := range orphans {
		t.Error(orphan)
	}
	// Those who stayed lost nothing but what was deleted.
	rows, err := databases.Conn("teams").Query(ctx, `SELECT user_id::text FROM team_memberships WHERE user_id = ANY($1::uuid[])`, kept)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range kept {
		if !slices.Contains(found, user) {
			t.Errorf("%s was not deleted and is in no team", user)
		}
	}
}
