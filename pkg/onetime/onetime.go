package onetime

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/secret"
)

// MaxAttempts is how often a code may be tried.
const MaxAttempts = 20

// minKey is the least size of the HMAC key in bytes.
const minKey = 32

// ErrInTransaction is returned by [Codes.Attempt] inside a transaction, whose
// rollback would give the attempt back to whoever is guessing.
var ErrInTransaction = errors.New("onetime: an attempt must not be part of a transaction")

// Codes issues and checks the codes of one service. It is safe for concurrent
// use.
type Codes struct {
	keys [][]byte
}

// New returns Codes that are hashed under the first key when they are issued and
// found under any. Keys have at least 32 bytes.
func New(keys ...[]byte) (*Codes, error) {
	if len(keys) == 0 {
		return nil, errors.New("onetime: codes need a key")
	}
	for _, key := range keys {
		if len(key) < minKey {
			return nil, errors.New("onetime: the key of codes needs at least 32 bytes")
		}
	}
	return &Codes{keys: keys}, nil
}

// Code is a code to be issued.
type Code struct {
	Tenant ids.Tenant
	// Kind says what the code is good for; a code of another kind is not found.
	Kind string
	// Data is JSON that the code stands for, such as the user it signs in. It
	// is stored readable: put references in, not secrets. Nil means null.
	Data json.RawMessage
	// TTL is how long the code works.
	TTL time.Duration
}

// Row is a code that was found and may be spent.
type Row struct {
	Tenant ids.Tenant
	Kind   string
	ID     string
	Data   json.RawMessage
}

// Issue stores a new code in tx and returns its text, which exists nowhere
// else, and its id. Codes issued before stay valid.
func (c *Codes) Issue(ctx context.Context, tx pgx.Tx, code Code) (text, id string, err error) {
	text, id = ids.Secret(), ids.NewUUID()
	if code.Data == nil {
		code.Data = json.RawMessage("null")
	}
	_, err = tx.Exec(ctx, `-- name: IssueOneTimeCode
INSERT INTO one_time_codes (project_id, branch_id, id, kind, code_hash, suffix_hash, data, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8::interval)`,
		code.Tenant.ProjectID, code.Tenant.BranchID, id, code.Kind,
		c.hashCode(text)[0], c.hashNonce(text[typedLength:])[0], code.Data, code.TTL)
	if err != nil {
		return "", "", err
	}
	return text, id, nil
}

// Attempt counts an attempt against every code of the branch, of any kind, that
// has the nonce of text, and returns the code of that kind that text is. Upper
// and lower case are the same. It fails, in this order, with
// VERIFICATION_CODE_NOT_FOUND, …_EXPIRED, …_ALREADY_USED and
// …_MAX_ATTEMPTS_REACHED, the last from the attempt after the twentieth on.
//
// The attempt costs one statement and is committed when Attempt returns,
// whatever happens later; checking a code is an attempt and nothing else.
func (c *Codes) Attempt(ctx context.Context, db *pg.DB, tenant ids.Tenant, kind, text string) (*Row, error) {
	return c.attempt(ctx, db, tenant, kind, text, true)
}

// Find is Attempt for codes that are shown many times before they are spent: it
// does not count an attempt that names the code it finds, only those that miss.
func (c *Codes) Find(ctx context.Context, db *pg.DB, tenant ids.Tenant, kind, text string) (*Row, error) {
	return c.attempt(ctx, db, tenant, kind, text, false)
}

