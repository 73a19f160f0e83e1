-- name: CreateWebhookEndpoint :one
INSERT INTO webhook_endpoints (project_id, branch_id, id, url, description, filter_types, disabled, secret)
SELECT $1, $2, $3, sqlc.arg(url)::text, sqlc.arg(description)::text, sqlc.arg(filter_types)::text[], sqlc.arg(disabled)::boolean, sqlc.arg(secret)::bytea
WHERE NOT EXISTS (SELECT FROM deleted_projects d WHERE d.project_id = $1)
  AND (SELECT count(*) FROM webhook_endpoints e WHERE e.project_id = $1 AND e.branch_id = $2) < sqlc.arg(most)::integer
RETURNING created_at, updated_at;

-- name: LockWebhookEndpoints :exec
-- Lets endpoints of one project be added one after the other, so that they can
-- be counted.
SELECT pg_advisory_xact_lock(hashtextextended('webhook_endpoints/' || sqlc.arg(project_id)::text || '/' || sqlc.arg(branch_id)::text, 0));

-- name: WebhookEndpoints :many
SELECT *
FROM webhook_endpoints
WHERE project_id = $1 AND branch_id = $2
ORDER BY created_at, id;

-- name: WebhookEndpoint :one
SELECT *
FROM webhook_endpoints
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: LockWebhookEndpoint :one
SELECT *
FROM webhook_endpoints
WHERE project_id = $1 AND branch_id = $2 AND id = $3
FOR UPDATE;

-- name: UpdateWebhookEndpoint :one
UPDATE webhook_endpoints
SET url = sqlc.arg(url), description = sqlc.arg(description), filter_types = sqlc.arg(filter_types), disabled = sqlc.arg(disabled),
    failing_since = sqlc.narg(failing_since), updated_at = now()
WHERE project_id = $1 AND branch_id = $2 AND id = $3
RETURNING updated_at;

-- name: WebhookSecret :one
SELECT secret
FROM webhook_endpoints
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: RotateWebhookSecret :execrows
UPDATE webhook_endpoints
SET old_secret = secret, old_secret_expires_at = now() + make_interval(secs => sqlc.arg(overlap_seconds)::float8),
    secret = sqlc.arg(new_secret)::bytea, updated_at = now()
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: DeleteWebhookEndpointLanes :exec
DELETE FROM webhook_lanes
WHERE project_id = $1 AND branch_id = $2 AND endpoint_id = $3;

-- name: DeleteWebhookEndpoint :execrows
-- What was delivered to it is no longer shown, and deleted when it is old.
DELETE FROM webhook_endpoints
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: WebhookSucceeded :exec
UPDATE webhook_endpoints
SET failing_since = NULL
WHERE project_id = $1 AND branch_id = $2 AND id = $3 AND failing_since IS NOT NULL;

-- name: WebhookFailed :one
-- Writes only what changes, since an endpoint fails with many deliveries at a
-- time.
UPDATE webhook_endpoints
SET failing_since = coalesce(failing_since, now()),
    disabled = coalesce(failing_since <= now() - make_interval(secs => sqlc.arg(patience_seconds)::float8), false),
    updated_at = now()
WHERE project_id = $1 AND branch_id = $2 AND id = $3 AND NOT disabled
  AND (failing_since IS NULL OR failing_since <= now() - make_interval(secs => sqlc.arg(patience_seconds)::float8))
RETURNING disabled;

-- name: HasWebhookEndpoints :one
SELECT EXISTS (SELECT FROM webhook_endpoints WHERE project_id = $1);
