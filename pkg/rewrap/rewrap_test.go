package rewrap_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/rewrap"
	"vestibule.dev/pkg/secret"
)

const schema = `-- +goose Up
CREATE TABLE things (
    project_id text NOT NULL, id int NOT NULL, secret bytea, touched int NOT NULL DEFAULT 0, filling text NOT NULL DEFAULT repeat('x', 300),
    CONSTRAINT things_pkey PRIMARY KEY (project_id, id)
);
CREATE TABLE papers (
    project_id text NOT NULL, id int NOT NULL, document json NOT NULL,
    CONSTRAINT papers_pkey PRIMARY KEY (project_id, id)
);
`

var (
	secrets = rewrap.Column{Table: "things", Name: "secret"}
	papers  = rewrap.Column{Table: "papers", Name: "document", Documents: &rewrap.Documents{
		Type: "json", Where: "id > 0", Replace: replaceAll,
	}}
)

// replaceAll takes all texts of a document for sealed values, in base64.
func replaceAll(document []byte, replacement func([]byte) []byte) ([]byte, error) {
	var texts map[string][]byte
	if err := json.Unmarshal(document, &texts); err != nil {
		return nil, err
	}
	for name, sealed := range texts {
		texts[name] = replacement(sealed)
	}
	return json.Marshal(texts)
}

