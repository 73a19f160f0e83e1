-- +goose Up
-- Keys that users and teams give to their programs. The hash is unique among
-- all projects, because a secret scanner knows nothing but the key.
CREATE TABLE api_keys (
    project_id  text        NOT NULL,
    branch_id   text        NOT NULL,
    id          uuid        NOT NULL,
    owner_type  text        NOT NULL,
    owner_id    uuid        NOT NULL,
    description text        NOT NULL,
    is_public   boolean     NOT NULL,
    -- SHA-256 of the key.
    key_hash    bytea       NOT NULL,
    last_four   text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- Null when the key never expires.
    expires_at  timestamptz,
    revoked_at  timestamptz,
    version     bigint      NOT NULL DEFAULT 1,
    CONSTRAINT api_keys_pkey PRIMARY KEY (project_id, branch_id, id),
    CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash),
    CONSTRAINT api_keys_key_hash_check CHECK (octet_length(key_hash) = 32),
    CONSTRAINT api_keys_owner_type_check CHECK (owner_type IN ('user', 'team'))
);

CREATE INDEX api_keys_owner_id_idx ON api_keys (project_id, branch_id, owner_type, owner_id, created_at);

-- Teams that are gone. A key whose creation arrives late must not outlive its
-- team.
CREATE TABLE deleted_teams (
    project_id text        NOT NULL,
    branch_id  text        NOT NULL,
    team_id    uuid        NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT deleted_teams_pkey PRIMARY KEY (project_id, branch_id, team_id)
);

CREATE INDEX deleted_teams_deleted_at_idx ON deleted_teams (deleted_at);
