-- name: Team :one
SELECT * FROM teams
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: LockTeam :one
SELECT * FROM teams
WHERE project_id = $1 AND branch_id = $2 AND id = $3
FOR NO KEY UPDATE;

-- name: TeamIDsOfMember :many
SELECT t.id
FROM team_memberships m
JOIN teams t ON t.project_id = m.project_id AND t.branch_id = m.branch_id AND t.id = m.team_id
WHERE m.project_id = $1 AND m.branch_id = $2 AND m.user_id = $3
ORDER BY t.created_at, t.id;

-- name: TeamsOfMember :many
-- What most lists are. A statement with all of Teams's conditions is planned anew
-- each time, which takes longer than running it.
SELECT sqlc.embed(t)
FROM team_memberships m
JOIN teams t ON t.project_id = m.project_id AND t.branch_id = m.branch_id AND t.id = m.team_id
WHERE m.project_id = $1 AND m.branch_id = $2 AND m.user_id = $3
ORDER BY t.created_at, t.id
LIMIT sqlc.narg(max_rows)::bigint;

-- name: Teams :many
-- A page begins with the team the cursor names; a cursor that names none of those
-- listed begins nowhere.
SELECT t.*
FROM teams t
WHERE t.project_id = $1 AND t.branch_id = $2
  AND (sqlc.narg(user_id)::uuid IS NULL OR EXISTS (
    SELECT FROM team_memberships m
    WHERE m.project_id = t.project_id AND m.branch_id = t.branch_id AND m.team_id = t.id AND m.user_id = sqlc.narg(user_id)::uuid
  ))
  AND (sqlc.narg(query)::text IS NULL OR t.id::text = lower(sqlc.narg(query)::text)
    OR position(lower(sqlc.narg(query)::text) IN lower(t.display_name)) > 0)
  AND (sqlc.narg(cursor)::uuid IS NULL OR (t.created_at, t.id) >= (
    SELECT c.created_at, c.id FROM teams c
    WHERE c.project_id = $1 AND c.branch_id = $2 AND c.id = sqlc.narg(cursor)::uuid
      AND (sqlc.narg(user_id)::uuid IS NULL OR EXISTS (
        SELECT FROM team_memberships m
        WHERE m.project_id = c.project_id AND m.branch_id = c.branch_id AND m.team_id = c.id AND m.user_id = sqlc.narg(user_id)::uuid
      ))
  ))
ORDER BY t.created_at, t.id
LIMIT sqlc.narg(max_rows)::bigint;

-- name: TeamsNewestFirst :many
-- Teams in the other direction.
SELECT t.*
FROM teams t
WHERE t.project_id = $1 AND t.branch_id = $2
  AND (sqlc.narg(user_id)::uuid IS NULL OR EXISTS (
    SELECT FROM team_memberships m
    WHERE m.project_id = t.project_id AND m.branch_id = t.branch_id AND m.team_id = t.id AND m.user_id = sqlc.narg(user_id)::uuid
  ))
  AND (sqlc.narg(query)::text IS NULL OR t.id::text = lower(sqlc.narg(query)::text)
    OR position(lower(sqlc.narg(query)::text) IN lower(t.display_name)) > 0)
  AND (sqlc.narg(cursor)::uuid IS NULL OR (t.created_at, t.id) <= (
    SELECT c.created_at, c.id FROM teams c
    WHERE c.project_id = $1 AND c.branch_id = $2 AND c.id = sqlc.narg(cursor)::uuid
      AND (sqlc.narg(user_id)::uuid IS NULL OR EXISTS (
        SELECT FROM team_memberships m
        WHERE m.project_id = c.project_id AND m.branch_id = c.branch_id AND m.team_id = c.id AND m.user_id = sqlc.narg(user_id)::uuid
      ))
  ))
ORDER BY t.created_at DESC, t.id DESC
LIMIT sqlc.narg(max_rows)::bigint;

-- name: CreateTeam :one
INSERT INTO teams (project_id, branch_id, id, display_name, profile_image_url, client_metadata, client_read_only_metadata, server_metadata)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT ON CONSTRAINT teams_pkey DO NOTHING
RETURNING version, created_at;

-- name: UpdateTeam :exec
UPDATE teams
SET display_name = $4, profile_image_url = $5, client_metadata = $6, client_read_only_metadata = $7, server_metadata = $8,
    version = $9
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: LockMembers :exec
-- Members act with their membership locked first and the team afterwards. Whoever
-- wants both in another order would stand across their way.
SELECT m.user_id FROM team_memberships m
WHERE m.project_id = $1 AND m.branch_id = $2 AND m.team_id = $3
ORDER BY m.user_id
FOR UPDATE;

-- name: DeleteTeam :one
-- Answers with the version the team had and who its members were.
WITH members AS MATERIALIZED (
    SELECT m.user_id FROM team_memberships m
    WHERE m.project_id = $1 AND m.branch_id = $2 AND m.team_id = $3
    ORDER BY m.created_at, m.user_id
), gone AS (
    DELETE FROM teams t
    WHERE t.project_id = $1 AND t.branch_id = $2 AND t.id = $3
    RETURNING t.version
)
SELECT gone.version, ARRAY(SELECT members.user_id FROM members)::uuid[] AS user_ids FROM gone;

-- name: CreateMembership :execrows
INSERT INTO team_memberships (project_id, branch_id, team_id, user_id)
VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT team_memberships_pkey DO NOTHING;

-- name: DeleteMembership :execrows
DELETE FROM team_memberships
WHERE project_id = $1 AND branch_id = $2 AND team_id = $3 AND user_id = $4;

-- name: MemberProfiles :many
SELECT m.team_id, m.user_id, m.display_name, m.profile_image_url
FROM team_memberships m
WHERE m.project_id = $1 AND m.branch_id = $2
  AND (sqlc.narg(team_id)::uuid IS NULL OR m.team_id = sqlc.narg(team_id)::uuid)
  AND (sqlc.narg(user_id)::uuid IS NULL OR m.user_id = sqlc.narg(user_id)::uuid)
ORDER BY m.created_at, m.team_id, m.user_id
LIMIT sqlc.arg(max_rows)::bigint;

-- name: UpdateMemberProfile :one
UPDATE team_memberships
SET display_name = CASE WHEN sqlc.arg(set_display_name)::boolean THEN sqlc.narg(display_name)::text ELSE display_name END,
    profile_image_url = CASE WHEN sqlc.arg(set_profile_image_url)::boolean THEN sqlc.narg(profile_image_url)::text ELSE profile_image_url END
WHERE project_id = $1 AND branch_id = $2 AND team_id = $3 AND user_id = $4
RETURNING team_id, user_id, display_name, profile_image_url;

-- name: SelectedTeams :many
-- The teams that users selected and are members of.
SELECT m.user_id, sqlc.embed(t)
FROM (SELECT unnest(sqlc.arg(user_ids)::uuid[]) AS user_id, unnest(sqlc.arg(team_ids)::uuid[]) AS team_id) AS s
JOIN team_memberships m ON m.project_id = $1 AND m.branch_id = $2 AND m.team_id = s.team_id AND m.user_id = s.user_id
JOIN teams t ON t.project_id = m.project_id AND t.branch_id = m.branch_id AND t.id = m.team_id;

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
