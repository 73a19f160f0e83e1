package service

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/rewrap"
	"vestibule.dev/pkg/secret"
)

var command = Command{
	Name: "example",
	Migrations: []migrate.Source{{Name: "example", FS: fstest.MapFS{
		"00001_init.sql": {Data: []byte("-- +goose Up\nCREATE TABLE things (id int PRIMARY KEY, secret bytea);\n")},
	}}},
	Sealed: []rewrap.Column{{Table: "things", Name: "secret"}},
}

func TestLoad_valueFromFile_isRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte("postgres://from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	type config struct {
		URL   string `env:"POSTGRES_URL,required"`
		Other string `env:"OTHER" envDefault:"default"`
	}
	for name, tt := range map[string]struct {
		env  map[string]string
		want config
		err  string
	}{
		"from a file":               {map[string]string{"EXAMPLE_POSTGRES_URL_FILE": path}, config{"postgres://from-file", "default"}, ""},
		"the value wins":            {map[string]string{"EXAMPLE_POSTGRES_URL_FILE": path, "EXAMPLE_POSTGRES_URL": "postgres://given"}, config{"postgres://given", "default"}, ""},
		"missing":                   {nil, config{}, "POSTGRES_URL"},
		"another service's":         {map[string]string{"TEAMS_POSTGRES_URL": "postgres://teams"}, config{}, "POSTGRES_URL"},
		"a file that is not there":  {map[string]string{"EXAMPLE_POSTGRES_URL_FILE": path + "x"}, config{}, "EXAMPLE_POSTGRES_URL_FILE"},
		"somebody else's file path": {map[string]string{"SSL_CERT_FILE": path + "x", "EXAMPLE_POSTGRES_URL": "u"}, config{"u", "default"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range tt.env {
				t.Setenv(variable, value)
			}
			var got config
			err := Load("example", &got)
			switch {
			case tt.err == "" && (err != nil || got != tt.want):
				t.Errorf("Load = %+v, %v; want %+v", got, err, tt.want)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("Load failed with %v, want an error naming %s", err, tt.err)
			}
		})
	}
}

func TestRun_migrateTwice_thenOutboxCommands(t *testing.T) {
	url := pgtest.URL(t)
	t.Setenv("EXAMPLE_POSTGRES_URL", url.Reveal())
	for range 2 {
		if err := command.run(t.Context(), nil, []string{"migrate"}); err != nil {
			t.Fatal(err)
		}
	}
	db := pgtest.Open(t, url, 1)
	if _, err := db.Querier(t.Context()).Exec(t.Context(), "INSERT INTO things VALUES (1)"); err != nil {
		t.Errorf("the service's own tables are missing: %v", err)
	}
	seedEvent(t, db)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"outbox", "status"}, "unpublished 0"},
		{[]string{"outbox", "replay", "--since", "1h"}, "1 events"},
		{[]string{"outbox", "status"}, "unpublished 1"},
	} {
		var out bytes.Buffer
		if err := command.run(t.Context(), &out, tt.args); err != nil || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%v printed %q, %v; want %q", tt.args, out.String(), err, tt.want)
		}
	}
}

func TestRun_encryptionKeys_areReplaced(t *testing.T) {
	url := pgtest.URL(t)
	t.Setenv("EXAMPLE_POSTGRES_URL", url.Reveal())
	key := func(id string, fill byte) string {
		return id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
	}
	if err := command.run(t.Context(), nil, []string{"migrate"}); err != nil {
		t.Fatal(err)
	}
	ring, err := secret.ParseKeyRing(secret.Secret(key("old", 1)))
	if err != nil {
		t.Fatal(err)
	}
	db := pgtest.Open(t, url, 1)
	if _, err := db.Querier(t.Context()).Exec(t.Context(), "INSERT INTO things VALUES (1, $1), (2, NULL)", secret.NewBox(ring).Seal([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		ring, command, want, err string
	}{
		{key("new", 2), "status", "key new (current): 0 values\nnot to be opened, said to be under key \"old\": 1 values things.secret 1\n", ""},
		{key("new", 2), "rewrap", "things.secret: 0 put under key new\n", "not in the ring"},
		{key("new", 2) + "," + key("old", 3), "rewrap", "things.secret: 0 put under key new\n", "the ring cannot open 1 values"},
		{key("new", 2) + "," + key("old", 1), "status", "key new (current): 0 values\nkey old: 1 values things.secret 1\n", ""},
		{key("new", 2) + "," + key("old", 1), "rewrap", "things.secret: 1 put under key new\n0 values are left under other keys than new\n", ""},
		{key("new", 2), "status", "key new (current): 1 values things.secret 1\n", ""},
		{key("new", 2), "rewrap", "things.secret: 0 put under key new\n0 values are left under other keys than new\n", ""},
	} {
		t.Setenv("EXAMPLE_ENCRYPTION_KEYS", tt.ring)
		var out bytes.Buffer
		err := command.run(t.Context(), &out, []string{"encryption-keys", tt.command})
		if out.String() != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s printed %q, %v", tt.command, out.String(), err)
		}
	}
}

func seedEvent(t *testing.T, db *pg.DB) {
	t.Helper()
	if _, err := db.Querier(t.Context()).Exec(t.Context(), `
INSERT INTO outbox (id, subject, project_id, aggregate, aggregate_version, payload, published_at)
VALUES (gen_random_uuid(), 'example.v1.thing.made.p', 'p', 'thing/1', 1, '', now())`); err != nil {
		t.Fatal(err)
	}
}

func TestRun_wrongArguments_tellUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"dance"}, {"outbox"}, {"outbox", "burn"}, {"outbox", "replay"}, {"encryption-keys"}, {"encryption-keys", "burn"}} {
		err := command.run(t.Context(), nil, args)
		if err == nil || !strings.Contains(err.Error(), "usage:") {
			t.Errorf("run(%v) = %v, want usage", args, err)
		}
	}
}

func TestRun_version_printsOne(t *testing.T) {
	var out bytes.Buffer
	if err := command.run(t.Context(), &out, []string{"version"}); err != nil || strings.TrimSpace(out.String()) == "" {
		t.Errorf("version printed %q, %v", out.String(), err)
	}
}
