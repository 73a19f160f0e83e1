-- name: CreateEmail :execrows
INSERT INTO emails (project_id, branch_id, id, source, theme_id, variables, skip_deliverability_check, is_high_priority,
                    recipient_type, user_id, recipient_emails, created_with, template_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT ON CONSTRAINT emails_pkey DO NOTHING;

-- name: NotifyWorkers :exec
SELECT pg_notify('emails', '');

-- name: PurgeEmails :exec
DELETE FROM emails WHERE project_id = $1;

-- name: DeliveryStats :one
SELECT count(*) FILTER (WHERE sent AND age < interval '1 hour')::bigint AS hour_sent,
       count(*) FILTER (WHERE bounced AND age < interval '1 hour')::bigint AS hour_bounced,
       count(*) FILTER (WHERE spam AND age < interval '1 hour')::bigint AS hour_spam,
       count(*) FILTER (WHERE sent AND age < interval '1 day')::bigint AS day_sent,
       count(*) FILTER (WHERE bounced AND age < interval '1 day')::bigint AS day_bounced,
       count(*) FILTER (WHERE spam AND age < interval '1 day')::bigint AS day_spam,
       count(*) FILTER (WHERE sent AND age < interval '7 days')::bigint AS week_sent,
       count(*) FILTER (WHERE bounced AND age < interval '7 days')::bigint AS week_bounced,
       count(*) FILTER (WHERE spam AND age < interval '7 days')::bigint AS week_spam,
       count(*) FILTER (WHERE sent)::bigint AS month_sent,
       count(*) FILTER (WHERE bounced)::bigint AS month_bounced,
       count(*) FILTER (WHERE spam)::bigint AS month_spam
FROM (
    SELECT now() - e.finished_sending_at AS age,
           e.server_error IS NULL AND e.skipped_reason IS NULL AS sent,
           e.bounced_at IS NOT NULL AS bounced,
           e.marked_as_spam_at IS NOT NULL AS spam
    FROM emails e
    WHERE e.project_id = $1 AND e.branch_id = $2 AND e.finished_sending_at > now() - interval '30 days'
) AS finished;
