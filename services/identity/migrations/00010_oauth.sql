-- +goose Up
-- Sign-ins that are on their way through an OAuth provider.
CREATE TABLE oauth_authorizations (
    project_id text        NOT NULL,
    branch_id  text        NOT NULL,
    -- SHA-256 of the state, which is random and a secret of its own.
    state_hash bytea       NOT NULL,
    -- What the app asked for, and the secrets towards the provider; sealed.
    request    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT oauth_authorizations_pkey PRIMARY KEY (project_id, branch_id, state_hash),
    CONSTRAINT oauth_authorizations_state_hash_key UNIQUE (state_hash),
    CONSTRAINT oauth_authorizations_project_id_fk FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE
);

CREATE INDEX oauth_authorizations_created_at_idx ON oauth_authorizations (created_at);

-- Tokens of providers for accounts of users. One that the provider refuses is
-- deleted.
CREATE TABLE oauth_tokens (
    project_id       text        NOT NULL,
    branch_id        text        NOT NULL,
    user_id          uuid        NOT NULL,
    oauth_account_id uuid        NOT NULL,
    id               uuid        NOT NULL,
    kind             text        NOT NULL,
    -- Sealed.
    token            bytea       NOT NULL,
    scopes           text[]      NOT NULL,
    -- Null for a token that does not tell when it ends.
    expires_at       timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT oauth_tokens_pkey PRIMARY KEY (project_id, branch_id, user_id, oauth_account_id, id),
    CONSTRAINT oauth_tokens_oauth_account_id_fk FOREIGN KEY (project_id, branch_id, user_id, oauth_account_id)
        REFERENCES oauth_accounts (project_id, branch_id, user_id, id) ON DELETE CASCADE,
    CONSTRAINT oauth_tokens_kind_check CHECK (kind IN ('access', 'refresh'))
);
