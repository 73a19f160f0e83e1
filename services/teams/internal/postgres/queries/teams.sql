-- name: Team :one
SELECT * FROM teams
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: TeamIDsOfMember :many
SELECT t.id
FROM team_memberships m
JOIN teams t ON t.project_id = m.project_id AND t.branch_id = m.branch_id AND t.id = m.team_id
WHERE m.project_id = $1 AND m.branch_id = $2 AND m.user_id = $3
ORDER BY t.created_at, t.id;

-- name: CreateTeam :one
INSERT INTO teams (project_id, branch_id, id, display_name, profile_image_url, client_metadata, client_read_only_metadata, server_metadata)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT ON CONSTRAINT teams_pkey DO NOTHING
RETURNING version, created_at;

-- name: CreateMembership :execrows
INSERT INTO team_memberships (project_id, branch_id, team_id, user_id)
VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT team_memberships_pkey DO NOTHING;

-- name: RenameTeams :many
UPDATE teams t
SET display_name = sqlc.arg(to_name)::text, version = t.version + 1
FROM team_memberships m
WHERE m.project_id = $1 AND m.branch_id = $2 AND m.user_id = $3
  AND t.project_id = m.project_id AND t.branch_id = m.branch_id AND t.id = m.team_id
  AND t.display_name = sqlc.arg(from_name)::text
RETURNING t.*;

-- name: PurgeTeams :exec
DELETE FROM teams WHERE project_id = $1;
