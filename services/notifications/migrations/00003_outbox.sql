-- +goose Up

-- Mails as the API tells of them. The first rule that fits decides
-- (notifications.md §5.2); domain.Progress has the same rules.
CREATE VIEW outbox_emails AS
SELECT e.*,
       CASE
           WHEN e.is_paused THEN 'paused'
           WHEN e.skipped_reason IS NOT NULL THEN 'skipped'
           WHEN e.started_rendering_at IS NULL THEN 'preparing'
           WHEN e.finished_rendering_at IS NULL THEN 'rendering'
           WHEN e.render_error IS NOT NULL THEN 'render-error'
           WHEN e.started_sending_at IS NULL AND NOT e.is_queued THEN 'scheduled'
           WHEN e.started_sending_at IS NULL THEN 'queued'
           WHEN e.finished_sending_at IS NULL THEN 'sending'
           WHEN e.can_have_delivery_info AND e.delivered_at IS NULL AND e.bounced_at IS NULL AND e.delivery_delayed_at IS NULL THEN 'sending'
           WHEN e.server_error IS NOT NULL THEN 'server-error'
           WHEN NOT e.can_have_delivery_info THEN 'sent'
           WHEN e.marked_as_spam_at IS NOT NULL THEN 'marked-as-spam'
           WHEN e.clicked_at IS NOT NULL THEN 'clicked'
           WHEN e.opened_at IS NOT NULL THEN 'opened'
           WHEN e.bounced_at IS NOT NULL THEN 'bounced'
           WHEN e.delivery_delayed_at IS NOT NULL THEN 'delivery-delayed'
           ELSE 'sent'
       END::text AS status
FROM emails e;

-- Until when a tenant sends faster.
CREATE TABLE email_capacity_boosts (
    project_id text        NOT NULL,
    branch_id  text        NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT email_capacity_boosts_pkey PRIMARY KEY (project_id, branch_id)
);

-- Mails that are being written.
CREATE TABLE email_drafts (
    project_id   text        NOT NULL,
    branch_id    text        NOT NULL,
    id           uuid        NOT NULL,
    display_name text        NOT NULL,
    source       text        NOT NULL,
    -- project, none or chosen: which theme applies.
    theme_mode   text        NOT NULL,
    theme_id     uuid,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    sent_at      timestamptz,
    CONSTRAINT email_drafts_pkey PRIMARY KEY (project_id, branch_id, id),
    CONSTRAINT email_drafts_theme_check CHECK (
        theme_mode IN ('project', 'none') AND theme_id IS NULL OR theme_mode = 'chosen' AND theme_id IS NOT NULL)
);

CREATE INDEX email_drafts_updated_idx ON email_drafts (project_id, branch_id, updated_at DESC, id);

-- Addresses that mail servers have refused for good, by the SHA-256 of the
-- address in lower case.
CREATE TABLE refused_addresses (
    project_id   text        NOT NULL,
    branch_id    text        NOT NULL,
    address_hash bytea       NOT NULL,
    refusals     integer     NOT NULL DEFAULT 1,
    refused_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT refused_addresses_pkey PRIMARY KEY (project_id, branch_id, address_hash)
);

CREATE INDEX refused_addresses_refused_idx ON refused_addresses (refused_at);
