-- +goose Up
-- One row is one log-in of a command-line program, from its beginning until
-- some time after it has expired.
CREATE TABLE cli_logins (
    project_id        text        NOT NULL,
    branch_id         text        NOT NULL,
    id                uuid        NOT NULL,
    -- SHA-256 of the codes.
    polling_code_hash bytea       NOT NULL,
    login_code_hash   bytea       NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    expires_at        timestamptz NOT NULL,
    -- Refresh token of the anonymous session that the program brought, sealed;
    -- null when it brought none, or when it was handed on.
    anonymous_session bytea,
    -- Refresh token for the program, sealed; null until the log-in is completed
    -- and again when the program has it.
    completed_session bytea,
    completed_at      timestamptz,
    used_at           timestamptz,
    CONSTRAINT cli_logins_pkey PRIMARY KEY (project_id, branch_id, id),
    CONSTRAINT cli_logins_polling_code_hash_key UNIQUE (polling_code_hash),
    CONSTRAINT cli_logins_login_code_hash_key UNIQUE (login_code_hash),
    CONSTRAINT cli_logins_code_hashes_check CHECK (octet_length(polling_code_hash) = 32 AND octet_length(login_code_hash) = 32),
    CONSTRAINT cli_logins_used_at_check CHECK (
        (completed_session IS NOT NULL) = (completed_at IS NOT NULL AND used_at IS NULL)
        AND (used_at IS NULL OR completed_at IS NOT NULL)
    )
);

CREATE INDEX cli_logins_expires_at_idx ON cli_logins (expires_at);
