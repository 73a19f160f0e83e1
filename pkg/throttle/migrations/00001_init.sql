-- +goose Up
-- Worth a little when lost, written often: a key that is found in time keeps
-- its row in place.
CREATE TABLE throttles (
    key     text        NOT NULL,
    -- When the burst is full again.
    full_at timestamptz NOT NULL,
    CONSTRAINT throttles_pkey PRIMARY KEY (key)
) WITH (fillfactor = 70);
