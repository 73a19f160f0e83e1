package pg_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/tenancy"
)

var notes = migrate.Source{Name: "notes", FS: fstest.MapFS{
	"00001_init.sql": {Data: []byte("-- +goose Up\nCREATE TABLE notes (project_id text NOT NULL, n int NOT NULL, CONSTRAINT notes_pkey PRIMARY KEY (project_id, n));\nINSERT INTO notes VALUES ('a', 1), ('b', 1), ('b', 2);\n")},
}}

// service opens the database as a service does, which has to say for whom it
// works.
func service(t *testing.T, maxConns int) *pg.DB {
	t.Helper()
	db, err := pg.Open(t.Context(), pg.Config{URL: pgtest.URL(t, notes), MaxConns: maxConns, Patient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// visible is what a statement that forgets its project sees.
func visible(ctx context.Context, db *pg.DB) (string, error) {
	var projects string
	err := db.Querier(ctx).QueryRow(ctx, "SELECT coalesce(string_agg(project_id, '' ORDER BY project_id), '') FROM notes").Scan(&projects)
	return projects, err
}

// One connection serves whoever comes, in any order, and shows each what is
// theirs.
func TestQuerier_statementWithoutProject_seesThatOfItsContext(t *testing.T) {
	db := service(t, 1)
	for range 2 {
		for _, tt := range []struct {
			ctx  context.Context
			want string
		}{
			{tenancy.ForProject(t.Context(), "a"), "a"},
			{tenancy.ForProject(t.Context(), "b"), "bb"},
			{tenancy.ForNoProject(t.Context()), ""},
			{tenancy.ForAllProjects(t.Context()), "abb"},
			{tenancy.ForProject(t.Context(), "c"), ""},
			{tenancy.ForProject(t.Context(), ""), ""},
			// No id of a project means all of them.
			{tenancy.ForProject(t.Context(), tenancy.All), ""},
			{tenancy.ForProject(tenancy.ForAllProjects(t.Context()), "b"), "bb"},
		} {
			if got, err := visible(tt.ctx, db); err != nil || got != tt.want {
				t.Errorf("saw %q, %v; want %q", got, err, tt.want)
			}
		}
	}
}

func TestQuerier_forNobody_isRefused(t *testing.T) {
	db := service(t, 1)
	if got, err := visible(t.Context(), db); err == nil || !strings.Contains(err.Error(), "tenancy") {
		t.Errorf("saw %q, %v", got, err)
	}
	err := db.RunTx(t.Context(), func(context.Context, pgx.Tx) error {
		t.Error("the transaction began")
		return nil
	})
	if err == nil {
		t.Error("no error")
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("the pool is broken: %v", err)
	}
}

func TestRunTx_rolledBack_connectionKnowsForWhomItWorks(t *testing.T) {
	db := service(t, 1)
	boom := errors.New("boom")
	a, b := tenancy.ForProject(t.Context(), "a"), tenancy.ForProject(t.Context(), "b")
	if err := db.RunTx(a, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT 1/0"); err == nil {
			t.Error("no error")
		}
		return boom
	}); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	for ctx, want := range map[context.Context]string{a: "a", b: "bb"} {
		if got, err := visible(ctx, db); err != nil || got != want {
			t.Errorf("saw %q, %v; want %q", got, err, want)
		}
	}
}

// The connection of a transaction shows one project; to ask it for another one's
// rows would find none.
func TestRunTx_workForAnother_isRefused(t *testing.T) {
	db := service(t, 2)
	a := tenancy.ForProject(t.Context(), "a")
	err := db.RunTx(a, func(ctx context.Context, _ pgx.Tx) error {
		for _, other := range []context.Context{tenancy.ForProject(ctx, "b"), tenancy.ForAllProjects(ctx)} {
			if got, err := visible(other, db); err == nil {
				t.Errorf("saw %q", got)
			}
			if err := db.RunTx(other, func(context.Context, pgx.Tx) error { return nil }); err == nil {
				t.Error("a transaction for another joined")
			}
			if _, err := db.Querier(other).Exec(other, "DELETE FROM notes"); err == nil {
				t.Error("deleted")
			}
			if err := db.Querier(other).QueryRow(other, "SELECT 1").Scan(new(int)); err == nil {
				t.Error("asked")
			}
		}
		got, err := visible(ctx, db)
		if got != "a" {
			t.Errorf("saw %q", got)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Many at a time over few connections, some of which break off: nobody ever sees
// what another one's work left on a connection.
func TestQuerier_manyProjectsAtOnce_neverMix(t *testing.T) {
	db := service(t, 3)
	var work sync.WaitGroup
	for i := range 24 {
		work.Go(func() {
			project := string("abc"[i%3])
			want := map[string]string{"a": "a", "b": "bb", "c": ""}[project]
			ctx := tenancy.ForProject(t.Context(), project)
			for n := range 40 {
				if n%8 == 7 {
					hurried, cancel := context.WithCancel(ctx)
					go cancel()
					_, _ = visible(hurried, db)
				}
				if got, err := visible(ctx, db); err == nil && got != want {
					t.Errorf("project %s saw %q", project, got)
				}
			}
		})
	}
	work.Wait()
}

func TestQuerier_oneProject_costsNothingMore(t *testing.T) {
	db := service(t, 1)
	ctx, statements := pg.CountQueries(tenancy.ForProject(t.Context(), "a"))
	told := func() int {
		// The server remembers what a connection prepared and how often it ran.
		var n int
		if err := db.Querier(ctx).QueryRow(ctx, "SELECT coalesce(sum(generic_plans + custom_plans), 0)::int FROM pg_prepared_statements WHERE statement LIKE '%set_config%' AND statement NOT LIKE '%pg_prepared%'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := told()
	if before != 1 {
		t.Errorf("a new connection was told %d times", before)
	}
	for range 5 {
		if _, err := visible(ctx, db); err != nil {
			t.Fatal(err)
		}
	}
	if after := told(); after != before {
		t.Errorf("told %d more times for whom it works", after-before)
	}
	if n := statements.Load(); n != 7 {
		t.Errorf("counted %d statements, want 7", n)
	}
}

func TestAbovePolicies_role_isKnown(t *testing.T) {
	url := pgtest.URL(t, notes)
	for _, tt := range []struct {
		db   *pg.DB
		want bool
	}{
		{pgtest.Open(t, url, 1), false},
		{pgtest.Open(t, pgtest.Superuser(t, url), 1), true},
	} {
		if got, err := tt.db.AbovePolicies(t.Context()); err != nil || got != tt.want {
			t.Errorf("%v, %v; want %v", got, err, tt.want)
		}
	}
}

// What a listener or leader does is for all projects.
func TestLead_connection_seesAllProjects(t *testing.T) {
	db := service(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan string, 1)
	done := make(chan error, 1)
	go func() {
		done <- db.Lead(ctx, 1, func(ctx context.Context, conn *pgx.Conn) error {
			rows, err := conn.Query(ctx, "SELECT DISTINCT project_id FROM notes")
			if err != nil {
				return err
			}
			projects, err := pgx.CollectRows(rows, pgx.RowTo[string])
			slices.Sort(projects)
			seen <- fmt.Sprint(projects)
			<-ctx.Done()
			return err
		})
	}()
	if got := <-seen; got != "[a b]" {
		t.Errorf("saw %s", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
