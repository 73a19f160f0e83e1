-- +goose Up
CREATE TABLE courier_mails (
    project_id      text        NOT NULL,
    id              uuid        NOT NULL,
    -- Sealed JSON of a Mail.
    payload         bytea       NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    -- While a worker hands the mail over, this is the end of its lease.
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT courier_mails_pkey PRIMARY KEY (project_id, id)
);

CREATE INDEX courier_mails_next_attempt_at_idx ON courier_mails (next_attempt_at);
