-- name: CreateUserEmails :exec
-- One mail for each user, alike but for what is sealed for each row.
INSERT INTO emails (project_id, branch_id, id, source, theme_id, variables, override_subject, override_category_id,
                    skip_deliverability_check, is_high_priority, recipient_type, user_id, recipient_emails,
                    created_with, draft_id, template_id, scheduled_at)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, item.id, sqlc.arg(source)::text, sqlc.narg(theme_id)::uuid, item.variables,
       sqlc.narg(override_subject)::text, sqlc.narg(override_category_id)::uuid, false, sqlc.arg(is_high_priority)::boolean,
       'user-primary-email', item.user_id, '{}', sqlc.arg(created_with)::text, sqlc.narg(draft_id)::uuid, sqlc.narg(template_id)::uuid,
       coalesce(sqlc.narg(scheduled_at)::timestamptz, now())
FROM (SELECT unnest(sqlc.arg(ids)::uuid[]) AS id, unnest(sqlc.arg(user_ids)::uuid[]) AS user_id, unnest(sqlc.arg(variables)::bytea[]) AS variables) AS item;

-- name: OutboxEmail :one
SELECT * FROM outbox_emails o WHERE o.project_id = $1 AND o.branch_id = $2 AND o.id = $3;

-- name: OutboxPage :many
-- Which mails a page would have, and how much they say.
SELECT o.id, octet_length(o.source)::bigint + coalesce(octet_length(o.rendered), 0)::bigint + octet_length(o.variables)::bigint AS bytes FROM outbox_emails o
WHERE o.project_id = $1 AND o.branch_id = $2
  AND (sqlc.narg(statuses)::text[] IS NULL OR o.status = ANY(sqlc.narg(statuses)::text[]))
  AND (sqlc.narg(cursor)::uuid IS NULL OR EXISTS (
      SELECT FROM emails c
      WHERE c.project_id = $1 AND c.branch_id = $2 AND c.id = sqlc.narg(cursor)::uuid
        AND (o.created_at < c.created_at OR o.created_at = c.created_at AND o.id >= c.id)))
ORDER BY o.created_at DESC, o.id
LIMIT sqlc.arg(max_rows);

-- name: OutboxEmails :many
SELECT * FROM outbox_emails o
WHERE o.project_id = $1 AND o.branch_id = $2 AND o.id = ANY(sqlc.arg(ids)::uuid[])
ORDER BY o.created_at DESC, o.id;

-- name: CancelEmail :execrows
UPDATE emails
SET is_paused = false, is_queued = false, next_send_retry_at = NULL, skipped_reason = 'MANUALLY_CANCELLED', skipped_details = '{}', updated_at = now()
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND (is_paused OR skipped_reason IS NULL) AND (started_sending_at IS NULL OR finished_sending_at IS NOT NULL AND (is_paused OR server_error IS NOT NULL));

