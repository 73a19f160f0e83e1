-- name: Image :one
-- The only statement without tenant: an image is public to whoever knows its
-- id, which is random.
SELECT id, format, bytes FROM images
WHERE id = $1;

-- name: SaveProfileImage :exec
WITH old AS (
    DELETE FROM images i
    WHERE i.project_id = sqlc.arg(project_id)::text AND i.branch_id = sqlc.arg(branch_id)::text AND i.user_id = sqlc.arg(user_id)::uuid
)
INSERT INTO images (project_id, branch_id, user_id, id, format, bytes)
VALUES (sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, sqlc.arg(user_id)::uuid, sqlc.arg(id), sqlc.arg(format), sqlc.arg(bytes));

-- name: DeleteProfileImages :exec
DELETE FROM images
WHERE project_id = $1 AND branch_id = sqlc.arg(branch_id)::text AND user_id = sqlc.arg(user_id)::uuid;
