-- +goose Up
-- Subscriptions that must end at the payment provider because whoever pays for
-- them is gone. The account there stands for the project, which may be gone too.
CREATE TABLE stripe_endings (
    account_id             text        NOT NULL,
    -- Empty for all subscriptions on the account.
    stripe_subscription_id text        NOT NULL,
    attempts               integer     NOT NULL DEFAULT 0,
    -- While a worker ends it, this is the end of its lease.
    next_attempt_at        timestamptz NOT NULL DEFAULT now(),
    created_at             timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stripe_endings_pkey PRIMARY KEY (account_id, stripe_subscription_id)
);

CREATE INDEX stripe_endings_next_attempt_at_idx ON stripe_endings (next_attempt_at);
