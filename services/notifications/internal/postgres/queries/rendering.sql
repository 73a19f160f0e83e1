-- name: ClaimForRendering :many
-- A sign-in code does not wait behind a newsletter.
WITH urgent AS (
    SELECT project_id, branch_id, id
    FROM emails
    WHERE is_high_priority AND render_worker_id IS NULL AND NOT is_paused AND skipped_reason IS NULL AND deferred_until <= now()
    ORDER BY created_at
    LIMIT sqlc.arg(max_rows)::integer
    FOR UPDATE SKIP LOCKED
), others AS (
    SELECT project_id, branch_id, id
    FROM emails
    WHERE NOT is_high_priority AND render_worker_id IS NULL AND NOT is_paused AND skipped_reason IS NULL AND deferred_until <= now()
    ORDER BY created_at
    LIMIT sqlc.arg(max_rows)::integer - (SELECT count(*) FROM urgent)
    FOR UPDATE SKIP LOCKED
), claimed AS (
    SELECT project_id, branch_id, id FROM urgent
    UNION ALL
    SELECT project_id, branch_id, id FROM others
)
UPDATE emails e
SET render_worker_id = sqlc.arg(worker_id)::uuid, started_rendering_at = now(), updated_at = now()
FROM claimed
WHERE e.project_id = claimed.project_id AND e.branch_id = claimed.branch_id AND e.id = claimed.id
RETURNING e.*;

-- name: SaveRendered :execrows
UPDATE emails
SET finished_rendering_at = now(), updated_at = now(),
    rendered = sqlc.arg(rendered)::bytea, is_transactional = sqlc.arg(is_transactional)::boolean, category_id = sqlc.narg(category_id)::uuid
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND render_worker_id = sqlc.arg(worker_id)::uuid AND finished_rendering_at IS NULL;

-- name: SaveRenderError :execrows
UPDATE emails
SET finished_rendering_at = now(), updated_at = now(), render_error = sqlc.arg(render_error)::json
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND render_worker_id = sqlc.arg(worker_id)::uuid AND finished_rendering_at IS NULL;

-- name: ReleaseRendering :exec
UPDATE emails
SET render_worker_id = NULL, started_rendering_at = NULL, updated_at = now(),
    deferred_until = now() + make_interval(secs => sqlc.arg(wait_seconds)::float8)
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND render_worker_id = sqlc.arg(worker_id)::uuid AND finished_rendering_at IS NULL;

-- name: ReleaseStuckRendering :execrows
WITH stuck AS (
    SELECT project_id, branch_id, id
    FROM emails
    WHERE render_worker_id IS NOT NULL AND finished_rendering_at IS NULL
      AND started_rendering_at <= now() - make_interval(secs => sqlc.arg(stuck_seconds)::float8)
    LIMIT 500
    FOR UPDATE SKIP LOCKED
)
UPDATE emails e
SET render_worker_id = NULL, started_rendering_at = NULL, updated_at = now()
FROM stuck
WHERE e.project_id = stuck.project_id AND e.branch_id = stuck.branch_id AND e.id = stuck.id;
