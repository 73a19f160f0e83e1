-- name: Image :one
-- The only statement without tenant: an image is public to whoever knows its
-- id, which is random.
SELECT id, format, bytes FROM images
WHERE id = $1;

-- name: DeleteImages :exec
-- The pictures of a team, or of one of its members.
DELETE FROM images
WHERE project_id = $1 AND branch_id = $2 AND team_id = $3 AND user_id IS NOT DISTINCT FROM sqlc.narg(user_id)::uuid;

-- name: CreateImage :exec
INSERT INTO images (project_id, branch_id, team_id, user_id, id, format, bytes)
VALUES ($1, $2, $3, sqlc.narg(user_id)::uuid, sqlc.arg(id), sqlc.arg(format), sqlc.arg(bytes));
