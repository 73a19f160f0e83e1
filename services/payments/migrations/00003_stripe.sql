-- +goose Up
-- The account at the payment provider that receives what a branch of a project
-- earns.
CREATE TABLE stripe_accounts (
    project_id text        NOT NULL,
    branch_id  text        NOT NULL,
    account_id text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stripe_accounts_pkey PRIMARY KEY (project_id, branch_id),
    CONSTRAINT stripe_accounts_account_id_key UNIQUE (account_id)
);

-- Which purchase something at the provider stands for. A purchase is made once,
-- however often and in whatever order the provider tells about it.
CREATE TABLE stripe_purchases (
    project_id  text NOT NULL,
    branch_id   text NOT NULL,
    -- A subscription or a payment intent.
    stripe_id   text NOT NULL,
    purchase_id uuid NOT NULL,
    CONSTRAINT stripe_purchases_pkey PRIMARY KEY (project_id, branch_id, stripe_id)
);

-- Readings of a customer's subscriptions at the provider. A reading is numbered
-- before it is taken, and applied unless one with a higher number was.
CREATE TABLE stripe_readings (
    project_id         text   NOT NULL,
    branch_id          text   NOT NULL,
    stripe_customer_id text   NOT NULL,
    taken              bigint NOT NULL,
    applied            bigint NOT NULL DEFAULT 0,
    CONSTRAINT stripe_readings_pkey PRIMARY KEY (project_id, branch_id, stripe_customer_id)
);

-- What the provider has told, so that nobody gets a mail twice. Kept for 30
-- days.
CREATE TABLE stripe_events (
    project_id text        NOT NULL,
    id         text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stripe_events_pkey PRIMARY KEY (project_id, id)
);

CREATE INDEX stripe_events_created_at_idx ON stripe_events (created_at);

ALTER TABLE subscriptions
    ADD COLUMN stripe_subscription_id text,
    -- False until it was paid for once: until then it gives nothing.
    ADD COLUMN started boolean NOT NULL DEFAULT true,
    ADD COLUMN refunded_at timestamptz,
    ADD COLUMN refunded_quantity bigint NOT NULL DEFAULT 0;

ALTER TABLE one_time_purchases
    ADD COLUMN stripe_payment_intent_id text,
    ADD COLUMN refunded_at timestamptz,
    ADD COLUMN refunded_quantity bigint NOT NULL DEFAULT 0;

CREATE TABLE subscription_invoices (
    project_id             text        NOT NULL,
    branch_id              text        NOT NULL,
    id                     uuid        NOT NULL,
    customer_type          text        NOT NULL,
    customer_id            text        NOT NULL,
    stripe_subscription_id text        NOT NULL,
    stripe_invoice_id      text        NOT NULL,
    is_creation_invoice    boolean     NOT NULL,
    status                 text,
    -- In the currency's smallest coin.
    amount_total           bigint,
    hosted_invoice_url     text,
    created_at             timestamptz NOT NULL,
    CONSTRAINT subscription_invoices_pkey PRIMARY KEY (project_id, branch_id, id),
    CONSTRAINT subscription_invoices_stripe_invoice_id_key UNIQUE (project_id, branch_id, stripe_invoice_id)
);

CREATE INDEX subscription_invoices_customer_idx
    ON subscription_invoices (project_id, branch_id, customer_type, customer_id, created_at, id);
CREATE INDEX subscription_invoices_subscription_idx
    ON subscription_invoices (project_id, branch_id, stripe_subscription_id);
CREATE INDEX subscription_invoices_created_at_idx ON subscription_invoices (project_id, branch_id, created_at, id);

-- Products as they were sold. The provider carries only the id.
CREATE TABLE product_versions (
    project_id text NOT NULL,
    branch_id  text NOT NULL,
    id         text NOT NULL,
    product_id text,
    product    json NOT NULL,
    CONSTRAINT product_versions_pkey PRIMARY KEY (project_id, branch_id, id)
);

-- One refund of each purchase. It is written down before the money is sent back
-- and completed after.
CREATE TABLE refunds (
    project_id   text        NOT NULL,
    branch_id    text        NOT NULL,
    purchase_id  uuid        NOT NULL,
    -- What was asked for.
    entries      json        NOT NULL,
    quantity     bigint      NOT NULL,
    -- In the currency's smallest coin.
    amount       bigint      NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    CONSTRAINT refunds_pkey PRIMARY KEY (project_id, branch_id, purchase_id)
);

-- Answers to requests that carried an idempotency key. Kept for a day.
CREATE TABLE idempotency_keys (
    project_id  text        NOT NULL,
    branch_id   text        NOT NULL,
    operation   text        NOT NULL,
    -- Who sent it.
    actor       text        NOT NULL,
    key         text        NOT NULL,
    -- Digest of the request.
    fingerprint bytea       NOT NULL,
    answer      json        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (project_id, branch_id, operation, actor, key)
);

CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
