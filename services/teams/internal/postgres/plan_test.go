package postgres_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/services/teams/migrations"
)

// members is how many memberships there are, in teams of a thousand.
const members = 1_000_000

// uuid is the SQL of an id that stands for a number.
func uuid(number string) string { return "lpad(to_hex(" + number + "), 32, '0')::uuid" }

// million returns a database with a million memberships, a tenth of them with a
// grant.
func million(t *testing.T) *pg.DB {
	t.Helper()
	db := pgtest.New(t, migrations.Source(), outbox.Migrations(), onetime.Migrations(), courier.Migrations())
	for _, statement := range []string{
		// Rows are made that fit; to look each of them up would take longer than
		// all the rest.
		"ALTER TABLE team_permissions DROP CONSTRAINT team_permissions_membership_fk",
		"ALTER TABLE team_memberships DROP CONSTRAINT team_memberships_team_id_fk",
		"INSERT INTO teams (project_id, branch_id, id, display_name) SELECT 'p', 'main', " + uuid("i") + ", 'Crew' FROM generate_series(0, 999) i",
		"INSERT INTO team_memberships (project_id, branch_id, team_id, user_id) SELECT 'p', 'main', " + uuid("i / 1000") + ", " + uuid("i") +
			" FROM generate_series(0, $1::int - 1) i",
		"INSERT INTO team_permissions (project_id, branch_id, team_id, user_id, permission_id, config_version) SELECT 'p', 'main', " + uuid("i / 1000") + ", " + uuid("i") +
			", 'team_member', 1 FROM generate_series(3, $1::int - 1, 10) i",
		"ANALYZE teams, team_memberships, team_permissions",
	} {
		var args []any
		if strings.Contains(statement, "$1") {
			args = append(args, members)
		}
		if _, err := db.Querier(t.Context()).Exec(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// query is the text of a statement in queries/.
func query(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("queries/permissions.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "-- name: "+name+" :one\n")
	if !found {
		t.Fatalf("there is no statement %s", name)
	}
	statement, _, _ := strings.Cut(rest, ";")
	return regexp.MustCompile(`sqlc\.embed\((\w+)\)`).ReplaceAllString(statement, "$1.*")
}

// plan is what Postgres says about a statement that it ran.
type plan struct {
	Node     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Hit      int    `json:"Shared Hit Blocks"`
	Read     int    `json:"Shared Read Blocks"`
	Plans    []plan
}

func (p *plan) walk(visit func(*plan)) {
	visit(p)
	for i := range p.Plans {
		p.Plans[i].walk(visit)
	}
}

// A check of a permission is one statement, which finds its rows by indexes: of
// a million memberships it reads a few pages.
func TestMembership_ofAMillion_readsAFewPages(t *testing.T) {
	db := million(t)
	for _, name := range []string{"Membership", "LockMembership"} {
		var text string
		if err := db.Querier(t.Context()).QueryRow(t.Context(), "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+query(t, name),
			"p", "main", "00000000-0000-0000-0000-000000000200", "00000000-0000-0000-0000-00000007d123").Scan(&text); err != nil {
			t.Fatal(err)
		}
		var explained []struct{ Plan plan }
		if err := json.Unmarshal([]byte(text), &explained); err != nil {
			t.Fatal(err)
		}
		root := &explained[0].Plan
		root.walk(func(p *plan) {
			if strings.Contains(p.Node, "Seq Scan") {
				t.Errorf("%s reads all of %s", name, p.Relation)
			}
		})
		if pages := root.Hit + root.Read; pages == 0 || pages > 40 {
			t.Errorf("%s reads %d pages", name, pages)
		} else {
			t.Logf("%s reads %d pages", name, pages)
		}
	}
}
