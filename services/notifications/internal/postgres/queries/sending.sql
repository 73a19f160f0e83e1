-- name: AdvanceStep :one
-- The seconds since the step before, by the one clock all workers share.
UPDATE email_queue_steps s
SET last_executed_at = clock_timestamp()
FROM (SELECT id, last_executed_at FROM email_queue_steps FOR UPDATE) AS previous
WHERE s.id = previous.id
RETURNING extract(epoch FROM s.last_executed_at - previous.last_executed_at)::float8 AS seconds;

-- name: BeginSteps :execrows
INSERT INTO email_queue_steps (last_executed_at) VALUES (clock_timestamp())
ON CONFLICT ON CONSTRAINT email_queue_steps_pkey DO NOTHING;

-- name: QueueEmails :execrows
WITH due AS (
    SELECT project_id, branch_id, id
    FROM emails
    WHERE rendered IS NOT NULL AND NOT is_queued AND started_sending_at IS NULL AND NOT is_paused AND skipped_reason IS NULL
      AND scheduled_at <= now() AND (next_send_retry_at IS NULL OR next_send_retry_at <= now())
    ORDER BY scheduled_at
    LIMIT 500
    FOR UPDATE SKIP LOCKED
)
UPDATE emails e
SET is_queued = true, next_send_retry_at = NULL, updated_at = now()
FROM due
WHERE e.project_id = due.project_id AND e.branch_id = due.branch_id AND e.id = due.id;

-- name: QueuedTenants :many
-- Jumps from tenant to tenant, so that one with a long queue costs no more than
-- the others.
WITH RECURSIVE tenants AS (
    (SELECT e.project_id, e.branch_id FROM emails e
     WHERE e.is_queued AND e.started_sending_at IS NULL AND NOT e.is_paused AND e.skipped_reason IS NULL
     ORDER BY e.project_id, e.branch_id LIMIT 1)
    UNION ALL
    SELECT following.project_id, following.branch_id
    FROM tenants t
    CROSS JOIN LATERAL (
        SELECT e.project_id, e.branch_id FROM emails e
        WHERE e.is_queued AND e.started_sending_at IS NULL AND NOT e.is_paused AND e.skipped_reason IS NULL
          AND (e.project_id, e.branch_id) > (t.project_id, t.branch_id)
        ORDER BY e.project_id, e.branch_id LIMIT 1
    ) AS following
)
SELECT project_id, branch_id FROM tenants;

-- name: LockTenant :exec
-- Serializes the claims of one tenant, so that two workers cannot both spend
-- what is left of its burst.
SELECT pg_advisory_xact_lock(hashtextextended('emails/' || sqlc.arg(project_id)::text || '/' || sqlc.arg(branch_id)::text, 0));

-- name: BurstUsed :one
SELECT count(*)
FROM emails
WHERE project_id = $1 AND branch_id = $2 AND priority >= 110 AND started_sending_at > now() - interval '1 minute';

-- name: ClaimForSending :many
WITH claimed AS (
    SELECT project_id, branch_id, id
    FROM emails q
    WHERE q.project_id = $1 AND q.branch_id = $2
      AND q.is_queued AND q.started_sending_at IS NULL AND NOT q.is_paused AND q.skipped_reason IS NULL
      AND q.deferred_until <= now() AND q.priority >= sqlc.arg(min_priority)
    ORDER BY q.priority DESC, q.scheduled_at, q.created_at
    LIMIT sqlc.arg(max_rows)
    FOR UPDATE SKIP LOCKED
)
UPDATE emails e
SET send_worker_id = sqlc.arg(worker_id)::uuid, started_sending_at = clock_timestamp(), updated_at = now()
FROM claimed
WHERE e.project_id = claimed.project_id AND e.branch_id = claimed.branch_id AND e.id = claimed.id
RETURNING e.*;