func newDB(t *testing.T) *pg.DB {
	t.Helper()
	url := pgtest.URL(t, migrate.Source{Name: "things", FS: fstest.MapFS{"00001_init.sql": {Data: []byte(schema)}}})
	// Nobody is told to come back, however busy the machine is.
	db, err := pg.Open(t.Context(), pg.Config{URL: url, AcquireTimeout: time.Minute, ApplicationName: "test", AssumeAllProjects: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// newBox returns a box whose ring has these keys, each as <id><fill>.
func newBox(t *testing.T, keys ...string) *secret.Box {
	t.Helper()
	var entries []string
	for _, key := range keys {
		entries = append(entries, key[:2]+":"+base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{key[2]}, 32)))
	}
	ring, err := secret.ParseKeyRing(secret.Secret(strings.Join(entries, ",")))
	if err != nil {
		t.Fatal(err)
	}
	return secret.NewBox(ring)
}

func exec(t *testing.T, db *pg.DB, sql string, args ...any) {
	t.Helper()
	if _, err := db.Querier(t.Context()).Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func text(id int) []byte {
	// Some are shorter than a head, some longer.
	return []byte(strings.Repeat(fmt.Sprintf("secret %d ", id), id%20))
}

// fill makes so many things, each of a project of its own.
func fill(t *testing.T, db *pg.DB, box *secret.Box, n int) {
	t.Helper()
	ids, sealed := make([]int, n), make([][]byte, n)
	for id := range n {
		ids[id], sealed[id] = id, box.Seal(text(id), fmt.Sprint(id))
	}
	exec(t, db, "INSERT INTO things (project_id, id, secret) SELECT 'p' || id, id, secret FROM unnest($1::int[], $2::bytea[]) AS x(id, secret)", ids, sealed)
}

// check opens all things with a box that has the new key alone.
func check(t *testing.T, db *pg.DB, box *secret.Box, want func(id int) []byte) {
	t.Helper()
	rows, err := db.Querier(t.Context()).Query(t.Context(), "SELECT id, secret FROM things WHERE secret IS NOT NULL")
	if err != nil {
		t.Fatal(err)
	}
	var id int
	var sealed []byte
	if _, err := pgx.ForEachRow(rows, []any{&id, &sealed}, func() error {
		if got, err := box.Open(sealed, fmt.Sprint(id)); err != nil || !bytes.Equal(got, want(id)) {
			t.Errorf("thing %d: %q, %v", id, got, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func keys(t *testing.T, db *pg.DB, box *secret.Box, column rewrap.Column) map[string]int64 {
	t.Helper()
	census, err := rewrap.Count(t.Context(), db, box, column)
	if err != nil {
		t.Fatal(err)
	}
	return census.Keys
}

func TestRun_valuesOfManyProjects_needTheOldKeyNoMore(t *testing.T) {
	db := newDB(t)
	fill(t, db, newBox(t, "k1a"), 1000)
	exec(t, db, "INSERT INTO things (project_id, id) VALUES ('p', -1)")
	box := newBox(t, "k2b", "k1a")
	if got := keys(t, db, box, secrets); !maps.Equal(got, map[string]int64{"k1": 1000}) {
		t.Fatalf("before %v", got)
	}
	if n, err := rewrap.Run(t.Context(), db, box, secrets); err != nil || n != 1000 {
		t.Fatalf("changed %d, %v", n, err)
	}
	check(t, db, newBox(t, "k2b"), text)
	if got := keys(t, db, box, secrets); !maps.Equal(got, map[string]int64{"k2": 1000}) {
		t.Errorf("after %v", got)
	}
	if n, err := rewrap.Run(t.Context(), db, box, secrets); err != nil || n != 0 {
		t.Errorf("changed %d again, %v", n, err)
	}
}

func TestRun_documents_changeInTheirSecretsAlone(t *testing.T) {
	db := newDB(t)
	old, box, fresh := newBox(t, "k1a"), newBox(t, "k2b", "k1a"), newBox(t, "k2b")
	for id := range 20 {
		document, err := json.Marshal(map[string][]byte{"a": old.Seal([]byte("é")), "b": box.Seal([]byte("b"))})
		if err != nil {
			t.Fatal(err)
		}
		exec(t, db, "INSERT INTO papers VALUES ('p' || $1::int, $1, $2)", id, document)
	}
	// The first one is none of those that are looked at.
	if n, err := rewrap.Run(t.Context(), db, box, papers); err != nil || n != 19 {
		t.Fatalf("changed %d, %v", n, err)
	}
	if got := keys(t, db, box, papers); !maps.Equal(got, map[string]int64{"k2": 38}) {
		t.Errorf("after %v", got)
	}
	var document map[string][]byte
	if err := db.Querier(t.Context()).QueryRow(t.Context(), "SELECT document FROM papers WHERE project_id = 'p7'").Scan(&document); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "é", "b": "b"} {
		if got, err := fresh.Open(document[name]); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// Replicas write while values are put under the new key, some of them still
// under the old one; rows move, too.
func TestRun_besideWriters_losesNothing(t *testing.T) {
	db := newDB(t)
	const n, writers = 200, 4
	old, box := newBox(t, "k1a", "k2b"), newBox(t, "k2b", "k1a")
	fill(t, db, old, n)
	var (
		written [n][]byte
		group   sync.WaitGroup
	)
	for id := range n {
		written[id] = text(id)
	}
	stop := make(chan struct{})
	for writer := range writers {
		group.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-stop:
					return
				default:
				}
				// Each row has one writer, who knows what is in it.
				id := rand.IntN(n/writers)*writers + writer
				var sealed []byte
				if err := db.Querier(t.Context()).QueryRow(t.Context(), "SELECT secret FROM things WHERE id = $1", id).Scan(&sealed); err != nil {
					t.Error(err)
					return
				}
				if got, err := box.Open(sealed, fmt.Sprint(id)); err != nil || !bytes.Equal(got, written[id]) {
					t.Errorf("thing %d: %q, %v, want %q", id, got, err, written[id])
					return
				}
				value := fmt.Appendf(nil, "%d of %d", round, writer)
				statement, args := "UPDATE things SET secret = $2 WHERE id = $1", []any{id, old.Seal(value, fmt.Sprint(id))}
				if round%3 == 0 {
					statement, args = "UPDATE things SET touched = touched + 1 WHERE id = $1", []any{id}
				}
				if _, err := db.Querier(t.Context()).Exec(t.Context(), statement, args...); err != nil {
					t.Error(err)
					return
				}
				if len(args) == 2 {
					written[id] = value
				}
			}
		})
	}
	for range 10 {
		// It may see no end of it as long as others write under the old key.
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, _ = rewrap.Run(ctx, db, box, secrets)
		cancel()
	}
	close(stop)
	group.Wait()
	if _, err := rewrap.Run(t.Context(), db, box, secrets); err != nil {
		t.Fatal(err)
	}
	check(t, db, newBox(t, "k2b"), func(id int) []byte { return written[id] })
}

func TestRun_endedInTheMiddle_goesOn(t *testing.T) {
	db := newDB(t)
	const n = 2000
	fill(t, db, newBox(t, "k1a"), n)
	box := newBox(t, "k2b", "k1a")
	var changed int64
	for wait := time.Millisecond; ; wait += wait / 2 {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		some, err := rewrap.Run(ctx, db, box, secrets)
		isEnded := ctx.Err() != nil
		cancel()
		changed += some
		check(t, db, box, text)
		if err == nil {
			break
		}
		if !isEnded {
			t.Fatal(err)
		}
	}
	// A transaction whose commit was under way may count and not be told of.
	if changed > n {
		t.Errorf("changed %d", changed)
	}
	check(t, db, newBox(t, "k2b"), text)
}

// Nobody waits for a row that is being rewrapped, and whoever has locked one
// has it first.
func TestRun_rowInUse_isDoneAfterwards(t *testing.T) {
	db := newDB(t)
	old, box := newBox(t, "k1a", "k2b"), newBox(t, "k2b", "k1a")
	fill(t, db, old, 50)
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE things SET secret = $1 WHERE id = 7", old.Seal([]byte("newer"), "7")); err != nil {
			return err
		}
		go func() {
			_, err := rewrap.Run(t.Context(), db, box, secrets)
			ended <- err
		}()
		for {
			// The transaction's own connection sees what Run has committed.
			census, err := rewrap.Count(ctx, db, box, secrets)
			if err != nil || census.Keys["k1"] == 1 {
				return err
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	check(t, db, newBox(t, "k2b"), func(id int) []byte {
		if id == 7 {
			return []byte("newer")
		}
		return text(id)
	})
}

func TestRun_wrongOrMissingKey_isSaidAndLeftAlone(t *testing.T) {
	for name, tt := range map[string]struct {
		ring []string
		want string
		is   error
	}{
		"another key of the same id": {[]string{"k2b", "k1z"}, "things.secret: the ring cannot open 40 values", secret.ErrCannotOpen},
		"the key is gone":            {[]string{"k2b"}, `not in the ring: "k1"`, secret.ErrUnknownKey},
		"the current key is another": {[]string{"k1z"}, "things.secret: the ring cannot open 40 values", secret.ErrCannotOpen},
	} {
		t.Run(name, func(t *testing.T) {
			db := newDB(t)
			fill(t, db, newBox(t, "k1a"), 40)
			// Those after it are done all the same.
			exec(t, db, "INSERT INTO things (project_id, id, secret) VALUES ('p', 100, $1)", newBox(t, tt.ring[0]).Seal([]byte("x"), "100"))
			if n, err := rewrap.Run(t.Context(), db, newBox(t, tt.ring...), secrets); n != 0 || !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("changed %d, %v", n, err)
			}
			exec(t, db, "DELETE FROM things WHERE id = 100")
			check(t, db, newBox(t, "k1a"), text)
		})
	}
}
