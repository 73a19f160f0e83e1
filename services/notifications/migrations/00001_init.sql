-- +goose Up

-- One row is one mail. It outlives its user.
--
-- What a mail says is sealed (AES-256-GCM): links and codes in it open
-- accounts, and a copy of this table must not.
CREATE TABLE emails (
    project_id text        NOT NULL,
    branch_id  text        NOT NULL,
    id         uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),

    -- Content, as it was when the mail was queued.
    source                    text    NOT NULL,
    theme_id                  uuid,           -- null: no theme
    variables                 bytea   NOT NULL, -- sealed JSON object
    override_subject          text,
    override_category_id      uuid,
    skip_deliverability_check boolean NOT NULL,
    is_high_priority          boolean NOT NULL,

    recipient_type   text   NOT NULL,
    user_id          uuid,
    recipient_emails text[] NOT NULL,

    created_with text NOT NULL,
    draft_id     uuid,
    template_id  uuid, -- null with created_with programmatic-call: raw HTML

    -- Control.
    is_paused       boolean     NOT NULL DEFAULT false,
    scheduled_at    timestamptz NOT NULL DEFAULT now(),
    is_queued       boolean     NOT NULL DEFAULT false,
    skipped_reason  text,
    skipped_details json,
    -- Workers leave the row alone until then, because something else was away.
    deferred_until  timestamptz NOT NULL DEFAULT now(),

    -- Rendering. The worker id is new for every claim.
    render_worker_id      uuid,
    started_rendering_at  timestamptz,
    finished_rendering_at timestamptz,
    rendered              bytea,   -- sealed JSON: subject, html, text
    is_transactional      boolean,
    category_id           uuid,
    render_error          json,

    -- Sending. A row is claimed first and handed over next: between the two
    -- it can be given to another worker, after that it could arrive twice.
    send_worker_id        uuid,
    started_sending_at    timestamptz,
    handed_over_at        timestamptz,
    finished_sending_at   timestamptz,
    can_have_delivery_info boolean,
    send_retries          integer NOT NULL DEFAULT 0,
    next_send_retry_at    timestamptz,
    send_attempt_errors   json,
    server_error          json,

    -- Delivery, as far as a provider tells.
    delivered_at        timestamptz,
    delivery_delayed_at timestamptz,
    bounced_at          timestamptz,
    opened_at           timestamptz,
    clicked_at          timestamptz,
    marked_as_spam_at   timestamptz,
    unsubscribed_at     timestamptz,

    -- Known once rendered: 100 if high, and 10 if transactional.
    priority integer NOT NULL GENERATED ALWAYS AS (
        CASE WHEN is_high_priority THEN 100 ELSE 0 END + CASE WHEN is_transactional THEN 10 ELSE 0 END
    ) STORED,

    CONSTRAINT emails_pkey PRIMARY KEY (project_id, branch_id, id),
    CONSTRAINT emails_recipient_check CHECK (
        recipient_type = 'custom-emails' AND user_id IS NULL
        OR recipient_type = 'user-primary-email' AND user_id IS NOT NULL AND recipient_emails = '{}'
        OR recipient_type = 'user-custom-emails' AND user_id IS NOT NULL),
    CONSTRAINT emails_created_with_check CHECK (
        created_with = 'draft' AND draft_id IS NOT NULL AND template_id IS NULL
        OR created_with = 'programmatic-call' AND draft_id IS NULL),
    CONSTRAINT emails_skipped_check CHECK ((skipped_reason IS NULL) = (skipped_details IS NULL)),
    CONSTRAINT emails_render_claim_check CHECK ((render_worker_id IS NULL) = (started_rendering_at IS NULL)),
    CONSTRAINT emails_render_result_check CHECK (
        CASE WHEN finished_rendering_at IS NULL THEN rendered IS NULL AND render_error IS NULL
             ELSE started_rendering_at IS NOT NULL AND (rendered IS NULL) <> (render_error IS NULL) END),
    CONSTRAINT emails_rendered_check CHECK ((rendered IS NULL) = (is_transactional IS NULL)),
    CONSTRAINT emails_send_claim_check CHECK ((send_worker_id IS NULL) = (started_sending_at IS NULL)),
    CONSTRAINT emails_handed_over_check CHECK (handed_over_at IS NULL OR started_sending_at IS NOT NULL),
    CONSTRAINT emails_finished_check CHECK (
        (finished_sending_at IS NULL) = (can_have_delivery_info IS NULL)
        AND (finished_sending_at IS NULL OR started_sending_at IS NOT NULL)),
    CONSTRAINT emails_delivery_check CHECK (num_nonnulls(delivered_at, delivery_delayed_at, bounced_at) <= 1),
    CONSTRAINT emails_clicked_check CHECK (clicked_at IS NULL OR opened_at IS NOT NULL)
) WITH (fillfactor = 80);

-- One index for each question the worker asks, holding only the rows that can
-- be an answer; a finished mail is in none of them.
CREATE INDEX emails_to_render_idx ON emails (created_at)
    WHERE render_worker_id IS NULL AND NOT is_paused AND skipped_reason IS NULL;
CREATE INDEX emails_rendering_idx ON emails (started_rendering_at)
    WHERE render_worker_id IS NOT NULL AND finished_rendering_at IS NULL;
CREATE INDEX emails_to_queue_idx ON emails (scheduled_at)
    WHERE rendered IS NOT NULL AND NOT is_queued AND started_sending_at IS NULL AND NOT is_paused AND skipped_reason IS NULL;
CREATE INDEX emails_to_send_idx ON emails (project_id, branch_id, priority DESC, scheduled_at, created_at)
    WHERE is_queued AND started_sending_at IS NULL AND NOT is_paused AND skipped_reason IS NULL;
CREATE INDEX emails_sending_idx ON emails (started_sending_at)
    WHERE started_sending_at IS NOT NULL AND finished_sending_at IS NULL;

-- How fast a tenant may send depends on what became of its mails.
CREATE INDEX emails_finished_idx ON emails (project_id, branch_id, finished_sending_at) WHERE finished_sending_at IS NOT NULL;
-- How much of its burst a tenant has used.
CREATE INDEX emails_burst_idx ON emails (project_id, branch_id, started_sending_at) WHERE priority >= 110 AND started_sending_at IS NOT NULL;
-- The outbox as the API lists it.
CREATE INDEX emails_created_idx ON emails (project_id, branch_id, created_at DESC, id);

-- When the workers last handed out capacity, in one row for all of them.
CREATE TABLE email_queue_steps (
    id               boolean     NOT NULL DEFAULT true,
    last_executed_at timestamptz NOT NULL,
    CONSTRAINT email_queue_steps_pkey PRIMARY KEY (id),
    CONSTRAINT email_queue_steps_id_check CHECK (id)
);

-- Explicit choices only; who never chose gets the default of the category.
CREATE TABLE notification_preferences (
    project_id  text        NOT NULL,
    branch_id   text        NOT NULL,
    user_id     uuid        NOT NULL,
    category_id uuid        NOT NULL,
    enabled     boolean     NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT notification_preferences_pkey PRIMARY KEY (project_id, branch_id, user_id, category_id)
);
