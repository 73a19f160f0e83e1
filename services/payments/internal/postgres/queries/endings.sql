-- name: OrderEndings :exec
INSERT INTO stripe_endings (account_id, stripe_subscription_id)
SELECT sqlc.arg(account_id), subscription_id FROM unnest(sqlc.arg(subscription_ids)::text[]) subscription_id
ON CONFLICT ON CONSTRAINT stripe_endings_pkey DO NOTHING;

-- name: OrderEndingsOfProject :exec
INSERT INTO stripe_endings (account_id, stripe_subscription_id)
SELECT a.account_id, '' FROM stripe_accounts a WHERE a.project_id = $1
ON CONFLICT ON CONSTRAINT stripe_endings_pkey DO NOTHING;

-- name: ClaimEndings :many
-- A worker that dies leaves them to the others when the lease ends.
UPDATE stripe_endings e
SET attempts = e.attempts + 1, next_attempt_at = now() + sqlc.arg(lease)::interval
WHERE (e.account_id, e.stripe_subscription_id) IN (
    SELECT d.account_id, d.stripe_subscription_id FROM stripe_endings d
    WHERE d.next_attempt_at <= now()
    ORDER BY d.next_attempt_at
    LIMIT sqlc.arg(count)
    FOR UPDATE SKIP LOCKED
)
RETURNING e.account_id, e.stripe_subscription_id, e.attempts;

-- name: FinishEnding :exec
DELETE FROM stripe_endings WHERE account_id = $1 AND stripe_subscription_id = $2;

-- name: PostponeEnding :exec
-- Gives the lease back, unless it ended and another worker has the task.
UPDATE stripe_endings
SET next_attempt_at = now() + sqlc.arg(wait)::interval
WHERE account_id = $1 AND stripe_subscription_id = $2 AND attempts = sqlc.arg(attempt);

-- name: EndingsStatus :one
SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(created_at)), 0)::bigint AS oldest_seconds
FROM stripe_endings;
