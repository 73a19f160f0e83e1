package onetime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
)

var tenant = ids.Tenant{ProjectID: "project", BranchID: "main"}

const week = 7 * 24 * time.Hour

func newCodes(t *testing.T) *onetime.Codes {
	t.Helper()
	codes, err := onetime.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return codes
}

func issue(t *testing.T, db *pg.DB, code onetime.Code) (text, id string) {
	t.Helper()
	err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) (err error) {
		text, id, err = newCodes(t).Issue(ctx, tx, code)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text, id
}

func otp(ttl time.Duration) onetime.Code {
	return onetime.Code{Tenant: tenant, Kind: "otp", Data: json.RawMessage(`{"user_id": "u"}`), TTL: ttl}
}

func consume(ctx context.Context, db *pg.DB, codes *onetime.Codes, row *onetime.Row) error {
	return db.RunTx(ctx, func(ctx context.Context, tx pgx.Tx) error { return codes.Consume(ctx, tx, row) })
}

func TestAttempt_issued_returnsWhatTheCodeStandsFor(t *testing.T) {
	db, codes := pgtest.New(t, onetime.Migrations()), newCodes(t)
	text, id := issue(t, db, otp(week))
	if !ids.ValidSecret(text) || !ids.ValidUUID(id) {
		t.Fatalf("bad code %q or id %q", text, id)
	}
	for _, spelling := range []string{text, strings.ToUpper(text)} {
		row, err := codes.Attempt(t.Context(), db, tenant, "otp", spelling)
		if err != nil {
			t.Fatal(err)
		}
		if row.ID != id || row.Kind != "otp" || row.Tenant != tenant || string(row.Data) != `{"user_id": "u"}` {
			t.Errorf("row %+v with data %s", row, row.Data)
		}
	}
}

