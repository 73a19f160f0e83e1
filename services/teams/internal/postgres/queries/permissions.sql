-- name: Membership :one
-- A team, and what its member was granted there, in one statement.
SELECT sqlc.embed(t), ARRAY(
    SELECT p.permission_id FROM team_permissions p
    WHERE p.project_id = m.project_id AND p.branch_id = m.branch_id AND p.team_id = m.team_id AND p.user_id = m.user_id
)::text[] AS granted
FROM team_memberships m
JOIN teams t ON t.project_id = m.project_id AND t.branch_id = m.branch_id AND t.id = m.team_id
WHERE m.project_id = $1 AND m.branch_id = $2 AND m.team_id = $3 AND m.user_id = $4;

-- name: TeamMembers :many
SELECT m.user_id, ARRAY(
    SELECT p.permission_id FROM team_permissions p
    WHERE p.project_id = m.project_id AND p.branch_id = m.branch_id AND p.team_id = m.team_id AND p.user_id = m.user_id
)::text[] AS granted
FROM team_memberships m
WHERE m.project_id = $1 AND m.branch_id = $2 AND m.team_id = $3
ORDER BY m.created_at, m.user_id;

-- name: GrantTeamPermissions :many
-- Permissions that are granted already stay as they are.
INSERT INTO team_permissions (project_id, branch_id, team_id, user_id, permission_id, config_version)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, sqlc.arg(team_id)::uuid, sqlc.arg(user_id)::uuid, id, sqlc.arg(config_version)::bigint
FROM unnest(sqlc.arg(permission_ids)::text[]) AS id
ON CONFLICT ON CONSTRAINT team_permissions_pkey DO NOTHING
RETURNING permission_id;

-- name: GrantProjectPermissions :many
-- Permissions that are granted already stay as they are.
INSERT INTO project_permissions (project_id, branch_id, user_id, permission_id, config_version)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, sqlc.arg(user_id)::uuid, id, sqlc.arg(config_version)::bigint
FROM unnest(sqlc.arg(permission_ids)::text[]) AS id
ON CONFLICT ON CONSTRAINT project_permissions_pkey DO NOTHING
RETURNING permission_id;

-- name: RememberProvisionedUser :execrows
INSERT INTO provisioned_users (project_id, branch_id, user_id)
VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT provisioned_users_pkey DO NOTHING;

-- name: DeleteProjectPermissions :exec
DELETE FROM project_permissions WHERE project_id = $1 AND branch_id = $2 AND user_id = $3;

-- name: ForgetProvisionedUser :exec
DELETE FROM provisioned_users WHERE project_id = $1 AND branch_id = $2 AND user_id = $3;

-- name: PurgeProjectPermissions :exec
DELETE FROM project_permissions WHERE project_id = $1;

-- name: PurgeProvisionedUsers :exec
DELETE FROM provisioned_users WHERE project_id = $1;
