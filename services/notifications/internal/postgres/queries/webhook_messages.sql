-- name: CreateWebhookMessage :one
-- One statement for the message, its deliveries and their lanes. A lane that
-- exists keeps its time: an endpoint that fails is not called sooner because
-- more happens.
WITH message AS (
    INSERT INTO webhook_messages (project_id, branch_id, id, event_type, payload, resource, version, occurred_at)
    SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, sqlc.arg(id)::text, sqlc.arg(event_type)::text, sqlc.arg(payload)::json,
           sqlc.arg(resource)::text, sqlc.arg(version)::bigint, sqlc.arg(occurred_at)::timestamptz
    WHERE EXISTS (SELECT FROM webhook_endpoints e WHERE e.project_id = sqlc.arg(project_id) AND e.branch_id = sqlc.arg(branch_id))
      AND NOT EXISTS (SELECT FROM deleted_projects p WHERE p.project_id = sqlc.arg(project_id))
    RETURNING project_id, branch_id, id, created_at, event_type, resource, version, occurred_at, seq
), delivery AS (
    INSERT INTO webhook_deliveries (project_id, branch_id, message_id, endpoint_id, created_at, resource, version, occurred_at, seq)
    SELECT m.project_id, m.branch_id, m.id, e.id, m.created_at, m.resource, m.version, m.occurred_at, m.seq
    FROM message m
    JOIN webhook_endpoints e ON e.project_id = m.project_id AND e.branch_id = m.branch_id
    WHERE sqlc.arg(unfiltered)::boolean OR e.filter_types = '{}' OR m.event_type = ANY (e.filter_types)
    RETURNING project_id, branch_id, endpoint_id, resource
), lane AS (
    INSERT INTO webhook_lanes (project_id, branch_id, endpoint_id, resource, due_at, awaits)
    SELECT d.project_id, d.branch_id, d.endpoint_id, d.resource,
           CASE WHEN e.disabled THEN 'infinity'
                WHEN w.waits THEN now() + make_interval(secs => sqlc.arg(await_seconds)::float8)
                ELSE now() END,
           CASE WHEN w.waits AND NOT e.disabled THEN sqlc.arg(awaits)::text END
    FROM delivery d
    JOIN webhook_endpoints e ON e.project_id = d.project_id AND e.branch_id = d.branch_id AND e.id = d.endpoint_id
    CROSS JOIN LATERAL (
        SELECT sqlc.arg(awaits)::text <> ''
           AND (e.filter_types = '{}' OR sqlc.arg(awaits_type)::text = ANY (e.filter_types))
           AND NOT EXISTS (
               SELECT FROM webhook_messages m
               JOIN webhook_deliveries first ON first.project_id = m.project_id AND first.branch_id = m.branch_id AND first.message_id = m.id
               WHERE m.project_id = d.project_id AND m.branch_id = d.branch_id AND m.resource = sqlc.arg(awaits)::text
                 AND m.event_type = sqlc.arg(awaits_type)::text AND first.endpoint_id = d.endpoint_id AND first.status <> 'pending'
           ) AS waits
    ) w
    ORDER BY d.endpoint_id
    ON CONFLICT ON CONSTRAINT webhook_lanes_pkey DO UPDATE SET touched_at = now()
)
SELECT (count(*) > 0)::boolean AS created FROM message;

-- name: WebhookMessages :many
SELECT id, created_at, event_type, payload, seq::bigint AS seq
FROM webhook_messages
WHERE project_id = $1 AND branch_id = $2
  AND (sqlc.arg(from_seq)::bigint = 0 OR seq <= sqlc.arg(from_seq)::bigint)
  AND (sqlc.arg(event_type)::text = '' OR event_type = sqlc.arg(event_type)::text)
ORDER BY seq DESC
LIMIT sqlc.arg(max_rows);

