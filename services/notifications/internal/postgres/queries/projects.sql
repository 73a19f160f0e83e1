-- name: RememberDeletedProject :exec
INSERT INTO deleted_projects (project_id) VALUES ($1)
ON CONFLICT ON CONSTRAINT deleted_projects_pkey DO NOTHING;

-- name: PurgeWebhookEndpoints :exec
DELETE FROM webhook_endpoints WHERE project_id = $1;

-- name: PurgeWebhookLanes :exec
DELETE FROM webhook_lanes WHERE project_id = $1;

-- name: PurgeWebhookDeliveries :exec
DELETE FROM webhook_deliveries WHERE project_id = $1;

-- name: PurgeWebhookAttempts :exec
DELETE FROM webhook_attempts WHERE project_id = $1;

-- name: PurgeWebhookMessages :exec
DELETE FROM webhook_messages WHERE project_id = $1;

-- name: RecentlyDeletedProjects :many
-- What was under way while a project was deleted may have left something.
SELECT project_id FROM deleted_projects WHERE deleted_at > now() - interval '1 day';
