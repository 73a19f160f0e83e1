-- name: Preference :one
SELECT enabled FROM notification_preferences WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND category_id = $4;

-- name: Preferences :many
SELECT category_id, enabled FROM notification_preferences WHERE project_id = $1 AND branch_id = $2 AND user_id = $3;

-- name: LockUser :exec
-- Whatever is written about a user happens before or after their removal, so
-- that nothing of them is left behind.
SELECT pg_advisory_xact_lock(hashtextextended('users/' || sqlc.arg(project_id)::text || '/' || sqlc.arg(branch_id)::text || '/' || sqlc.arg(user_id)::text, 0));

-- name: SavePreference :execrows
INSERT INTO notification_preferences AS p (project_id, branch_id, user_id, category_id, enabled)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, sqlc.arg(user_id)::uuid, sqlc.arg(category_id)::uuid, sqlc.arg(enabled)::boolean
WHERE NOT EXISTS (
    SELECT FROM removed_users r
    WHERE r.project_id = sqlc.arg(project_id)::text AND r.branch_id = sqlc.arg(branch_id)::text AND r.user_id = sqlc.arg(user_id)::uuid
)
ON CONFLICT ON CONSTRAINT notification_preferences_pkey DO UPDATE SET enabled = excluded.enabled, updated_at = now();

-- name: CreateUnsubscribeLink :exec
INSERT INTO unsubscribe_links (project_id, branch_id, id, code_hash, user_id, category_id, expires_at)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, sqlc.arg(id)::uuid, sqlc.arg(code_hash)::bytea, sqlc.arg(user_id)::uuid,
       sqlc.arg(category_id)::uuid, now() + make_interval(secs => sqlc.arg(ttl_seconds)::float8)
WHERE NOT EXISTS (
    SELECT FROM removed_users r
    WHERE r.project_id = sqlc.arg(project_id)::text AND r.branch_id = sqlc.arg(branch_id)::text AND r.user_id = sqlc.arg(user_id)::uuid
);

-- name: SpendUnsubscribeLink :one
-- The one statement that finds a row by something other than its project: the
-- code in a link is all its follower has.
UPDATE unsubscribe_links
SET used_at = now()
WHERE code_hash = $1 AND used_at IS NULL AND expires_at > now()
RETURNING project_id, branch_id, user_id, category_id;

-- name: UnsubscribeLinkState :one
SELECT expires_at <= now() AS expired, used_at IS NOT NULL AS used FROM unsubscribe_links WHERE code_hash = $1;

-- name: RecordRemovedUser :exec
INSERT INTO removed_users (project_id, branch_id, user_id) VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT removed_users_pkey DO NOTHING;

-- name: DeletePreferences :exec
DELETE FROM notification_preferences WHERE project_id = $1 AND branch_id = $2 AND user_id = $3;

-- name: DeleteUnsubscribeLinks :exec
DELETE FROM unsubscribe_links WHERE project_id = $1 AND branch_id = $2 AND user_id = $3;

-- name: PurgePreferences :exec
DELETE FROM notification_preferences WHERE project_id = $1;

-- name: PurgeUnsubscribeLinks :exec
DELETE FROM unsubscribe_links WHERE project_id = $1;

-- name: PurgeRemovedUsers :exec
DELETE FROM removed_users WHERE project_id = $1;

-- name: ForgetUnsubscribeLinks :exec
-- Of all projects: what is too old to matter.
DELETE FROM unsubscribe_links WHERE expires_at < now() - make_interval(secs => sqlc.arg(kept_seconds)::float8);

-- name: ForgetRemovedUsers :exec
-- Of all projects: what is too old to matter.
DELETE FROM removed_users WHERE removed_at < now() - make_interval(secs => sqlc.arg(kept_seconds)::float8);