func TestAttempt_elsewhere_isNotFound(t *testing.T) {
	db, codes := pgtest.New(t, onetime.Migrations()), newCodes(t)
	text, _ := issue(t, db, otp(week))
	otherKey, err := onetime.New(bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, attempt := range map[string]func() (*onetime.Row, error){
		"other project": func() (*onetime.Row, error) {
			return codes.Attempt(t.Context(), db, ids.Tenant{ProjectID: "other", BranchID: "main"}, "otp", text)
		},
		"other branch": func() (*onetime.Row, error) {
			return codes.Attempt(t.Context(), db, ids.Tenant{ProjectID: "project", BranchID: "other"}, "otp", text)
		},
		"other kind": func() (*onetime.Row, error) { return codes.Attempt(t.Context(), db, tenant, "reset", text) },
		"other key":  func() (*onetime.Row, error) { return otherKey.Attempt(t.Context(), db, tenant, "otp", text) },
		"wrong typed part": func() (*onetime.Row, error) {
			return codes.Attempt(t.Context(), db, tenant, "otp", "oooooo"+text[6:])
		},
		"too short": func() (*onetime.Row, error) { return codes.Attempt(t.Context(), db, tenant, "otp", text[1:]) },
		"null character": func() (*onetime.Row, error) {
			return codes.Attempt(t.Context(), db, tenant, "otp", "\x00"+text[1:])
		},
		"invalid UTF-8": func() (*onetime.Row, error) {
			return codes.Attempt(t.Context(), db, tenant, "otp", "\xff"+text[1:])
		},
	} {
		if row, err := attempt(); row != nil || !errors.Is(err, apierr.VerificationCodeNotFound()) {
			t.Errorf("%s: %v, %v", name, row, err)
		}
	}
}

// The order of the errors is the contract's: expired before used before
// exhausted.
func TestAttempt_deadCode_answersInOrder(t *testing.T) {
	db, codes := pgtest.New(t, onetime.Migrations()), newCodes(t)
	text, _ := issue(t, db, otp(week))
	attempt := func(want error) {
		t.Helper()
		if _, err := codes.Attempt(t.Context(), db, tenant, "otp", text); !errors.Is(err, want) {
			t.Errorf("Attempt = %v, want %v", err, want)
		}
	}
	exec := func(sql string) {
		t.Helper()
		if _, err := db.Querier(t.Context()).Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec("UPDATE one_time_codes SET attempts = 20")
	attempt(apierr.VerificationCodeMaxAttemptsReached())
	exec("UPDATE one_time_codes SET used_at = now()")
	attempt(apierr.VerificationCodeAlreadyUsed())
	exec("UPDATE one_time_codes SET expires_at = now()")
	attempt(apierr.VerificationCodeExpired())
	exec("DELETE FROM one_time_codes")
	attempt(apierr.VerificationCodeNotFound())
}

// Whoever knows the nonce has twenty guesses at the typed part, and those at
// another kind count too.
func TestAttempt_guesses_killTheCodeAfterTwenty(t *testing.T) {
	db, codes := pgtest.New(t, onetime.Migrations()), newCodes(t)
	text, _ := issue(t, db, otp(week))
	bystander, _ := issue(t, db, otp(week))
	for i := range onetime.MaxAttempts - 1 {
		guess, kind := "zzzzzz"+text[6:], "otp"
		if i%2 == 1 {
			guess, kind = text, "reset"
		}
		if _, err := codes.Attempt(t.Context(), db, tenant, kind, guess); !errors.Is(err, apierr.VerificationCodeNotFound()) {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	if _, err := codes.Attempt(t.Context(), db, tenant, "otp", text); err != nil {
		t.Fatalf("the twentieth attempt: %v", err)
	}
	for range 2 {
		if _, err := codes.Attempt(t.Context(), db, tenant, "otp", text); !errors.Is(err, apierr.VerificationCodeMaxAttemptsReached()) {
			t.Errorf("an attempt after the twentieth: %v", err)
		}
	}
	if _, err := codes.Attempt(t.Context(), db, tenant, "otp", bystander); err != nil {
		t.Errorf("a code with another nonce: %v", err)
	}
}

// A page that shows the same code again and again does not use it up; guesses
// at its typed part do.
func TestFind_rightCode_isNotCounted(t *testing.T) {
	db, codes := pgtest.New(t, onetime.Migrations()), newCodes(t)
	text, id := issue(t, db, otp(week))
	find := func(kind, text string) error {
		row, err := codes.Find(t.Context(), db, tenant, kind, text)
		if err == nil && row.ID != id {
			t.Errorf("found %s, want %s", row.ID, id)
		}
		return err
	}
	for range 2 * onetime.MaxAttempts {
		if err := find("otp", text); err != nil {
			t.Fatal(err)
		}
	}
	for range onetime.MaxAttempts {
		if err := find("otp", "zzzzzz"+text[6:]); !errors.Is(err, apierr.VerificationCodeNotFound()) {
			t.Fatalf("Find of a guess = %v", err)
		}
	}
	if err := find("otp", text); !errors.Is(err, apierr.VerificationCodeMaxAttemptsReached()) {
		t.Errorf("Find after twenty guesses = %v", err)
	}
}

func TestAttempt_parallelGuesses_areAllCounted(t *testing.T) {
	db, codes := pgtest.New(t, onetime.Migrations()), newCodes(t)
	text, _ := issue(t, db, otp(week))
	var passed, exhausted atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			switch _, err := codes.Attempt(t.Context(), db, tenant, "otp", text); {
			case err == nil:
				passed.Add(1)
			case errors.Is(err, apierr.VerificationCodeMaxAttemptsReached()):
				exhausted.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if passed.Load() != onetime.MaxAttempts || exhausted.Load() != 64-onetime.MaxAttempts {
		t.Errorf("%d passed and %d were refused, want 20 and 44", passed.Load(), exhausted.Load())
	}
}

func TestAttempt_everyOutcome_costsOneStatement(t *testing.T) {
	db, codes := pgtest.New(t, onetime.Migrations()), newCodes(t)
	text, _ := issue(t, db, otp(week))
	for _, submitted := range []string{text, "zzzzzz" + text[6:], ids.Secret()} {
		ctx, statements := pg.CountQueries(t.Context())
		_, _ = codes.Attempt(ctx, db, tenant, "otp", submitted)
		if n := statements.Load(); n != 1 {
			t.Errorf("%d statements, want 1", n)
		}
	}
}

func TestAttempt_insideTransaction_isRefused(t *testing.T) {
	db, codes := pgtest.New(t, onetime.Migrations()), newCodes(t)
	text, _ := issue(t, db, otp(week))
	err := db.RunTx(t.Context(), func(ctx context.Context, _ pgx.Tx) error {
		_, err := codes.Attempt(ctx, db, tenant, "otp", text)
		return err
	})
	if !errors.Is(err, onetime.ErrInTransaction) {
		t.Errorf("Attempt = %v", err)
	}
}

// R10: of 64 that try at the same time over two replicas, one has the effect.
func TestConsume_parallel_succeedsOnce(t *testing.T) {
	const rounds, parallel = 25, 64
	url := pgtest.URL(t, onetime.Migrations())
	replicas := []*pg.DB{pgtest.Open(t, url, 16), pgtest.Open(t, url, 16)}
	codes := newCodes(t)
	if _, err := replicas[0].Querier(t.Context()).Exec(t.Context(), "CREATE TABLE effects (id uuid)"); err != nil {
		t.Fatal(err)
	}
	for range rounds {
		text, id := issue(t, replicas[0], otp(week))
		row, err := codes.Attempt(t.Context(), replicas[0], tenant, "otp", text)
		if err != nil {
			t.Fatal(err)
		}
		start := make(chan struct{})
		var won, lost atomic.Int64
		var wg sync.WaitGroup
		for i := range parallel {
			wg.Go(func() {
				<-start
				err := replicas[i%2].RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
					if err := codes.Consume(ctx, tx, row); err != nil {
						return err
					}
					_, err := tx.Exec(ctx, "INSERT INTO effects VALUES ($1)", id)
					return err
				})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, apierr.VerificationCodeAlreadyUsed()):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
		var effects int64
		if err := replicas[0].Querier(t.Context()).QueryRow(t.Context(), "SELECT count(*) FROM effects WHERE id = $1", id).Scan(&effects); err != nil {
			t.Fatal(err)
		}
		if won.Load() != 1 || lost.Load() != parallel-1 || effects != 1 {
			t.Fatalf("%d won, %d lost, %d effects; want 1, %d, 1", won.Load(), lost.Load(), effects, parallel-1)
		}
		if _, err := codes.Attempt(t.Context(), replicas[1], tenant, "otp", text); !errors.Is(err, apierr.VerificationCodeAlreadyUsed()) {
			t.Fatalf("Attempt of a spent code = %v", err)
		}
	}
}

func TestConsume_rolledBack_leavesTheCode(t *testing.T) {
	db, codes := pgtest.New(t, onetime.Migrations()), newCodes(t)
	text, _ := issue(t, db, otp(week))
	row, err := codes.Attempt(t.Context(), db, tenant, "otp", text)
	if err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	if err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return errors.Join(codes.Consume(ctx, tx, row), boom)
	}); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if err := consume(t.Context(), db, codes, row); err != nil {
		t.Errorf("Consume = %v", err)
	}
}

func TestIssue_several_areAllValid(t *testing.T) {
	db, codes := pgtest.New(t, onetime.Migrations()), newCodes(t)
	first, _ := issue(t, db, otp(week))
	second, _ := issue(t, db, otp(week))
	for _, text := range []string{first, second} {
		row, err := codes.Attempt(t.Context(), db, tenant, "otp", text)
		if err != nil {
			t.Fatal(err)
		}
		if err := consume(t.Context(), db, codes, row); err != nil {
			t.Error(err)
		}
	}
}

// A dump of the database is of no use to a thief.
func TestIssue_stored_holdsNoCode(t *testing.T) {
	db := pgtest.New(t, onetime.Migrations())
	text, _ := issue(t, db, otp(week))
	var dump string
	if err := db.Querier(t.Context()).QueryRow(t.Context(),
		"SELECT string_agg(c::text || encode(code_hash, 'escape') || encode(suffix_hash, 'escape'), ' ') FROM one_time_codes c").Scan(&dump); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(dump, text[:6]) || strings.Contains(dump, text[6:]) {
		t.Errorf("the table holds the code: %s", dump)
	}
}

func TestRevoke_codes_areNotFound(t *testing.T) {
	db, codes := pgtest.New(t, onetime.Migrations()), newCodes(t)
	revoked, id := issue(t, db, otp(week))
	kept, _ := issue(t, db, otp(week))
	revoke := func(tenant ids.Tenant) {
		t.Helper()
		if err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			return onetime.Revoke(ctx, tx, tenant, id, ids.NewUUID())
		}); err != nil {
			t.Fatal(err)
		}
	}
	revoke(ids.Tenant{ProjectID: "other", BranchID: "main"})
	if _, err := codes.Attempt(t.Context(), db, tenant, "otp", revoked); err != nil {
		t.Errorf("another project revoked the code: %v", err)
	}
	revoke(tenant)
	if _, err := codes.Attempt(t.Context(), db, tenant, "otp", revoked); !errors.Is(err, apierr.VerificationCodeNotFound()) {
		t.Errorf("Attempt = %v", err)
	}
	if _, err := codes.Attempt(t.Context(), db, tenant, "otp", kept); err != nil {
		t.Error(err)
	}
}

func TestPurgeProject_ownCodes_areGone(t *testing.T) {
	db, codes := pgtest.New(t, onetime.Migrations()), newCodes(t)
	text, _ := issue(t, db, otp(week))
	for _, project := range []string{"other", tenant.ProjectID} {
		if _, err := codes.Attempt(t.Context(), db, tenant, "otp", text); err != nil {
			t.Fatalf("before the purge of %s: %v", project, err)
		}
		if err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			return onetime.PurgeProject(ctx, tx, project)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := codes.Attempt(t.Context(), db, tenant, "otp", text); !errors.Is(err, apierr.VerificationCodeNotFound()) {
		t.Errorf("Attempt = %v", err)
	}
}

func TestForgetExpired_longAgo_isForgotten(t *testing.T) {
	db, codes := pgtest.New(t, onetime.Migrations()), newCodes(t)
	old, _ := issue(t, db, otp(-31*24*time.Hour))
	recent, _ := issue(t, db, otp(-time.Hour))
	valid, _ := issue(t, db, otp(time.Hour))
	if err := onetime.ForgetExpired(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]error{
		old: apierr.VerificationCodeNotFound(), recent: apierr.VerificationCodeExpired(), valid: nil,
	} {
		if _, err := codes.Attempt(t.Context(), db, tenant, "otp", text); !errors.Is(err, want) {
			t.Errorf("Attempt = %v, want %v", err, want)
		}
	}
}

// While the key is replaced, some replicas have the keys of one step and others
// those of the next: each finds the codes of all, and counts guesses at them.
func TestAttempt_keyRotation_findsCodesOfBothKeys(t *testing.T) {
	db := pgtest.New(t, onetime.Migrations())
	k1, k2 := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	steps := [][][]byte{{k1}, {k1, k2}, {k2, k1}}
	with := func(keys [][]byte) *onetime.Codes {
		codes, err := onetime.New(keys...)
		if err != nil {
			t.Fatal(err)
		}
		return codes
	}
	for i := range steps[:len(steps)-1] {
		for _, pair := range [][2]*onetime.Codes{{with(steps[i]), with(steps[i+1])}, {with(steps[i+1]), with(steps[i])}} {
			code := otp(time.Hour)
			var text, id string
			if err := db.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx) (err error) {
				text, id, err = pair[0].Issue(ctx, tx, code)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			for range onetime.MaxAttempts - 1 {
				if _, err := pair[1].Attempt(t.Context(), db, code.Tenant, code.Kind, "000000"+text[6:]); !apierr.HasCode(err, apierr.CodeVerificationCodeNotFound) {
					t.Errorf("step %d: a wrong guess: %v", i+1, err)
				}
			}
			if row, err := pair[1].Attempt(t.Context(), db, code.Tenant, code.Kind, text); err != nil || row.ID != id {
				t.Errorf("step %d: the right code: %v, %v", i+1, row, err)
			}
			if _, err := pair[1].Attempt(t.Context(), db, code.Tenant, code.Kind, text); !apierr.HasCode(err, apierr.CodeVerificationCodeMaxAttemptsReached) {
				t.Errorf("step %d: after twenty guesses: %v", i+1, err)
			}
		}
	}
}

func TestNew_shortKey_isRefused(t *testing.T) {
	if _, err := onetime.New(make([]byte, 31)); err == nil {
		t.Error("a key of 31 bytes is accepted")
	}
}
