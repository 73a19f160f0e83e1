package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/secret"
)

// role owns the databases of tests and nothing else, as the roles of services
// do: the policies of tables hold for it.
const role = "vestibule_test"

// New returns a DB on a fresh database with the given schema. It is dropped
// when the test ends. Work that the test begins for nobody is for all projects.
func New(t testing.TB, sources ...migrate.Source) *pg.DB {
	t.Helper()
	return Open(t, URL(t, sources...), 16)
}

// Open returns a further DB on the database at url, as another replica of a
// service would have.
func Open(t testing.TB, url secret.Secret, maxConns int) *pg.DB {
	t.Helper()
	db, err := pg.Open(context.Background(), pg.Config{URL: url, MaxConns: maxConns, ApplicationName: "test", AssumeAllProjects: true, Patient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// URL creates a fresh database with the given schema and returns its
// connection URI. The database is dropped when the test ends.
func URL(t testing.TB, sources ...migrate.Source) secret.Secret {
	t.Helper()
	ctx := context.Background()
	admin, err := clusterURL()
	if err != nil {
		t.Fatal(err)
	}
	template, err := ensureTemplate(ctx, admin, sources)
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + ids.RequestID()
	if err := onceUnused(ctx, admin, "CREATE DATABASE "+name+" OWNER "+role+" TEMPLATE "+template+" STRATEGY file_copy"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := onceUnused(ctx, admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop test database: %v", err)
		}
	})
	return secret.Secret(onDatabase(admin, role, name))
}

// Superuser returns the URI of the database at url for a role above all rules.
func Superuser(t testing.TB, database secret.Secret) secret.Secret {
	t.Helper()
	admin, err := clusterURL()
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(database.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return secret.Secret(onDatabase(admin, "", strings.TrimPrefix(at.Path, "/")))
}

// clusterURL returns the cluster of this process, which it starts at first
// use.
var clusterURL = sync.OnceValues(func() (string, error) {
	if url := os.Getenv(URLVariable); url != "" {
		return url, nil
	}
	// The kernel ends the server with the thread that started it, so that
	// thread must live as long as the process.
	type result struct {
		url string
		err error
	}
	started := make(chan result)
	go func() {
		runtime.LockOSThread()
		cluster, err := StartCluster(context.Background())
		if err != nil {
			started <- result{err: err}
			return
		}
		started <- result{url: cluster.URL}
		select {}
	}()
	r := <-started
	return r.url, r.err
})

var templates sync.Mutex

// ensureTemplate migrates the schema into a template database once per
// cluster, whichever test process comes first.
func ensureTemplate(ctx context.Context, admin string, sources []migrate.Source) (string, error) {
	name, err := templateName(sources)
	if err != nil {
		return "", err
	}
	templates.Lock()
	defer templates.Unlock()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	// CREATE DATABASE cannot run in a transaction, so the lock is the session's.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
		return "", err
	}
	var ready bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)", name).Scan(&ready); err != nil || ready {
		return name, err
	}
	// What an interrupted run left behind is not marked as template.
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
		return "", err
	}
	if err := ensureRole(ctx, conn); err != nil {
		return "", err
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name+" OWNER "+role); err != nil {
		return "", err
	}
	url := secret.Secret(onDatabase(admin, role, name))
	if err := migrate.Up(ctx, url, sources...); err != nil {
		return "", err
	}
	if err := migrate.Isolate(ctx, url, sources...); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+name+" IS_TEMPLATE true")
	return name, err
}

// ensureRole makes the role of tests, whichever process comes first.
func ensureRole(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `
DO $$ BEGIN
    CREATE ROLE `+role+` LOGIN PASSWORD '`+role+`' NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
END $$`)
	return err
}

// templateName identifies a schema by the content of its migrations.
func templateName(sources []migrate.Source) (string, error) {
	hash := sha256.New()
	for _, source := range sources {
		fmt.Fprintf(hash, "source %s %v %v\n", source.Name, source.ProjectColumns, source.WithoutPolicy)
		err := fs.WalkDir(source.FS, ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := fs.ReadFile(source.FS, path)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(hash, "file %s %d\n%s", path, len(content), content)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return "template_" + hex.EncodeToString(hash.Sum(nil)[:10]), nil
}

// onceUnused runs a statement about a database that nobody may be connected to.
// Whoever was may still be leaving: the server answers a closed connection by
// ending a process, which takes its time, and waits for it no longer than five
// seconds.
func onceUnused(ctx context.Context, url, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for {
		_, err := conn.Exec(ctx, sql)
		if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "55006" {
			return err
		}
	}
}

// onDatabase returns the URI with another database and, unless it is empty,
// another user.
func onDatabase(uri, user, name string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return uri
	}
	if user != "" {
		u.User = url.UserPassword(user, user)
	}
	u.Path = "/" + name
	return u.String()
}