-- name: HandOver :execrows
UPDATE emails
SET handed_over_at = now(), updated_at = now()
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND send_worker_id = sqlc.arg(worker_id)::uuid AND handed_over_at IS NULL AND finished_sending_at IS NULL;

-- name: FinishSent :execrows
UPDATE emails
SET finished_sending_at = now(), can_have_delivery_info = false, next_send_retry_at = NULL, server_error = NULL, updated_at = now()
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND send_worker_id = sqlc.arg(worker_id)::uuid AND finished_sending_at IS NULL;

-- name: FinishFailed :execrows
UPDATE emails
SET finished_sending_at = now(), can_have_delivery_info = false, next_send_retry_at = NULL,
    send_retries = sqlc.arg(attempts), server_error = sqlc.arg(server_error)::json,
    send_attempt_errors = (coalesce(send_attempt_errors::jsonb, '[]') || sqlc.arg(attempt_error)::jsonb)::json, updated_at = now()
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND send_worker_id = sqlc.arg(worker_id)::uuid AND finished_sending_at IS NULL;

-- name: RetryLater :execrows
UPDATE emails
SET send_worker_id = NULL, started_sending_at = NULL, handed_over_at = NULL, is_queued = false,
    send_retries = sqlc.arg(attempts), next_send_retry_at = now() + make_interval(secs => sqlc.arg(wait_seconds)::float8),
    send_attempt_errors = (coalesce(send_attempt_errors::jsonb, '[]') || sqlc.arg(attempt_error)::jsonb)::json, updated_at = now()
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND send_worker_id = sqlc.arg(worker_id)::uuid AND finished_sending_at IS NULL;

-- name: SkipSending :execrows
UPDATE emails
SET finished_sending_at = now(), can_have_delivery_info = false,
    skipped_reason = sqlc.arg(reason)::text, skipped_details = sqlc.arg(details)::json, updated_at = now()
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND send_worker_id = sqlc.arg(worker_id)::uuid AND handed_over_at IS NULL AND finished_sending_at IS NULL;

-- name: ReleaseSending :execrows
-- Only for the worker that holds the claim and knows that it told no server of
-- the mail. A hand-over may have been recorded all the same, when the answer of
-- the database to it was lost.
UPDATE emails
SET send_worker_id = NULL, started_sending_at = NULL, handed_over_at = NULL, updated_at = now(),
    deferred_until = now() + make_interval(secs => sqlc.arg(wait_seconds)::float8)
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND send_worker_id = sqlc.arg(worker_id)::uuid AND finished_sending_at IS NULL;

-- name: ReleaseStuckSending :execrows
WITH stuck AS (
    SELECT project_id, branch_id, id
    FROM emails
    WHERE started_sending_at <= now() - make_interval(secs => sqlc.arg(stuck_seconds)::float8)
      AND handed_over_at IS NULL AND finished_sending_at IS NULL
    LIMIT 500
    FOR UPDATE SKIP LOCKED
)
UPDATE emails e
SET send_worker_id = NULL, started_sending_at = NULL, updated_at = now()
FROM stuck
WHERE e.project_id = stuck.project_id AND e.branch_id = stuck.branch_id AND e.id = stuck.id;

-- name: TerminateStuckSending :many
WITH stuck AS (
    SELECT project_id, branch_id, id
    FROM emails
    WHERE started_sending_at <= now() - make_interval(secs => sqlc.arg(stuck_seconds)::float8)
      AND finished_sending_at IS NULL
    LIMIT 500
    FOR UPDATE SKIP LOCKED
)
UPDATE emails e
SET finished_sending_at = now(), can_have_delivery_info = false, server_error = sqlc.arg(server_error)::json, updated_at = now()
FROM stuck
WHERE e.project_id = stuck.project_id AND e.branch_id = stuck.branch_id AND e.id = stuck.id
RETURNING e.project_id, e.branch_id, e.id, e.user_id, e.template_id, e.send_retries;
