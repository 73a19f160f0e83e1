-- name: Project :one
SELECT sqlc.embed(p), project.document AS project_document, branch.document AS branch_document, branch.source,
       environment.document AS environment_document
FROM projects p
LEFT JOIN config_overrides project
    ON project.project_id = p.id AND project.branch_id = '' AND project.level = 'project'
LEFT JOIN config_overrides branch
    ON branch.project_id = p.id AND branch.branch_id = sqlc.arg(branch_id) AND branch.level = 'branch'
LEFT JOIN config_overrides environment
    ON environment.project_id = p.id AND environment.branch_id = sqlc.arg(branch_id) AND environment.level = 'environment'
WHERE p.id = $1 AND p.deleted_at IS NULL;

-- name: ProjectsOfTeams :many
-- Oldest first.
SELECT sqlc.embed(p), project.document AS project_document, branch.document AS branch_document, branch.source,
       environment.document AS environment_document
FROM projects p
LEFT JOIN config_overrides project
    ON project.project_id = p.id AND project.branch_id = '' AND project.level = 'project'
LEFT JOIN config_overrides branch
    ON branch.project_id = p.id AND branch.branch_id = sqlc.arg(branch_id) AND branch.level = 'branch'
LEFT JOIN config_overrides environment
    ON environment.project_id = p.id AND environment.branch_id = sqlc.arg(branch_id) AND environment.level = 'environment'
WHERE p.owner_team_id = ANY(sqlc.arg(team_ids)::uuid[]) AND p.deleted_at IS NULL
ORDER BY p.created_at, p.id;

-- name: ProjectAccess :many
-- One row per live key set; one row without key set when there is none.
SELECT p.version, project.document AS project_document,
       k.id AS key_set_id, k.publishable_client_key_hash, k.secret_server_key_hash, k.super_secret_admin_key_hash, k.expires_at
FROM projects p
LEFT JOIN config_overrides project
    ON project.project_id = p.id AND project.branch_id = '' AND project.level = 'project'
LEFT JOIN api_key_sets k
    ON k.project_id = p.id AND k.revoked_at IS NULL AND k.expires_at > now()
WHERE p.id = $1 AND p.deleted_at IS NULL;

-- name: ProjectOwnership :one
-- Whether the operator exists and which team owns the project.
SELECT EXISTS (
    SELECT FROM users u
    WHERE u.project_id = sqlc.arg(operator_project_id) AND u.branch_id = sqlc.arg(operator_branch_id) AND u.id = sqlc.arg(operator_id)
) AS operator_exists, p.owner_team_id
FROM (VALUES (1)) AS always
LEFT JOIN projects p ON p.id = sqlc.arg(project_id) AND p.deleted_at IS NULL;

-- name: LockProject :one
-- Rows that refer to the project can still be written.
SELECT id FROM projects
WHERE id = $1 AND deleted_at IS NULL
FOR NO KEY UPDATE;

-- name: CreateProject :one
INSERT INTO projects (id, display_name, description, logo_url, logo_full_url, logo_dark_mode_url, logo_full_dark_mode_url,
    is_production_mode, owner_team_id, onboarding_status)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT ON CONSTRAINT projects_pkey DO NOTHING
RETURNING version, created_at;

-- name: UpdateProject :one
UPDATE projects
SET display_name            = $2,
    description             = $3,
    logo_url                = $4,
    logo_full_url           = $5,
    logo_dark_mode_url      = $6,
    logo_full_dark_mode_url = $7,
    is_production_mode      = $8,
    onboarding_status       = $9,
    owner_team_id           = sqlc.narg(owner_team_id),
    version                 = version + 1
WHERE id = $1
RETURNING version;

-- name: DeleteProject :exec
UPDATE projects
SET deleted_at = now(), version = version + 1
WHERE id = $1;

-- name: DeletedProjects :many
SELECT id FROM projects
WHERE deleted_at IS NOT NULL
ORDER BY deleted_at;

-- name: PurgeUsers :execrows
-- Several replicas purge without waiting for each other. A project that was
-- not deleted keeps its users whatever is asked.
DELETE FROM users u
USING (
    SELECT s.project_id, s.branch_id, s.id FROM users s
    JOIN projects p ON p.id = s.project_id AND p.deleted_at IS NOT NULL
    WHERE s.project_id = $1
    LIMIT sqlc.arg(batch)
    FOR UPDATE OF s SKIP LOCKED
) doomed
WHERE u.project_id = doomed.project_id AND u.branch_id = doomed.branch_id AND u.id = doomed.id;

-- name: PurgeProject :execrows
-- Takes with it whatever batches have left over.
DELETE FROM projects
WHERE id = $1 AND deleted_at IS NOT NULL;

-- name: SaveOverride :exec
INSERT INTO config_overrides (project_id, branch_id, level, document, source)
VALUES ($1, $2, $3, $4, sqlc.narg(source))
ON CONFLICT ON CONSTRAINT config_overrides_pkey DO UPDATE
SET document = excluded.document, source = excluded.source, updated_at = now();

-- name: EnvironmentOverrides :many
-- Of all projects.
SELECT project_id, branch_id FROM config_overrides
WHERE level = sqlc.arg(level);

-- name: LockOverride :one
SELECT document FROM config_overrides
WHERE project_id = $1 AND branch_id = $2 AND level = $3
FOR NO KEY UPDATE;

-- name: ReplaceOverride :exec
UPDATE config_overrides
SET document = $4
WHERE project_id = $1 AND branch_id = $2 AND level = $3;

-- name: SaveLogo :exec
INSERT INTO images (project_id, id, format, bytes)
VALUES ($1, $2, $3, $4);

-- name: DeleteLogosExcept :exec
DELETE FROM images
WHERE project_id = $1 AND user_id IS NULL AND id <> ALL(sqlc.arg(kept)::uuid[]);

-- name: APIKeySets :many
SELECT * FROM api_key_sets
WHERE project_id = $1
ORDER BY created_at DESC, id;

-- name: APIKeySet :one
SELECT * FROM api_key_sets
WHERE project_id = $1 AND id = $2;

-- name: CreateAPIKeySet :one
INSERT INTO api_key_sets (project_id, id, description, expires_at,
    publishable_client_key_hash, publishable_client_key_last_four,
    secret_server_key_hash, secret_server_key_last_four,
    super_secret_admin_key_hash, super_secret_admin_key_last_four)
VALUES ($1, $2, $3, $4, $5, sqlc.narg(publishable_client_key_last_four), $6, sqlc.narg(secret_server_key_last_four),
    $7, sqlc.narg(super_secret_admin_key_last_four))
RETURNING created_at;

-- name: UpdateAPIKeySet :one
UPDATE api_key_sets
SET description = sqlc.arg(description),
    revoked_at = CASE WHEN sqlc.arg(revokes)::boolean THEN now() ELSE revoked_at END
WHERE project_id = $1 AND id = $2
RETURNING revoked_at;

-- name: DeleteAPIKeySet :exec
DELETE FROM api_key_sets
WHERE project_id = $1 AND id = $2;
