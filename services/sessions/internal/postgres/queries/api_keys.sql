-- name: CreateAPIKey :one
-- Inserts nothing for an owner or project that was deleted.
INSERT INTO api_keys (project_id, branch_id, id, owner_type, owner_id, description, is_public, key_hash, last_four, expires_at)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, sqlc.arg(id)::uuid, sqlc.arg(owner_type)::text, sqlc.arg(owner_id)::uuid,
       sqlc.arg(description)::text, sqlc.arg(is_public)::boolean, sqlc.arg(key_hash)::bytea, sqlc.arg(last_four)::text,
       sqlc.narg(expires_at)::timestamptz
WHERE NOT EXISTS (
    SELECT FROM deleted_users d
    WHERE sqlc.arg(owner_type)::text = 'user'
      AND d.project_id = sqlc.arg(project_id)::text AND d.branch_id = sqlc.arg(branch_id)::text AND d.user_id = sqlc.arg(owner_id)::uuid
) AND NOT EXISTS (
    SELECT FROM deleted_teams d
    WHERE sqlc.arg(owner_type)::text = 'team'
      AND d.project_id = sqlc.arg(project_id)::text AND d.branch_id = sqlc.arg(branch_id)::text AND d.team_id = sqlc.arg(owner_id)::uuid
) AND NOT EXISTS (
    SELECT FROM deleted_projects d WHERE d.project_id = sqlc.arg(project_id)::text
)
RETURNING *;

-- name: APIKey :one
SELECT * FROM api_keys
WHERE project_id = $1 AND branch_id = $2 AND id = $3 AND owner_type = $4;

-- name: APIKeysOfOwner :many
SELECT * FROM api_keys
WHERE project_id = $1 AND branch_id = $2 AND owner_type = $3 AND owner_id = $4
ORDER BY created_at DESC, id DESC;

-- name: FindAPIKey :one
-- The whole database part of a check.
SELECT sqlc.embed(api_keys), coalesce(expires_at <= now(), false)::boolean AS expired
FROM api_keys
WHERE key_hash = $1 AND project_id = $2 AND branch_id = $3;

-- name: FindAPIKeyAnywhere :one
-- Of all projects: whoever holds the key may revoke it.
SELECT sqlc.embed(api_keys), coalesce(expires_at <= now(), false)::boolean AS expired
FROM api_keys
WHERE key_hash = $1;

-- name: UserDeleted :one
SELECT EXISTS (
    SELECT FROM deleted_users d
    WHERE d.project_id = $1 AND d.branch_id = $2 AND d.user_id = $3
)::boolean AS deleted;

-- name: UpdateAPIKey :one
-- Finds no row when the key is gone, or is already as it is to be. A revoked key
-- keeps the time of its first revocation.
UPDATE api_keys
SET description = coalesce(sqlc.narg(description)::text, description),
    revoked_at = CASE WHEN sqlc.arg(revoke)::boolean THEN coalesce(revoked_at, now()) ELSE revoked_at END,
    version = version + 1
WHERE project_id = $1 AND branch_id = $2 AND id = $3 AND owner_type = $4
  AND (description <> coalesce(sqlc.narg(description)::text, description) OR (sqlc.arg(revoke)::boolean AND revoked_at IS NULL))
RETURNING sqlc.embed(api_keys), coalesce(revoked_at = now(), false)::boolean AS revoked_now;

-- name: DeleteAPIKeysOfOwner :many
DELETE FROM api_keys
WHERE project_id = $1 AND branch_id = $2 AND owner_type = $3 AND owner_id = $4
RETURNING id;

-- name: RememberDeletedTeam :exec
INSERT INTO deleted_teams (project_id, branch_id, team_id)
VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT deleted_teams_pkey DO NOTHING;

-- name: PurgeAPIKeys :exec
DELETE FROM api_keys WHERE project_id = $1;

-- name: PurgeDeletedTeams :exec
DELETE FROM deleted_teams WHERE project_id = $1;

-- name: SweepAPIKeysOfDeletedUsers :execrows
-- tenant: all. A key that was being inserted while its user was deleted.
DELETE FROM api_keys k
USING deleted_users d
WHERE d.deleted_at > now() - interval '1 hour'
  AND k.project_id = d.project_id AND k.branch_id = d.branch_id AND k.owner_type = 'user' AND k.owner_id = d.user_id;

-- name: SweepAPIKeysOfDeletedTeams :execrows
-- tenant: all. A key that was being inserted while its team was deleted.
DELETE FROM api_keys k
USING deleted_teams d
WHERE d.deleted_at > now() - interval '1 hour'
  AND k.project_id = d.project_id AND k.branch_id = d.branch_id AND k.owner_type = 'team' AND k.owner_id = d.team_id;

-- name: SweepAPIKeysOfDeletedProjects :execrows
-- tenant: all. A key that was being inserted while its project was deleted.
DELETE FROM api_keys k
USING deleted_projects d
WHERE d.deleted_at > now() - interval '1 hour' AND k.project_id = d.project_id;

-- name: SweepDeletedTeams :execrows
-- tenant: all. Deletions that no event in flight can repeat any more.
DELETE FROM deleted_teams WHERE deleted_at < now() - interval '60 days';
