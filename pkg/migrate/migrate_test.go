package migrate_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/pgtest"
)

func source(name string, statements ...string) migrate.Source {
	files := fstest.MapFS{}
	for i, sql := range statements {
		files["0000"+string(rune('1'+i))+"_step.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + sql + ";\n")}
	}
	return migrate.Source{Name: name, FS: files}
}

// Replicas that start at the same time must not migrate twice nor fail.
func TestUp_severalReplicas_migrateOnce(t *testing.T) {
	url := pgtest.URL(t)
	sources := []migrate.Source{
		source("a", "CREATE TABLE steps (n int)", "INSERT INTO steps VALUES (1)"),
		source("b", "INSERT INTO steps VALUES (2)"),
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := migrate.Up(t.Context(), url, sources...); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var steps string
	if err := pgtest.Open(t, url, 1).Querier(t.Context()).QueryRow(t.Context(),
		"SELECT string_agg(n::text, ' ' ORDER BY n) FROM steps").Scan(&steps); err != nil || steps != "1 2" {
		t.Errorf("steps %q, %v; want 1 2", steps, err)
	}
}

// Each source counts its own versions, so that a package can gain a migration
// after the services that use it have many.
func TestUp_newStepOfOneSource_isApplied(t *testing.T) {
	url := pgtest.URL(t)
	old := source("a", "CREATE TABLE steps (n int)")
	other := source("b", "SELECT 1", "SELECT 2", "SELECT 3")
	if err := migrate.Up(t.Context(), url, old, other); err != nil {
		t.Fatal(err)
	}
	if err := migrate.Up(t.Context(), url, source("a", "CREATE TABLE steps (n int)", "INSERT INTO steps VALUES (1)"), other); err != nil {
		t.Fatal(err)
	}
	var versions string
	if err := pgtest.Open(t, url, 1).Querier(t.Context()).QueryRow(t.Context(),
		"SELECT (SELECT max(version_id) FROM schema_version_a) || ' ' || (SELECT max(version_id) FROM schema_version_b) || ' ' || (SELECT count(*) FROM steps)").Scan(&versions); err != nil || versions != "2 3 1" {
		t.Errorf("versions and rows %q, %v; want 2 3 1", versions, err)
	}
}

// R62: a migration gives up rather than queue up the traffic behind it, and can
// be repeated.
func TestUp_tableInUse_failsAndCanBeRepeated(t *testing.T) {
	url := pgtest.URL(t)
	steps := []string{"CREATE TABLE steps (n int)", "ALTER TABLE steps ADD m int"}
	if err := migrate.Up(t.Context(), url, source("a", steps[0])); err != nil {
		t.Fatal(err)
	}
	db := pgtest.Open(t, url, 1)
	if err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "LOCK TABLE steps IN ACCESS SHARE MODE"); err != nil {
			return err
		}
		if err := migrate.Up(ctx, url, source("a", steps...)); err == nil || !strings.Contains(err.Error(), "lock timeout") {
			t.Errorf("Up = %v, want a lock timeout", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := migrate.Up(t.Context(), url, source("a", steps...)); err != nil {
		t.Errorf("repeated: %v", err)
	}
}

func TestUp_unreadableURL_doesNotRepeatIt(t *testing.T) {
	if err := migrate.Up(t.Context(), "postgres://user:hunter2@[::1:bad/db"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Up = %v", err)
	}
}
