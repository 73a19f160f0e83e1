-- name: CreateSession :execrows
-- Inserts nothing for a user or project that was deleted.
INSERT INTO sessions (project_id, branch_id, id, user_id, token_hash, last_ip_info, expires_at, is_impersonation)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, sqlc.arg(id)::uuid, sqlc.arg(user_id)::uuid,
       sqlc.arg(token_hash)::bytea, sqlc.narg(last_ip_info)::json,
       now() + make_interval(secs => sqlc.arg(lifetime_seconds)::float8), sqlc.arg(is_impersonation)::boolean
WHERE NOT EXISTS (
    SELECT FROM deleted_users d
    WHERE d.project_id = sqlc.arg(project_id)::text AND d.branch_id = sqlc.arg(branch_id)::text AND d.user_id = sqlc.arg(user_id)::uuid
) AND NOT EXISTS (
    SELECT FROM deleted_projects d WHERE d.project_id = sqlc.arg(project_id)::text
);

-- name: TouchSession :one
-- The whole database part of a refresh. Parallel refreshes queue on the row;
-- none may move last_active_at back. The commit does not wait for the disk:
-- what a crash could lose is the time of an activity.
UPDATE sessions
SET last_active_at = greatest(last_active_at, now()),
    last_ip_info = coalesce(sqlc.narg(last_ip_info)::json, last_ip_info)
WHERE token_hash = $1 AND project_id = $2 AND branch_id = $3 AND expires_at > now()
  AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
RETURNING id, user_id;

-- name: SessionIDOfToken :one
SELECT id FROM sessions
WHERE token_hash = $1 AND project_id = $2 AND branch_id = $3 AND user_id = $4 AND expires_at > now();

-- name: SessionExists :one
-- A null owner means any.
SELECT EXISTS (
    SELECT FROM sessions
    WHERE project_id = $1 AND branch_id = $2 AND id = $3
      AND (sqlc.narg(owner_id)::uuid IS NULL OR user_id = sqlc.narg(owner_id)::uuid)
);

-- name: SessionsOfUser :many
SELECT id, user_id, created_at, last_active_at, last_ip_info, is_impersonation
FROM sessions
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3
  AND (sqlc.arg(with_impersonations)::boolean OR NOT is_impersonation)
ORDER BY created_at DESC, id DESC;

-- name: DeleteSession :one
-- A null owner means any.
DELETE FROM sessions
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND (sqlc.narg(owner_id)::uuid IS NULL OR user_id = sqlc.narg(owner_id)::uuid)
RETURNING user_id;

-- name: DeleteSessionsOfUser :many
-- Ends the user's sessions except the kept one, and only those opened before a
-- moment when one is given.
DELETE FROM sessions
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3
  AND id IS DISTINCT FROM sqlc.narg(kept_id)::uuid
  AND (sqlc.narg(opened_before)::timestamptz IS NULL OR created_at < sqlc.narg(opened_before)::timestamptz)
RETURNING id;

-- name: RememberDeletedUser :exec
INSERT INTO deleted_users (project_id, branch_id, user_id)
VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT deleted_users_pkey DO NOTHING;

-- name: RememberDeletedProject :exec
INSERT INTO deleted_projects (project_id)
VALUES ($1)
ON CONFLICT ON CONSTRAINT deleted_projects_pkey DO NOTHING;

-- name: PurgeSessions :exec
DELETE FROM sessions WHERE project_id = $1;

-- name: PurgeDeletedUsers :exec
DELETE FROM deleted_users WHERE project_id = $1;

-- name: SweepExpiredSessions :execrows
-- tenant: all. A bounded batch of what expired longest ago.
DELETE FROM sessions s
USING (
    SELECT e.project_id, e.branch_id, e.id
    FROM sessions e
    WHERE e.expires_at < now() - make_interval(secs => sqlc.arg(kept_seconds)::float8)
    ORDER BY e.expires_at
    LIMIT sqlc.arg(batch)
    FOR UPDATE SKIP LOCKED
) expired
WHERE s.project_id = expired.project_id AND s.branch_id = expired.branch_id AND s.id = expired.id;

-- name: SweepSessionsOfDeletedUsers :execrows
-- tenant: all. A session that was being inserted while its user was deleted.
DELETE FROM sessions s
USING deleted_users d
WHERE d.deleted_at > now() - interval '1 hour'
  AND s.project_id = d.project_id AND s.branch_id = d.branch_id AND s.user_id = d.user_id;

-- name: SweepSessionsOfDeletedProjects :execrows
-- tenant: all. A session that was being inserted while its project was deleted.
DELETE FROM sessions s
USING deleted_projects d
WHERE d.deleted_at > now() - interval '1 hour' AND s.project_id = d.project_id;

-- name: SweepDeletedUsers :execrows
-- tenant: all. Deletions that no event in flight can repeat any more.
DELETE FROM deleted_users WHERE deleted_at < now() - interval '60 days';

-- name: TouchSessionOfUser :execrows
UPDATE sessions
SET last_active_at = greatest(last_active_at, now()),
    last_ip_info = coalesce(sqlc.narg(last_ip_info)::json, last_ip_info)
WHERE project_id = $1 AND branch_id = $2 AND id = $3 AND user_id = $4 AND expires_at > now();
