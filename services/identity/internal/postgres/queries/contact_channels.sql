-- name: ContactChannels :many
SELECT * FROM contact_channels
WHERE project_id = $1 AND branch_id = $2
  AND (sqlc.narg(user_id)::uuid IS NULL OR user_id = sqlc.narg(user_id)::uuid)
  AND (sqlc.narg(channel_id)::uuid IS NULL OR id = sqlc.narg(channel_id)::uuid)
ORDER BY created_at, id;

-- name: ContactChannel :one
-- A user without that channel is a row of nulls.
SELECT c.id, c.value, c.is_primary, c.is_verified, c.used_for_auth
FROM users u
LEFT JOIN contact_channels c
    ON c.project_id = u.project_id AND c.branch_id = u.branch_id AND c.user_id = u.id AND c.id = sqlc.arg(channel_id)::uuid
WHERE u.project_id = $1 AND u.branch_id = $2 AND u.id = sqlc.arg(user_id)::uuid;

-- name: DemotePrimaryEmail :exec
UPDATE contact_channels
SET is_primary = false
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND type = 'email' AND is_primary;

-- name: PutPrimaryEmail :one
INSERT INTO contact_channels (project_id, branch_id, user_id, id, value, is_primary, is_verified, used_for_auth)
VALUES ($1, $2, $3, $4, sqlc.arg(value), true, COALESCE(sqlc.narg(is_verified)::boolean, false), sqlc.arg(used_for_auth))
ON CONFLICT ON CONSTRAINT contact_channels_value_key DO UPDATE
SET is_primary    = true,
    is_verified   = COALESCE(sqlc.narg(is_verified)::boolean, contact_channels.is_verified),
    used_for_auth = EXCLUDED.used_for_auth
RETURNING value, is_verified, used_for_auth;

-- name: VerifyEmail :one
UPDATE contact_channels
SET is_verified = true
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND type = 'email' AND value = sqlc.arg(value)
RETURNING id;

-- name: CreateContactChannel :exec
INSERT INTO contact_channels (project_id, branch_id, user_id, id, type, value, is_primary, is_verified, used_for_auth)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: UpdateContactChannel :exec
UPDATE contact_channels
SET value = sqlc.arg(value), is_primary = sqlc.arg(is_primary), is_verified = sqlc.arg(is_verified), used_for_auth = sqlc.arg(used_for_auth)
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND id = $4;

-- name: DeleteContactChannel :execrows
DELETE FROM contact_channels
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND id = $4;
