package migrations_test

import (
	"context"
	"io/fs"
	"net/url"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/migrations"
)

// The role of a service owns its database and is nothing beyond that: whoever
// runs the migrations must not need a superuser, extensions included.
func TestMigrations_ownerOfTheDatabase_mayRunThem(t *testing.T) {
	admin := pgtest.Superuser(t, pgtest.URL(t))
	conn, err := pgx.Connect(t.Context(), admin.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(admin.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	role := "owner_" + ids.RequestID()
	database := pgx.Identifier{at.Path[1:]}.Sanitize()
	for _, statement := range []string{
		"CREATE ROLE " + role + " LOGIN PASSWORD 'owner' NOSUPERUSER NOCREATEDB NOCREATEROLE",
		"ALTER DATABASE " + database + " OWNER TO " + role,
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, statement := range []string{"REASSIGN OWNED BY " + role + " TO CURRENT_USER", "DROP ROLE " + role} {
			if _, err := conn.Exec(context.Background(), statement); err != nil {
				t.Error(err)
			}
		}
		_ = conn.Close(context.Background())
	})
	at.User = url.UserPassword(role, "owner")
	if err := migrate.Up(t.Context(), secret.Secret(at.String()), migrations.Source()); err != nil {
		t.Error(err)
	}
}

// Users from before the directory are found in it.
func TestMigrations_usersFromBefore_areListed(t *testing.T) {
	url := pgtest.URL(t, before(t, "00003_user_directory.sql"))
	conn, err := pgx.Connect(t.Context(), pgtest.Superuser(t, url).Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	id := ids.NewUUID()
	for _, statement := range []string{
		"INSERT INTO projects (id, display_name) VALUES ('p', 'P')",
		"INSERT INTO users (project_id, branch_id, id, display_name, last_active_at) VALUES ('p', 'main', '" + id + "', 'Ada', '2001-02-03')",
		"INSERT INTO contact_channels (project_id, branch_id, user_id, id, value) VALUES ('p', 'main', '" + id + "', '" + ids.NewUUID() + "', 'Ada@example.com')",
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := migrate.Up(t.Context(), url, migrations.Source()); err != nil {
		t.Fatal(err)
	}
	var content string
	var year int
	err = conn.QueryRow(t.Context(), `SELECT s.content, extract(year FROM a.last_active_at)::int
FROM user_search_texts s JOIN user_activity a USING (project_id, branch_id, user_id)`).Scan(&content, &year)
	if err != nil || content != "ada\nada@example.com" || year != 2001 {
		t.Errorf("%q, %d, %v", content, year, err)
	}
}

// before returns the migrations that come before the file.
func before(t *testing.T, name string) migrate.Source {
	t.Helper()
	source := migrations.Source()
	files, err := fs.ReadDir(source.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	older := fstest.MapFS{}
	for _, file := range files {
		if file.Name() >= name {
			continue
		}
		content, err := fs.ReadFile(source.FS, file.Name())
		if err != nil {
			t.Fatal(err)
		}
		older[file.Name()] = &fstest.MapFile{Data: content}
	}
	return migrate.Source{Name: source.Name, FS: older}
}
