-- +goose Up
-- The short name of a branch of a project in purchase codes.
CREATE TABLE tenancies (
    id         uuid NOT NULL,
    project_id text NOT NULL,
    branch_id  text NOT NULL,
    CONSTRAINT tenancies_pkey PRIMARY KEY (id),
    CONSTRAINT tenancies_branch_key UNIQUE (project_id, branch_id)
);

CREATE TABLE subscriptions (
    project_id           text        NOT NULL,
    branch_id            text        NOT NULL,
    id                   uuid        NOT NULL,
    customer_type        text        NOT NULL,
    customer_id          text        NOT NULL,
    -- Null for an inline product.
    product_id           text,
    price_id             text,
    -- The product as it was bought.
    product              json        NOT NULL,
    quantity             bigint      NOT NULL,
    status               text        NOT NULL,
    current_period_start timestamptz NOT NULL,
    current_period_end   timestamptz NOT NULL,
    cancel_at_period_end boolean     NOT NULL DEFAULT false,
    canceled_at          timestamptz,
    ended_at             timestamptz,
    creation_source      text        NOT NULL,
    version              bigint      NOT NULL DEFAULT 1,
    created_at           timestamptz NOT NULL,
    CONSTRAINT subscriptions_pkey PRIMARY KEY (project_id, branch_id, id),
    CONSTRAINT subscriptions_customer_fk FOREIGN KEY (project_id, branch_id, customer_type, customer_id)
        REFERENCES customers (project_id, branch_id, customer_type, customer_id)
);

CREATE INDEX subscriptions_customer_idx ON subscriptions (project_id, branch_id, customer_type, customer_id, created_at);
CREATE INDEX subscriptions_created_at_idx ON subscriptions (project_id, branch_id, created_at, id);

CREATE TABLE one_time_purchases (
    project_id      text        NOT NULL,
    branch_id       text        NOT NULL,
    id              uuid        NOT NULL,
    customer_type   text        NOT NULL,
    customer_id     text        NOT NULL,
    product_id      text,
    price_id        text,
    product         json        NOT NULL,
    quantity        bigint      NOT NULL,
    revoked_at      timestamptz,
    creation_source text        NOT NULL,
    created_at      timestamptz NOT NULL,
    CONSTRAINT one_time_purchases_pkey PRIMARY KEY (project_id, branch_id, id),
    CONSTRAINT one_time_purchases_customer_fk FOREIGN KEY (project_id, branch_id, customer_type, customer_id)
        REFERENCES customers (project_id, branch_id, customer_type, customer_id)
);

CREATE INDEX one_time_purchases_customer_idx ON one_time_purchases (project_id, branch_id, customer_type, customer_id, created_at);
CREATE INDEX one_time_purchases_created_at_idx ON one_time_purchases (project_id, branch_id, created_at, id);

CREATE INDEX item_quantity_changes_created_at_idx ON item_quantity_changes (project_id, branch_id, created_at, id);
