-- name: LockUser :exec
-- Serializes the changes to one user's memberships, beside those of other users
-- but not beside the end of the project.
SELECT pg_advisory_xact_lock_shared(hashtextextended(sqlc.arg(project_id)::text, 0)),
       pg_advisory_xact_lock(hashtextextended(sqlc.arg(project_id)::text || '/' || sqlc.arg(branch_id)::text || '/' || sqlc.arg(user_id)::uuid::text, 0));

-- name: EnterProject :exec
-- Takes part in the project, beside others but not beside its end.
SELECT pg_advisory_xact_lock_shared(hashtextextended(sqlc.arg(project_id)::text, 0));

-- name: ProjectDeleted :one
SELECT EXISTS (SELECT FROM deleted_projects p WHERE p.project_id = $1)::boolean AS deleted;

-- name: UserDeleted :one
SELECT (EXISTS (
    SELECT FROM deleted_users u
    WHERE u.project_id = $1 AND u.branch_id = $2 AND u.user_id = $3
) OR EXISTS (
    SELECT FROM deleted_projects p WHERE p.project_id = $1
))::boolean AS deleted;

-- name: RememberDeletedUser :exec
INSERT INTO deleted_users (project_id, branch_id, user_id)
VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT deleted_users_pkey DO NOTHING;

-- name: DeleteMemberships :many
WITH gone AS (
    DELETE FROM team_memberships m
    WHERE m.project_id = $1 AND m.branch_id = $2 AND m.user_id = $3
    RETURNING m.team_id
)
SELECT t.id
FROM gone
JOIN teams t ON t.project_id = $1 AND t.branch_id = $2 AND t.id = gone.team_id
ORDER BY t.created_at, t.id;

-- name: RememberDeletedProject :exec
INSERT INTO deleted_projects (project_id) VALUES ($1)
ON CONFLICT ON CONSTRAINT deleted_projects_pkey DO NOTHING;

-- name: LockProject :exec
-- Waits for the changes that are under way in the project.
SELECT pg_advisory_xact_lock(hashtextextended(sqlc.arg(project_id)::text, 0));

-- name: PurgeDeletedUsers :exec
DELETE FROM deleted_users WHERE project_id = $1;