-- name: EditEmail :execrows
-- Whether the mail may still be changed is decided by the statement that
-- changes it. Changed content begins from the start: a worker that holds the
-- mail finds its claim gone.
UPDATE emails
SET source                    = coalesce(sqlc.narg(source), source),
    theme_id                  = CASE WHEN sqlc.arg(sets_theme)::boolean THEN sqlc.narg(theme_id)::uuid ELSE theme_id END,
    recipient_type            = coalesce(sqlc.narg(recipient_type), recipient_type),
    user_id                   = CASE WHEN sqlc.narg(recipient_type)::text IS NULL THEN user_id ELSE sqlc.narg(user_id)::uuid END,
    recipient_emails          = CASE WHEN sqlc.narg(recipient_type)::text IS NULL THEN recipient_emails ELSE coalesce(sqlc.narg(recipient_emails)::text[], '{}') END,
    variables                 = coalesce(sqlc.narg(variables), variables),
    skip_deliverability_check = coalesce(sqlc.narg(skip_deliverability_check), skip_deliverability_check),
    scheduled_at              = coalesce(sqlc.narg(scheduled_at), scheduled_at),
    is_paused                 = coalesce(sqlc.narg(is_paused), is_paused),
    is_queued                 = is_queued AND NOT sqlc.arg(resets)::boolean AND sqlc.narg(scheduled_at)::timestamptz IS NULL,
    deferred_until            = CASE WHEN sqlc.arg(resets)::boolean THEN now() ELSE deferred_until END,
    render_worker_id          = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE render_worker_id END,
    started_rendering_at      = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE started_rendering_at END,
    finished_rendering_at     = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE finished_rendering_at END,
    rendered                  = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE rendered END,
    is_transactional          = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE is_transactional END,
    category_id               = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE category_id END,
    render_error              = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE render_error END,
    send_worker_id            = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE send_worker_id END,
    started_sending_at        = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE started_sending_at END,
    handed_over_at            = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE handed_over_at END,
    finished_sending_at       = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE finished_sending_at END,
    can_have_delivery_info    = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE can_have_delivery_info END,
    send_retries              = CASE WHEN sqlc.arg(resets)::boolean THEN 0 ELSE send_retries END,
    next_send_retry_at        = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE next_send_retry_at END,
    send_attempt_errors       = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE send_attempt_errors END,
    server_error              = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE server_error END,
    delivered_at              = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE delivered_at END,
    delivery_delayed_at       = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE delivery_delayed_at END,
    bounced_at                = CASE WHEN sqlc.arg(resets)::boolean THEN NULL ELSE bounced_at END,
    updated_at                = now()
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND (is_paused OR skipped_reason IS NULL) AND (started_sending_at IS NULL OR finished_sending_at IS NOT NULL AND (is_paused OR server_error IS NOT NULL));

-- name: CapacityBoost :one
SELECT expires_at, expires_at > now() AS active FROM email_capacity_boosts WHERE project_id = $1 AND branch_id = $2;

-- name: BoostCapacity :one
INSERT INTO email_capacity_boosts AS b (project_id, branch_id, expires_at)
VALUES ($1, $2, now() + make_interval(secs => sqlc.arg(boost_seconds)::float8))
ON CONFLICT ON CONSTRAINT email_capacity_boosts_pkey DO UPDATE SET expires_at = excluded.expires_at
WHERE b.expires_at <= now()
RETURNING expires_at;

-- name: PurgeCapacityBoosts :exec
DELETE FROM email_capacity_boosts WHERE project_id = $1;

-- name: RefusedAddresses :many
SELECT address_hash FROM refused_addresses
WHERE project_id = $1 AND branch_id = $2 AND address_hash = ANY(sqlc.arg(hashes)::bytea[])
  AND refusals >= sqlc.arg(min_refusals) AND refused_at > now() - make_interval(secs => sqlc.arg(age_seconds)::float8);

-- name: RecordRefusal :exec
INSERT INTO refused_addresses AS r (project_id, branch_id, address_hash) VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT refused_addresses_pkey DO UPDATE SET refusals = r.refusals + 1, refused_at = now();

-- name: ForgiveAddresses :exec
DELETE FROM refused_addresses WHERE project_id = $1 AND branch_id = $2 AND address_hash = ANY(sqlc.arg(hashes)::bytea[]);

-- name: PurgeRefusedAddresses :exec
DELETE FROM refused_addresses WHERE project_id = $1;

-- name: ForgetRefusedAddresses :exec
-- Of all projects: what is too old to matter.
DELETE FROM refused_addresses WHERE refused_at < now() - make_interval(secs => sqlc.arg(kept_seconds)::float8);

-- name: FailedEmails :many
-- Of all projects: for scheduled calls of the platform's operators.
SELECT e.project_id, e.branch_id, e.id, e.recipient_type, e.user_id, e.recipient_emails, e.override_subject, e.rendered
FROM emails e
WHERE e.created_at > now() - make_interval(secs => sqlc.arg(age_seconds)::float8)
  AND (e.render_error IS NOT NULL OR e.server_error IS NOT NULL) AND NOT e.is_paused AND e.skipped_reason IS NULL
ORDER BY e.created_at DESC, e.id
LIMIT sqlc.arg(max_rows);
