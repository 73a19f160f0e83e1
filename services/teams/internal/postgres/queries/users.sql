-- name: LockUser :exec
-- Serializes the changes to one user's memberships.
SELECT pg_advisory_xact_lock(hashtextextended(sqlc.arg(project_id)::text || '/' || sqlc.arg(branch_id)::text || '/' || sqlc.arg(user_id)::uuid::text, 0));

-- name: UserDeleted :one
SELECT EXISTS (
    SELECT FROM deleted_users
    WHERE project_id = $1 AND branch_id = $2 AND user_id = $3
);

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

-- name: PurgeDeletedUsers :exec
DELETE FROM deleted_users WHERE project_id = $1;
