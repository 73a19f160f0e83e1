-- name: MemberIDs :many
SELECT user_id FROM team_memberships
WHERE project_id = $1 AND branch_id = $2 AND team_id = $3;

-- name: MembershipsAmong :many
-- Of all users in all teams named; the caller picks the pairs it meant.
SELECT team_id, user_id FROM team_memberships
WHERE project_id = $1 AND branch_id = $2
  AND user_id = ANY(sqlc.arg(user_ids)::uuid[]) AND team_id = ANY(sqlc.arg(team_ids)::uuid[]);

-- name: TeamsAmong :many
SELECT * FROM teams
WHERE project_id = $1 AND branch_id = $2 AND id = ANY(sqlc.arg(team_ids)::uuid[]);
