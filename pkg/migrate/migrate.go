// Package migrate promises that a database has the schema its service was built
// for: forward only, once, however many replicas start at the same time.
package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/tenancy"
)

// Source is a set of migrations with a version of its own: a context's tables,
// or those of a package that keeps some in every database.
type Source struct {
	// Name is lower snake case; the version is kept in the table
	// schema_version_<name>.
	Name string
	// FS holds files such as 00001_init.sql in its root.
	FS fs.FS

	// ProjectColumns names the column that holds the project's id, for tables
	// where it is not project_id.
	ProjectColumns map[string]string
	// WithoutPolicy are tables of projects that [Isolate] leaves alone, each
	// with the reason.
	WithoutPolicy map[string]string
}

// Up applies what is missing, source by source in the given order. A statement
// waits at most two seconds for a lock, so that a migration never queues up the
// traffic behind it; it fails instead and can be repeated.
func Up(ctx context.Context, url secret.Secret, sources ...Source) error {
	config, err := pgx.ParseConfig(url.Reveal())
	if err != nil {
		return errors.New("migrate: the connection URI cannot be read")
	}
	config.RuntimeParams["lock_timeout"] = "2s"
	// A migration that moves rows moves those of all projects.
	config.RuntimeParams[tenancy.Setting] = tenancy.All
	db := stdlib.OpenDB(*config)
	defer db.Close()
	for _, source := range sources {
		if err := up(ctx, db, source); err != nil {
			return fmt.Errorf("migrate %s: %w", source.Name, err)
		}
	}
	return nil
}

func up(ctx context.Context, db *sql.DB, source Source) error {
	store, err := database.NewStore(database.DialectPostgres, "schema_version_"+source.Name)
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider("", db, source.FS,
		goose.WithStore(store), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if errors.Is(err, goose.ErrNoMigrations) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}
