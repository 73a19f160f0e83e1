package migrate_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/tenancy"
)

// policies lists the tables and views of a database with what holds for them.
func policies(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
SELECT c.relname || CASE WHEN c.relrowsecurity THEN ' enabled' ELSE '' END || CASE WHEN c.relforcerowsecurity THEN ' forced' ELSE '' END
    || coalesce(' ' || array_to_string(c.reloptions, ','), '')
    || coalesce((SELECT string_agg(' ' || p.policyname || ' ' || p.cmd, '' ORDER BY p.policyname) FROM pg_policies p WHERE p.tablename = c.relname), '')
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname NOT LIKE 'schema_version%'
ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestIsolate_tablesOfProjects_havePolicies(t *testing.T) {
	url := pgtest.URL(t)
	conn, err := pgx.Connect(t.Context(), url.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	steps := []string{
		"CREATE TABLE projects (id text PRIMARY KEY)", "CREATE TABLE notes (project_id text)", "CREATE TABLE words (project_id text)",
		"CREATE TABLE clocks (n int)", "CREATE VIEW seen AS SELECT * FROM notes",
	}
	s := source("a", steps...)
	s.ProjectColumns = map[string]string{"projects": "id"}
	s.WithoutPolicy = map[string]string{"words": "because"}
	if err := migrate.Up(t.Context(), url, s); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"clocks", "notes enabled forced project ALL", "projects enabled forced project ALL", "seen security_invoker=true", "words",
	}
	var replicas sync.WaitGroup
	for range 3 {
		replicas.Go(func() {
			if err := migrate.Isolate(t.Context(), url, s); err != nil {
				t.Error(err)
			}
		})
	}
	replicas.Wait()
	if got := policies(t, conn); !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	// Whatever somebody changed is put right, and a new table is found.
	for _, statement := range []string{
		"ALTER TABLE notes NO FORCE ROW LEVEL SECURITY", "CREATE POLICY hole ON projects USING (true)",
		"COMMENT ON POLICY project ON notes IS 'older'", "CREATE TABLE added (n int, project_id text)", "CREATE OR REPLACE VIEW seen WITH (security_invoker = false) AS SELECT * FROM notes",
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := migrate.Isolate(t.Context(), url, s); err != nil {
		t.Fatal(err)
	}
	want = append([]string{"added enabled forced project ALL"}, want...)
	if got := policies(t, conn); !slices.Equal(got, want) {
		t.Errorf("after changes %q\nwant %q", got, want)
	}
}

// However long another replica takes, one waits for it and does not fail.
func TestIsolate_anotherReplicaIsSlow_waitsForIt(t *testing.T) {
	url := pgtest.URL(t)
	s := source("a", "CREATE TABLE notes (project_id text)")
	if err := migrate.Up(t.Context(), url, s); err != nil {
		t.Fatal(err)
	}
	other, err := pgx.Connect(t.Context(), url.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(t.Context())
	exec := func(sql string) {
		t.Helper()
		if _, err := other.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec("SELECT pg_advisory_lock(hashtext('isolate'))")
	done := make(chan error, 1)
	go func() { done <- migrate.Isolate(t.Context(), url, s) }()
	for waits := false; !waits; {
		if err := other.QueryRow(t.Context(), `
SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted)`).Scan(&waits); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			t.Fatalf("did not wait: %v", err)
		default:
		}
	}
	exec("SELECT pg_sleep(2.5)") // longer than anybody waits for a table
	exec("SELECT pg_advisory_unlock(hashtext('isolate'))")
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := policies(t, other); !slices.Equal(got, []string{"notes enabled forced project ALL"}) {
		t.Errorf("%q", got)
	}
}

// What is as it should be takes no lock that traffic would wait for.
func TestIsolate_repeated_waitsForNobody(t *testing.T) {
	url := pgtest.URL(t)
	s := source("a", "CREATE TABLE notes (project_id text)", "CREATE VIEW seen AS SELECT * FROM notes")
	for _, step := range []error{migrate.Up(t.Context(), url, s), migrate.Isolate(t.Context(), url, s)} {
		if step != nil {
			t.Fatal(step)
		}
	}
	if err := pgtest.Open(t, url, 1).RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "LOCK TABLE notes, seen IN ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
		return migrate.Isolate(ctx, url, s)
	}); err != nil {
		t.Error(err)
	}
}

// A migration that moves rows moves those of all projects, also once there are
// policies.
func TestUp_policiesInForce_seesAllProjects(t *testing.T) {
	url := pgtest.URL(t)
	steps := []string{"CREATE TABLE notes (project_id text, n int)", "INSERT INTO notes VALUES ('a', 1), ('b', 1)"}
	for _, step := range []error{migrate.Up(t.Context(), url, source("a", steps...)), migrate.Isolate(t.Context(), url, source("a", steps...))} {
		if step != nil {
			t.Fatal(step)
		}
	}
	if err := migrate.Up(t.Context(), url, source("a", append(steps, "UPDATE notes SET n = 2")...)); err != nil {
		t.Fatal(err)
	}
	var moved int
	ctx := tenancy.ForAllProjects(t.Context())
	if err := pgtest.Open(t, url, 1).Querier(ctx).QueryRow(ctx, "SELECT count(*) FROM notes WHERE n = 2").Scan(&moved); err != nil || moved != 2 {
		t.Errorf("%d of 2 rows moved, %v", moved, err)
	}
}

func TestIsolate_unreadableURL_doesNotRepeatIt(t *testing.T) {
	if err := migrate.Isolate(t.Context(), "postgres://user:hunter2@[::1:bad/db"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Isolate = %v", err)
	}
}