-- name: WebhookMessage :one
SELECT id, created_at, event_type, payload, seq::bigint AS seq
FROM webhook_messages
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: WebhookDeliveries :many
-- With the time of the next attempt, for those that are first in their lane.
SELECT d.message_id, d.endpoint_id, d.status, d.attempts, l.due_at AS next_attempt_at
FROM webhook_deliveries d
JOIN webhook_endpoints e ON e.project_id = d.project_id AND e.branch_id = d.branch_id AND e.id = d.endpoint_id
LEFT JOIN webhook_lanes l ON d.status = 'pending' AND NOT e.disabled AND l.due_at < 'infinity'
    AND l.project_id = d.project_id AND l.branch_id = d.branch_id AND l.endpoint_id = d.endpoint_id AND l.resource = d.resource
    AND NOT EXISTS (
        SELECT FROM webhook_deliveries b
        WHERE b.project_id = d.project_id AND b.branch_id = d.branch_id AND b.endpoint_id = d.endpoint_id AND b.resource = d.resource
          AND b.status = 'pending' AND (b.version, b.seq) < (d.version, d.seq)
    )
WHERE d.project_id = $1 AND d.branch_id = $2 AND d.message_id = ANY (sqlc.arg(message_ids)::text[])
ORDER BY e.created_at, e.id;

-- name: WebhookAttempts :many
SELECT id, endpoint_id, message_id, event_type, attempt, created_at, duration_ms, response_status, response_body, error, seq::bigint AS seq
FROM webhook_attempts
WHERE project_id = $1 AND branch_id = $2
  AND (sqlc.arg(endpoint_id)::text = '' OR endpoint_id = sqlc.arg(endpoint_id)::text)
  AND (sqlc.arg(message_id)::text = '' OR message_id = sqlc.arg(message_id)::text)
  AND (sqlc.narg(succeeded)::boolean IS NULL OR succeeded = sqlc.narg(succeeded)::boolean)
  AND (sqlc.arg(from_seq)::bigint = 0 OR seq <= sqlc.arg(from_seq)::bigint)
ORDER BY seq DESC
LIMIT sqlc.arg(max_rows);

-- name: ReplayWebhookMessages :one
-- A message named by its id is sent whatever the endpoint is limited to.
WITH wanted AS (
    SELECT m.id, m.created_at, m.resource, m.version, m.occurred_at, m.seq, e.disabled
    FROM webhook_messages m
    JOIN webhook_endpoints e ON e.project_id = m.project_id AND e.branch_id = m.branch_id AND e.id = sqlc.arg(endpoint_id)::text
    LEFT JOIN webhook_deliveries d ON d.project_id = m.project_id AND d.branch_id = m.branch_id AND d.message_id = m.id AND d.endpoint_id = e.id
    WHERE m.project_id = $1 AND m.branch_id = $2
      AND CASE WHEN sqlc.arg(message_id)::text <> '' THEN m.id = sqlc.arg(message_id)::text
               ELSE m.created_at >= sqlc.arg(since)::timestamptz AND m.created_at < sqlc.arg(until)::timestamptz
                   AND m.event_type <> 'stack.test'
                   AND (d.status IS NOT NULL OR e.filter_types = '{}' OR m.event_type = ANY (e.filter_types)) END
      AND CASE sqlc.arg(kind)::text WHEN 'failed' THEN d.status = 'failed' WHEN 'missing' THEN d.status IS NULL ELSE true END
), sent AS (
    INSERT INTO webhook_deliveries AS d (project_id, branch_id, message_id, endpoint_id, created_at, resource, version, occurred_at, seq)
    SELECT $1, $2, w.id, sqlc.arg(endpoint_id)::text, w.created_at, w.resource, w.version, w.occurred_at, w.seq
    FROM wanted w
    ORDER BY w.id
    ON CONFLICT ON CONSTRAINT webhook_deliveries_pkey DO UPDATE SET status = 'pending', attempts = 0
    RETURNING d.message_id
), lane AS (
    INSERT INTO webhook_lanes AS l (project_id, branch_id, endpoint_id, resource, due_at)
    SELECT DISTINCT $1, $2, sqlc.arg(endpoint_id)::text, w.resource, CASE WHEN w.disabled THEN 'infinity' ELSE now() END
    FROM wanted w
    ORDER BY w.resource
    ON CONFLICT ON CONSTRAINT webhook_lanes_pkey DO UPDATE
        SET touched_at = now(), due_at = CASE WHEN l.worker_id IS NULL THEN excluded.due_at ELSE l.due_at END
)
SELECT count(*) FROM sent;
