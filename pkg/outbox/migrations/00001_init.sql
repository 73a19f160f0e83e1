-- +goose Up
CREATE TABLE outbox (
    -- The event's id, also its idempotency key on the stream.
    id                uuid        NOT NULL,
    seq               bigint      GENERATED ALWAYS AS IDENTITY,
    subject           text        NOT NULL,
    project_id        text        NOT NULL,
    aggregate         text        NOT NULL,
    aggregate_version bigint      NOT NULL,
    -- events.v1.Envelope
    payload           bytea       NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    published_at      timestamptz,
    CONSTRAINT outbox_pkey PRIMARY KEY (id)
);

CREATE INDEX outbox_unpublished_idx ON outbox (seq) WHERE published_at IS NULL;

CREATE INDEX outbox_created_at_idx ON outbox (created_at);
