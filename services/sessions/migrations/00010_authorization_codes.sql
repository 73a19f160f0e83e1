-- +goose Up
-- OAuth authorization codes. A spent one stays for a while: whoever presents it
-- again ends the session it was exchanged for.
CREATE TABLE authorization_codes (
    project_id                  text        NOT NULL,
    branch_id                   text        NOT NULL,
    -- SHA-256 of the code.
    code_hash                   bytea       NOT NULL,
    user_id                     uuid        NOT NULL,
    redirect_uri                text        NOT NULL,
    code_challenge              text        NOT NULL,
    code_challenge_method       text        NOT NULL,
    is_new_user                 boolean     NOT NULL,
    after_callback_redirect_url text,
    -- The session that is handed over to another domain, and its refresh token,
    -- sealed; null for a code that opens a session.
    handed_over_session_id      uuid,
    handed_over_refresh_token   bytea,
    -- The session that the code was exchanged for.
    issued_session_id           uuid,
    created_at                  timestamptz NOT NULL DEFAULT now(),
    expires_at                  timestamptz NOT NULL,
    used_at                     timestamptz,
    CONSTRAINT authorization_codes_pkey PRIMARY KEY (project_id, branch_id, code_hash),
    CONSTRAINT authorization_codes_code_hash_check CHECK (octet_length(code_hash) = 32),
    CONSTRAINT authorization_codes_code_challenge_method_check CHECK (code_challenge_method IN ('S256', 'plain'))
);

CREATE INDEX authorization_codes_user_id_idx ON authorization_codes (project_id, branch_id, user_id);
CREATE INDEX authorization_codes_expires_at_idx ON authorization_codes (expires_at);
