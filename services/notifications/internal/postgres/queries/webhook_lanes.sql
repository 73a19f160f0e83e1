-- name: QueuedWebhookEndpoints :many
SELECT e.project_id, e.branch_id, e.id, (e.failing_since IS NOT NULL)::boolean AS failing
FROM webhook_endpoints e
WHERE NOT e.disabled AND EXISTS (
    SELECT FROM webhook_lanes l
    WHERE l.project_id = e.project_id AND l.branch_id = e.branch_id AND l.endpoint_id = e.id AND l.due_at <= now()
);

-- name: ClaimWebhooks :many
WITH due AS (
    SELECT l.project_id, l.branch_id, l.endpoint_id, l.resource
    FROM webhook_lanes l
    WHERE l.project_id = $1 AND l.branch_id = $2 AND l.endpoint_id = $3 AND l.due_at <= now()
    ORDER BY l.due_at
    LIMIT sqlc.arg(max_rows)
    FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE webhook_lanes l
    SET worker_id = sqlc.arg(worker_id)::uuid, due_at = now() + make_interval(secs => sqlc.arg(lease_seconds)::float8), awaits = NULL
    FROM due
    WHERE l.project_id = due.project_id AND l.branch_id = due.branch_id AND l.endpoint_id = due.endpoint_id AND l.resource = due.resource
    RETURNING l.project_id, l.branch_id, l.endpoint_id, l.resource
), head AS MATERIALIZED (
    SELECT t.project_id, t.branch_id, t.endpoint_id, t.resource, d.message_id, d.attempts
    FROM taken t
    CROSS JOIN LATERAL (
        SELECT p.message_id, p.attempts
        FROM webhook_deliveries p
        WHERE p.project_id = t.project_id AND p.branch_id = t.branch_id AND p.endpoint_id = t.endpoint_id AND p.resource = t.resource
          AND p.status = 'pending'
        ORDER BY p.version, p.seq
        LIMIT 1
    ) d
)
SELECT h.resource, m.id, m.event_type, m.payload, h.attempts, e.url, (e.failing_since IS NOT NULL)::boolean AS failing, e.secret,
       (CASE WHEN e.old_secret_expires_at > now() THEN e.old_secret END)::bytea AS old_secret
FROM head h
JOIN webhook_endpoints e ON e.project_id = h.project_id AND e.branch_id = h.branch_id AND e.id = h.endpoint_id
JOIN webhook_messages m ON m.project_id = h.project_id AND m.branch_id = h.branch_id AND m.id = h.message_id;

-- name: LockWebhookLane :one
SELECT true AS held
FROM webhook_lanes
WHERE project_id = $1 AND branch_id = $2 AND endpoint_id = $3 AND resource = $4 AND worker_id = sqlc.arg(worker_id)::uuid
FOR UPDATE;

-- name: SaveWebhookAttempt :exec
WITH attempt AS (
    INSERT INTO webhook_attempts (project_id, branch_id, id, endpoint_id, message_id, event_type, attempt, succeeded, duration_ms,
                                  response_status, response_body, error)
    VALUES (sqlc.arg(project_id), sqlc.arg(branch_id), sqlc.arg(id), sqlc.arg(endpoint_id), sqlc.arg(message_id), sqlc.arg(event_type),
            sqlc.arg(attempt), sqlc.arg(succeeded), sqlc.arg(duration_ms), sqlc.narg(response_status), sqlc.arg(response_body), sqlc.narg(error))
)
UPDATE webhook_deliveries d
SET status = sqlc.arg(status), attempts = sqlc.arg(attempt)
WHERE d.project_id = sqlc.arg(project_id) AND d.branch_id = sqlc.arg(branch_id) AND d.message_id = sqlc.arg(message_id)
  AND d.endpoint_id = sqlc.arg(endpoint_id);

