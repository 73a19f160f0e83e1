-- name: ReserveIdempotencyKey :execrows
-- Waits for a request with the same key that is under way.
INSERT INTO idempotency_keys (project_id, branch_id, operation, actor, key, fingerprint, answer)
VALUES ($1, $2, $3, $4, $5, $6, 'null')
ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO NOTHING;

-- name: AnswerIdempotencyKey :exec
UPDATE idempotency_keys SET sealed_answer = $6
WHERE project_id = $1 AND branch_id = $2 AND operation = $3 AND actor = $4 AND key = $5;

-- name: IdempotentAnswer :one
SELECT fingerprint, answer, sealed_answer FROM idempotency_keys
WHERE project_id = $1 AND branch_id = $2 AND operation = $3 AND actor = $4 AND key = $5;

-- name: ForgetIdempotencyKeys :exec
DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours';
