package throttle

import (
	"context"
	"fmt"
	"time"

	"vestibule.dev/pkg/pg"
)

// Limit allows Burst at once, and one more every Period.
type Limit struct {
	Burst  int
	Period time.Duration
}

// Allow takes a token of key and reports whether there was one; if not,
// retryAfter is how long it takes until there is. The key names what is limited,
// the tenant included, such as "send-code/<project>/<branch>/<hash of address>";
// it is stored, so addresses go in as hashes.
//
// Call it outside a transaction: a rollback gives the token back, and whoever
// else uses the key waits for the commit.
func Allow(ctx context.Context, db *pg.DB, key string, limit Limit) (ok bool, retryAfter time.Duration, err error) {
	if limit.Burst < 1 || limit.Period <= 0 {
		return false, 0, fmt.Errorf("throttle: a limit of %d per %s is none", limit.Burst, limit.Period)
	}
	// The subquery of a refusal may be older than what refused; it is then off
	// by what others took in that moment.
	err = db.Querier(ctx).QueryRow(ctx, `-- name: TakeThrottleToken
WITH taken AS (
    INSERT INTO throttles AS t (key, full_at) VALUES ($1, now() + $2::interval)
    ON CONFLICT ON CONSTRAINT throttles_pkey DO UPDATE
    SET full_at = greatest(t.full_at, now()) + $2::interval
    WHERE t.full_at <= now() + $3::interval
    RETURNING 1
)
SELECT EXISTS (SELECT FROM taken),
    greatest('0', coalesce((SELECT full_at FROM throttles WHERE key = $1) - now() - $3::interval, $2::interval))`,
		key, limit.Period, time.Duration(limit.Burst-1)*limit.Period).Scan(&ok, &retryAfter)
	if err != nil {
		return false, 0, err
	}
	if ok {
		return true, 0, nil
	}
	return false, max(retryAfter, time.Millisecond), nil
}

// Reset gives key its full burst back, as after a right password.
func Reset(ctx context.Context, db *pg.DB, key string) error {
	_, err := db.Querier(ctx).Exec(ctx, `-- name: ResetThrottle
DELETE FROM throttles WHERE key = $1`, key)
	return err
}

// forgetBatch bounds one deletion, so that it never runs for long.
const forgetBatch = 5000

// ForgetFull deletes the rows of keys that have their full burst, which changes
// no answer. Services call it now and then.
func ForgetFull(ctx context.Context, db *pg.DB) error {
	for {
		tag, err := db.Querier(ctx).Exec(ctx, `-- name: ForgetThrottles
DELETE FROM throttles WHERE key IN (
    SELECT key FROM throttles WHERE full_at <= now() LIMIT $1 FOR UPDATE SKIP LOCKED
)`, forgetBatch)
		if err != nil || tag.RowsAffected() < forgetBatch {
			return err
		}
	}
}