-- name: AdvanceWebhookLane :exec
-- Runs after LockWebhookLane, so that it sees whatever was added before.
WITH pending AS (
    SELECT EXISTS (
        SELECT FROM webhook_deliveries d
        WHERE d.project_id = $1 AND d.branch_id = $2 AND d.endpoint_id = $3 AND d.resource = $4 AND d.status = 'pending'
    ) AS more
), ended AS (
    DELETE FROM webhook_lanes l
    USING pending p
    WHERE l.project_id = $1 AND l.branch_id = $2 AND l.endpoint_id = $3 AND l.resource = $4 AND NOT p.more
), released AS (
    UPDATE webhook_lanes l
    SET due_at = now(), awaits = NULL
    WHERE l.project_id = $1 AND l.branch_id = $2 AND l.endpoint_id = $3 AND l.awaits = $4
)
UPDATE webhook_lanes l
SET worker_id = NULL, due_at = now()
FROM pending p
WHERE l.project_id = $1 AND l.branch_id = $2 AND l.endpoint_id = $3 AND l.resource = $4 AND p.more;

-- name: PostponeWebhookLane :exec
UPDATE webhook_lanes
SET worker_id = NULL, due_at = now() + make_interval(secs => sqlc.arg(wait_seconds)::float8)
WHERE project_id = $1 AND branch_id = $2 AND endpoint_id = $3 AND resource = $4 AND worker_id = sqlc.arg(worker_id)::uuid;

-- name: WakeWebhookLanes :exec
UPDATE webhook_lanes
SET due_at = now()
WHERE project_id = $1 AND branch_id = $2 AND endpoint_id = $3 AND due_at = 'infinity';

-- name: ParkWebhookLanes :exec
WITH moved AS (
    SELECT l.project_id, l.branch_id, l.endpoint_id, l.resource, e.disabled
    FROM webhook_lanes l
    JOIN webhook_endpoints e ON e.project_id = l.project_id AND e.branch_id = l.branch_id AND e.id = l.endpoint_id
    WHERE e.disabled AND l.due_at <= now() OR NOT e.disabled AND l.due_at = 'infinity'
    LIMIT 10000
    FOR UPDATE OF l SKIP LOCKED
)
UPDATE webhook_lanes l
SET worker_id = NULL, due_at = CASE WHEN m.disabled THEN 'infinity' ELSE now() END
FROM moved m
WHERE l.project_id = m.project_id AND l.branch_id = m.branch_id AND l.endpoint_id = m.endpoint_id AND l.resource = m.resource;

-- name: PurgeOldWebhookAttempts :execrows
DELETE FROM webhook_attempts
WHERE (project_id, branch_id, id) IN (
    SELECT a.project_id, a.branch_id, a.id FROM webhook_attempts a
    WHERE a.created_at < now() - make_interval(secs => sqlc.arg(age_seconds)::float8)
    ORDER BY a.created_at LIMIT sqlc.arg(max_rows)
);

-- name: PurgeOldWebhookDeliveries :execrows
DELETE FROM webhook_deliveries
WHERE (project_id, branch_id, message_id, endpoint_id) IN (
    SELECT d.project_id, d.branch_id, d.message_id, d.endpoint_id FROM webhook_deliveries d
    WHERE d.created_at < now() - make_interval(secs => sqlc.arg(age_seconds)::float8)
    ORDER BY d.created_at LIMIT sqlc.arg(max_rows)
);

-- name: PurgeOldWebhookMessages :execrows
DELETE FROM webhook_messages
WHERE (project_id, branch_id, id) IN (
    SELECT m.project_id, m.branch_id, m.id FROM webhook_messages m
    WHERE m.created_at < now() - make_interval(secs => sqlc.arg(age_seconds)::float8)
    ORDER BY m.created_at LIMIT sqlc.arg(max_rows)
);

-- name: PurgeOldWebhookLanes :execrows
-- A lane that nobody touched for longer than deliveries are kept is empty.
DELETE FROM webhook_lanes
WHERE (project_id, branch_id, endpoint_id, resource) IN (
    SELECT l.project_id, l.branch_id, l.endpoint_id, l.resource FROM webhook_lanes l
    WHERE l.touched_at < now() - make_interval(secs => sqlc.arg(age_seconds)::float8) - interval '1 day'
    LIMIT sqlc.arg(max_rows)
) AND touched_at < now() - make_interval(secs => sqlc.arg(age_seconds)::float8);
