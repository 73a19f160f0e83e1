-- name: UserIDs :many
SELECT id FROM users
WHERE project_id = $1 AND branch_id = $2 AND (sqlc.narg(after)::uuid IS NULL OR id > sqlc.narg(after)::uuid)
ORDER BY id
LIMIT sqlc.arg(max_rows);
