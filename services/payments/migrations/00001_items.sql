-- +goose Up
-- Customers that own something, and users and teams that were deleted: nothing
-- may be entered for those any more.
CREATE TABLE customers (
    project_id    text        NOT NULL,
    branch_id     text        NOT NULL,
    customer_type text        NOT NULL,
    customer_id   text        NOT NULL,
    deleted_at    timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT customers_pkey PRIMARY KEY (project_id, branch_id, customer_type, customer_id)
);

-- How much of an item a customer has, folded from everything that happened. A
-- row is locked for every change, and never changed without an entry in the
-- ledger or a purchase in the same transaction.
CREATE TABLE item_accounts (
    project_id    text        NOT NULL,
    branch_id     text        NOT NULL,
    customer_type text        NOT NULL,
    customer_id   text        NOT NULL,
    item_id       text        NOT NULL,
    -- The quantity as of the last change; what changes by itself is in state.
    balance       numeric     NOT NULL,
    state         json        NOT NULL,
    version       bigint      NOT NULL DEFAULT 0,
    CONSTRAINT item_accounts_pkey PRIMARY KEY (project_id, branch_id, customer_type, customer_id, item_id),
    CONSTRAINT item_accounts_customer_fk FOREIGN KEY (project_id, branch_id, customer_type, customer_id)
        REFERENCES customers (project_id, branch_id, customer_type, customer_id)
);

-- The ledger of quantities changed by hand. Rows are only ever added.
CREATE TABLE item_quantity_changes (
    project_id    text        NOT NULL,
    branch_id     text        NOT NULL,
    id            uuid        NOT NULL,
    customer_type text        NOT NULL,
    customer_id   text        NOT NULL,
    item_id       text        NOT NULL,
    quantity      bigint      NOT NULL,
    description   text,
    expires_at    timestamptz,
    created_at    timestamptz NOT NULL,
    CONSTRAINT item_quantity_changes_pkey PRIMARY KEY (project_id, branch_id, id)
);

CREATE INDEX item_quantity_changes_item_idx
    ON item_quantity_changes (project_id, branch_id, customer_type, customer_id, item_id, created_at);
