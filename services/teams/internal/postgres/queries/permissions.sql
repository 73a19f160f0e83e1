-- name: Membership :one
-- A team, and what its member was granted there, in one statement.
SELECT sqlc.embed(t), ARRAY(
    SELECT p.permission_id FROM team_permissions p
    WHERE p.project_id = m.project_id AND p.branch_id = m.branch_id AND p.team_id = m.team_id AND p.user_id = m.user_id
)::text[] AS granted
FROM team_memberships m
JOIN teams t ON t.project_id = m.project_id AND t.branch_id = m.branch_id AND t.id = m.team_id
WHERE m.project_id = $1 AND m.branch_id = $2 AND m.team_id = $3 AND m.user_id = $4;

-- name: LockMembership :one
-- Who acts for a team stays a member with these permissions until the
-- transaction ends: whatever takes them away waits. The lock on the membership
-- is one that only one can hold, so that those who want it stand in a line:
-- shared, it would pass from act to act, and members could put their own removal
-- off for as long as they like.
WITH member AS MATERIALIZED (
    SELECT m.user_id FROM team_memberships m
    WHERE m.project_id = $1 AND m.branch_id = $2 AND m.team_id = $3 AND m.user_id = $4
    FOR NO KEY UPDATE
), held AS MATERIALIZED (
    SELECT p.permission_id FROM team_permissions p
    WHERE p.project_id = $1 AND p.branch_id = $2 AND p.team_id = $3 AND p.user_id = $4
    FOR SHARE
)
SELECT EXISTS (SELECT FROM member)::boolean AS member, ARRAY(SELECT held.permission_id FROM held)::text[] AS granted;

-- name: TeamMembers :many
SELECT m.user_id
FROM team_memberships m
WHERE m.project_id = $1 AND m.branch_id = $2 AND m.team_id = $3
ORDER BY m.created_at, m.user_id;

-- name: TeamGrants :many
SELECT p.team_id, p.user_id, array_agg(p.permission_id)::text[] AS granted
FROM team_permissions p
WHERE p.project_id = $1 AND p.branch_id = $2
  AND (sqlc.narg(team_id)::uuid IS NULL OR p.team_id = sqlc.narg(team_id)::uuid)
  AND (sqlc.narg(user_id)::uuid IS NULL OR p.user_id = sqlc.narg(user_id)::uuid)
GROUP BY p.team_id, p.user_id
ORDER BY p.team_id, p.user_id
LIMIT sqlc.arg(max_rows)::bigint;

-- name: ProjectGrants :many
SELECT p.user_id, array_agg(p.permission_id)::text[] AS granted
FROM project_permissions p
WHERE p.project_id = $1 AND p.branch_id = $2
  AND (sqlc.narg(user_id)::uuid IS NULL OR p.user_id = sqlc.narg(user_id)::uuid)
GROUP BY p.user_id
ORDER BY p.user_id
LIMIT sqlc.arg(max_rows)::bigint;

-- name: GrantTeamPermissions :many
-- Permissions that have ended since are left out.
INSERT INTO team_permissions AS p (project_id, branch_id, team_id, user_id, permission_id, config_version)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, sqlc.arg(team_id)::uuid, sqlc.arg(user_id)::uuid, id, sqlc.arg(config_version)::bigint
FROM unnest(sqlc.arg(permission_ids)::text[]) AS id
WHERE NOT EXISTS (
    SELECT FROM ended_permissions e
    WHERE e.project_id = sqlc.arg(project_id)::text AND e.branch_id = sqlc.arg(branch_id)::text
      AND e.permission_id = id AND e.version > sqlc.arg(config_version)::bigint
)
ON CONFLICT ON CONSTRAINT team_permissions_pkey
    DO UPDATE SET config_version = greatest(p.config_version, excluded.config_version)
RETURNING permission_id;

-- name: GrantProjectPermissions :many
-- Permissions that have ended since are left out.
INSERT INTO project_permissions AS p (project_id, branch_id, user_id, permission_id, config_version)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, sqlc.arg(user_id)::uuid, id, sqlc.arg(config_version)::bigint
FROM unnest(sqlc.arg(permission_ids)::text[]) AS id
WHERE NOT EXISTS (
    SELECT FROM ended_permissions e
    WHERE e.project_id = sqlc.arg(project_id)::text AND e.branch_id = sqlc.arg(branch_id)::text
      AND e.permission_id = id AND e.version > sqlc.arg(config_version)::bigint
)
ON CONFLICT ON CONSTRAINT project_permissions_pkey
    DO UPDATE SET config_version = greatest(p.config_version, excluded.config_version)
RETURNING permission_id;

-- name: RevokeTeamPermission :execrows
DELETE FROM team_permissions
WHERE project_id = $1 AND branch_id = $2 AND team_id = $3 AND user_id = $4 AND permission_id = $5;

-- name: RevokeProjectPermission :execrows
DELETE FROM project_permissions
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND permission_id = $4;

-- name: RememberEndedPermission :exec
INSERT INTO ended_permissions AS e (project_id, branch_id, permission_id, version)
VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT ended_permissions_pkey DO UPDATE SET version = greatest(e.version, excluded.version);

-- name: TakeTeamGrants :many
-- Ends the grants of a permission that are older than its end.
DELETE FROM team_permissions
WHERE project_id = $1 AND branch_id = $2 AND permission_id = $3 AND config_version < sqlc.arg(version)::bigint
RETURNING team_id, user_id;

-- name: TakeProjectGrants :many
-- Ends the grants of a permission that are older than its end.
DELETE FROM project_permissions
WHERE project_id = $1 AND branch_id = $2 AND permission_id = $3 AND config_version < sqlc.arg(version)::bigint
RETURNING user_id;

-- name: GiveTeamGrants :exec
-- Grants a renamed permission to those who had it under its old name.
INSERT INTO team_permissions AS p (project_id, branch_id, team_id, user_id, permission_id, config_version)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, g.team_id, g.user_id, sqlc.arg(permission_id)::text, sqlc.arg(version)::bigint
FROM (SELECT unnest(sqlc.arg(team_ids)::uuid[]) AS team_id, unnest(sqlc.arg(user_ids)::uuid[]) AS user_id) AS g
WHERE NOT EXISTS (
    SELECT FROM ended_permissions e
    WHERE e.project_id = sqlc.arg(project_id)::text AND e.branch_id = sqlc.arg(branch_id)::text
      AND e.permission_id = sqlc.arg(permission_id)::text AND e.version > sqlc.arg(version)::bigint
)
ON CONFLICT ON CONSTRAINT team_permissions_pkey
    DO UPDATE SET config_version = greatest(p.config_version, excluded.config_version);

-- name: GiveProjectGrants :exec
-- Grants a renamed permission to those who had it under its old name.
INSERT INTO project_permissions AS p (project_id, branch_id, user_id, permission_id, config_version)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, g.user_id, sqlc.arg(permission_id)::text, sqlc.arg(version)::bigint
FROM unnest(sqlc.arg(user_ids)::uuid[]) AS g (user_id)
WHERE NOT EXISTS (
    SELECT FROM ended_permissions e
    WHERE e.project_id = sqlc.arg(project_id)::text AND e.branch_id = sqlc.arg(branch_id)::text
      AND e.permission_id = sqlc.arg(permission_id)::text AND e.version > sqlc.arg(version)::bigint
)
ON CONFLICT ON CONSTRAINT project_permissions_pkey
    DO UPDATE SET config_version = greatest(p.config_version, excluded.config_version);

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

-- name: PurgeEndedPermissions :exec
DELETE FROM ended_permissions WHERE project_id = $1;
