-- +goose Up
-- One row is one signed-in device. Every refresh updates the row in place, so
-- no index holds a column that a refresh writes and pages keep room for the
-- next version of their rows.
CREATE TABLE sessions (
    project_id       text        NOT NULL,
    branch_id        text        NOT NULL,
    id               uuid        NOT NULL,
    user_id          uuid        NOT NULL,
    -- SHA-256 of the refresh token.
    token_hash       bytea       NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_active_at   timestamptz NOT NULL DEFAULT now(),
    last_ip_info     json,
    expires_at       timestamptz NOT NULL,
    is_impersonation boolean     NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (project_id, branch_id, id),
    CONSTRAINT sessions_token_hash_key UNIQUE (token_hash),
    CONSTRAINT sessions_token_hash_check CHECK (octet_length(token_hash) = 32)
) WITH (fillfactor = 80);

CREATE INDEX sessions_user_id_idx ON sessions (project_id, branch_id, user_id, created_at);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- The two published keys of each audience: the active one, and the next or the
-- retired one. The unique state is what keeps two replicas from making or
-- rotating keys twice.
CREATE TABLE signing_keys (
    project_id   text        NOT NULL,
    audience     text        NOT NULL,
    kid          text        NOT NULL,
    state        text        NOT NULL,
    -- PKCS #8, sealed.
    private_key  bytea       NOT NULL,
    -- Coordinates of the public point, 32 bytes each.
    x            bytea       NOT NULL,
    y            bytea       NOT NULL,
    created_at   timestamptz NOT NULL,
    activated_at timestamptz,
    retired_at   timestamptz,
    CONSTRAINT signing_keys_pkey PRIMARY KEY (project_id, audience, kid),
    CONSTRAINT signing_keys_kid_key UNIQUE (kid),
    CONSTRAINT signing_keys_audience_state_key UNIQUE (audience, state),
    CONSTRAINT signing_keys_state_check CHECK (
        (state = 'next' AND activated_at IS NULL AND retired_at IS NULL)
        OR (state = 'active' AND activated_at IS NOT NULL AND retired_at IS NULL)
        OR (state = 'retired' AND activated_at IS NOT NULL AND retired_at IS NOT NULL)
    ),
    CONSTRAINT signing_keys_audience_check CHECK (
        audience IN (project_id, project_id || ':restricted', project_id || ':anon')
    ),
    CONSTRAINT signing_keys_xy_check CHECK (octet_length(x) = 32 AND octet_length(y) = 32)
);

-- Users and projects that identity has deleted. A session or key whose creation
-- arrives late must not outlive them.
CREATE TABLE deleted_users (
    project_id text        NOT NULL,
    branch_id  text        NOT NULL,
    user_id    uuid        NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT deleted_users_pkey PRIMARY KEY (project_id, branch_id, user_id)
);

CREATE INDEX deleted_users_deleted_at_idx ON deleted_users (deleted_at);

CREATE TABLE deleted_projects (
    project_id text        NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT deleted_projects_pkey PRIMARY KEY (project_id)
);
