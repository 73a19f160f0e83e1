-- +goose Up
CREATE TABLE one_time_codes (
    project_id  text        NOT NULL,
    branch_id   text        NOT NULL,
    id          uuid        NOT NULL,
    kind        text        NOT NULL,
    -- HMAC-SHA-256 of the whole code and of its nonce.
    code_hash   bytea       NOT NULL,
    suffix_hash bytea       NOT NULL,
    -- json, not jsonb: what was put in comes out, byte for byte.
    data        json        NOT NULL,
    attempts    integer     NOT NULL DEFAULT 0,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT one_time_codes_pkey PRIMARY KEY (project_id, branch_id, id)
);

CREATE INDEX one_time_codes_suffix_hash_idx ON one_time_codes (project_id, branch_id, suffix_hash);

CREATE INDEX one_time_codes_expires_at_idx ON one_time_codes (expires_at);
