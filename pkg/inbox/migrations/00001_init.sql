-- +goose Up
CREATE TABLE inbox (
    consumer    text        NOT NULL,
    event_id    uuid        NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id)
);

CREATE INDEX inbox_received_at_idx ON inbox (received_at);

-- Events that failed too often, for an operator to look at.
CREATE TABLE inbox_parked (
    consumer   text        NOT NULL,
    event_id   uuid        NOT NULL,
    subject    text        NOT NULL,
    -- events.v1.Envelope
    payload    bytea       NOT NULL,
    attempts   bigint      NOT NULL,
    last_error text        NOT NULL,
    parked_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT inbox_parked_pkey PRIMARY KEY (consumer, event_id)
);
