-- name: MailingQueueStatus :one
-- Of all projects: it is for the operators of the platform.
SELECT coalesce(sum(cardinality(user_ids) - done), 0)::bigint AS waiting,
       coalesce(extract(epoch FROM now() - min(touched_at)), 0)::float8 AS oldest_seconds
FROM mailings;

-- name: WebhookQueueStatus :one
-- Of all projects: it is for the operators of the platform. What waits for
-- another attempt is not late.
SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(l.due_at)), 0)::float8 AS oldest_seconds
FROM webhook_lanes l
JOIN webhook_endpoints e ON e.project_id = l.project_id AND e.branch_id = l.branch_id AND e.id = l.endpoint_id
WHERE NOT e.disabled AND l.due_at <= now();

-- name: MailQueueStatus :one
-- Of all projects: it is for the operators of the platform.
SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(greatest(created_at, scheduled_at))), 0)::float8 AS oldest_seconds
FROM emails
WHERE NOT is_paused AND skipped_reason IS NULL AND scheduled_at <= now()
  AND (render_worker_id IS NULL OR is_queued AND started_sending_at IS NULL);
