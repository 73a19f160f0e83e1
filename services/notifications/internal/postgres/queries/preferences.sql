-- name: Preference :one
SELECT enabled FROM notification_preferences WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND category_id = $4;

-- name: DeletePreferences :exec
DELETE FROM notification_preferences WHERE project_id = $1 AND branch_id = $2 AND user_id = $3;

-- name: PurgePreferences :exec
DELETE FROM notification_preferences WHERE project_id = $1;