func (c *Codes) attempt(ctx context.Context, db *pg.DB, tenant ids.Tenant, kind, text string, countHits bool) (*Row, error) {
	querier := db.Querier(ctx)
	if _, ok := querier.(pgx.Tx); ok {
		return nil, ErrInTransaction
	}
	code, nonce, ok := split(text)
	if !ok {
		return nil, apierr.VerificationCodeNotFound()
	}
	row := Row{Tenant: tenant, Kind: kind}
	var expired, used bool
	var before int
	err := querier.QueryRow(ctx, `-- name: AttemptOneTimeCode
WITH attempted AS (
    UPDATE one_time_codes SET attempts = attempts + CASE WHEN $6 OR kind <> $4 OR code_hash <> ALL($5::bytea[]) THEN 1 ELSE 0 END
    WHERE project_id = $1 AND branch_id = $2 AND suffix_hash = ANY($3::bytea[])
    RETURNING id, kind, code_hash, data, attempts, expires_at, used_at
)
SELECT id::text, data, expires_at <= now(), used_at IS NOT NULL, attempts - CASE WHEN $6 THEN 1 ELSE 0 END
FROM attempted WHERE kind = $4 AND code_hash = ANY($5::bytea[])`,
		tenant.ProjectID, tenant.BranchID, c.hashNonce(nonce), kind, c.hashCode(code), countHits).
		Scan(&row.ID, &row.Data, &expired, &used, &before)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, apierr.VerificationCodeNotFound()
	case err != nil:
		return nil, err
	case expired:
		return nil, apierr.VerificationCodeExpired()
	case used:
		return nil, apierr.VerificationCodeAlreadyUsed()
	case before >= MaxAttempts:
		return nil, apierr.VerificationCodeMaxAttemptsReached()
	}
	return &row, nil
}

// Consume spends the code in tx. Of all that try, one succeeds; the others fail
// with VERIFICATION_CODE_ALREADY_USED, once it has committed.
//
// The contract leaves a code spent when what follows fails. A use case that
// answers with an error after Consume must therefore commit, and return its
// error from outside the transaction.
func (c *Codes) Consume(ctx context.Context, tx pgx.Tx, row *Row) error {
	tag, err := tx.Exec(ctx, `-- name: ConsumeOneTimeCode
UPDATE one_time_codes SET used_at = now()
WHERE project_id = $1 AND branch_id = $2 AND id = $3 AND used_at IS NULL`,
		row.Tenant.ProjectID, row.Tenant.BranchID, row.ID)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return apierr.VerificationCodeAlreadyUsed()
	}
	return nil
}

// Revoke deletes codes by id, as when an invitation is withdrawn. Ids that do
// not exist are ignored.
func Revoke(ctx context.Context, tx pgx.Tx, tenant ids.Tenant, codeIDs ...string) error {
	_, err := tx.Exec(ctx, `-- name: RevokeOneTimeCodes
DELETE FROM one_time_codes WHERE project_id = $1 AND branch_id = $2 AND id = ANY($3::uuid[])`,
		tenant.ProjectID, tenant.BranchID, codeIDs)
	return err
}

// PurgeProject deletes the codes of a project, in all its branches.
func PurgeProject(ctx context.Context, tx pgx.Tx, projectID string) error {
	_, err := tx.Exec(ctx, `-- name: PurgeOneTimeCodes
DELETE FROM one_time_codes WHERE project_id = $1`, projectID)
	return err
}

const (
	// remembered is how long an expired code answers "expired" instead of "not
	// found".
	remembered = 30 * 24 * time.Hour
	// forgetBatch bounds one deletion, so that it never runs for long.
	forgetBatch = 5000
)

// ForgetExpired deletes codes that expired long ago. Services call it now and
// then.
func ForgetExpired(ctx context.Context, db *pg.DB) error {
	for {
		tag, err := db.Querier(ctx).Exec(ctx, `-- name: ForgetOneTimeCodes
DELETE FROM one_time_codes WHERE (project_id, branch_id, id) IN (
    SELECT project_id, branch_id, id FROM one_time_codes
    WHERE expires_at < now() - $1::interval LIMIT $2 FOR UPDATE SKIP LOCKED
)`, remembered, forgetBatch)
		if err != nil || tag.RowsAffected() < forgetBatch {
			return err
		}
	}
}

func (c *Codes) hashCode(code string) [][]byte   { return c.hashes("one-time code", code) }
func (c *Codes) hashNonce(nonce string) [][]byte { return c.hashes("one-time nonce", nonce) }

// hashes are those under all keys, the one that issues first.
func (c *Codes) hashes(use, text string) [][]byte {
	all := make([][]byte, len(c.keys))
	for i, key := range c.keys {
		all[i] = secret.HMAC(key, use, text)
	}
	return all
}
