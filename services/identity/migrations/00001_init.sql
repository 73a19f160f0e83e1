-- +goose Up
CREATE TABLE projects (
    id                      text        NOT NULL,
    display_name            text        NOT NULL,
    description             text        NOT NULL DEFAULT '',
    logo_url                text,
    logo_full_url           text,
    logo_dark_mode_url      text,
    logo_full_dark_mode_url text,
    is_production_mode      boolean     NOT NULL DEFAULT false,
    owner_team_id           uuid,
    onboarding_status       text        NOT NULL DEFAULT 'completed',
    -- Grows with every change of the project, its configuration or its keys.
    version                 bigint      NOT NULL DEFAULT 1,
    created_at              timestamptz NOT NULL DEFAULT now(),
    -- A deleted project does not exist for anybody; its rows go in batches.
    deleted_at              timestamptz,
    CONSTRAINT projects_pkey PRIMARY KEY (id)
);

CREATE INDEX projects_deleted_at_idx ON projects (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE INDEX projects_owner_team_id_idx ON projects (owner_team_id);

CREATE TABLE config_overrides (
    project_id text  NOT NULL,
    -- Empty for the level that covers all branches.
    branch_id  text  NOT NULL,
    level      text  NOT NULL,
    document   json  NOT NULL DEFAULT '{}',
    -- Where a branch's document was pushed from; null is unlinked.
    source     json,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT config_overrides_pkey PRIMARY KEY (project_id, branch_id, level),
    CONSTRAINT config_overrides_project_id_fk FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT config_overrides_level_check CHECK (
        (level = 'project' AND branch_id = '') OR (level IN ('branch', 'environment') AND branch_id <> '')
    )
);

CREATE TABLE api_key_sets (
    project_id                       text        NOT NULL,
    id                               uuid        NOT NULL,
    description                      text        NOT NULL,
    -- SHA-256 of the key text; null for a key the set lacks.
    publishable_client_key_hash      bytea,
    publishable_client_key_last_four text,
    secret_server_key_hash           bytea,
    secret_server_key_last_four      text,
    super_secret_admin_key_hash      bytea,
    super_secret_admin_key_last_four text,
    expires_at                       timestamptz NOT NULL,
    revoked_at                       timestamptz,
    created_at                       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT api_key_sets_pkey PRIMARY KEY (project_id, id),
    CONSTRAINT api_key_sets_project_id_fk FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT api_key_sets_publishable_client_key_hash_key UNIQUE (publishable_client_key_hash),
    CONSTRAINT api_key_sets_secret_server_key_hash_key UNIQUE (secret_server_key_hash),
    CONSTRAINT api_key_sets_super_secret_admin_key_hash_key UNIQUE (super_secret_admin_key_hash)
);

CREATE TABLE users (
    project_id                          text        NOT NULL,
    branch_id                           text        NOT NULL,
    id                                  uuid        NOT NULL,
    display_name                        text,
    profile_image_url                   text,
    client_metadata                     json,
    client_read_only_metadata           json,
    server_metadata                     json,
    selected_team_id                    uuid,
    is_anonymous                        boolean     NOT NULL DEFAULT false,
    otp_auth_enabled                    boolean     NOT NULL DEFAULT false,
    requires_totp_mfa                   boolean     NOT NULL DEFAULT false,
    -- Sealed with the key ring.
    totp_secret                         bytea,
    restricted_by_admin                 boolean     NOT NULL DEFAULT false,
    restricted_by_admin_reason          text,
    restricted_by_admin_private_details text,
    country_code                        text,
    risk_score_bot                      integer     NOT NULL DEFAULT 0,
    risk_score_free_trial_abuse         integer     NOT NULL DEFAULT 0,
    version                             bigint      NOT NULL DEFAULT 1,
    created_at                          timestamptz NOT NULL DEFAULT now(),
    signed_up_at                        timestamptz NOT NULL DEFAULT now(),
    last_active_at                      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (project_id, branch_id, id),
    CONSTRAINT users_project_id_fk FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE
);

CREATE TABLE contact_channels (
    project_id    text        NOT NULL,
    branch_id     text        NOT NULL,
    user_id       uuid        NOT NULL,
    id            uuid        NOT NULL,
    type          text        NOT NULL DEFAULT 'email',
    -- Trimmed and lower-cased.
    value         text        NOT NULL,
    is_primary    boolean     NOT NULL DEFAULT false,
    is_verified   boolean     NOT NULL DEFAULT false,
    used_for_auth boolean     NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT contact_channels_pkey PRIMARY KEY (project_id, branch_id, user_id, id),
    CONSTRAINT contact_channels_user_id_fk FOREIGN KEY (project_id, branch_id, user_id)
        REFERENCES users (project_id, branch_id, id) ON DELETE CASCADE,
    CONSTRAINT contact_channels_type_check CHECK (type = 'email'),
    CONSTRAINT contact_channels_value_key UNIQUE (project_id, branch_id, user_id, type, value)
);

CREATE UNIQUE INDEX contact_channels_is_primary_key ON contact_channels (project_id, branch_id, user_id, type) WHERE is_primary;

-- One address signs in one user.
CREATE UNIQUE INDEX contact_channels_used_for_auth_key ON contact_channels (project_id, branch_id, type, value) WHERE used_for_auth;

CREATE TABLE passwords (
    project_id text        NOT NULL,
    branch_id  text        NOT NULL,
    user_id    uuid        NOT NULL,
    -- PHC string (argon2id) or modular crypt form (imported bcrypt).
    hash       text        NOT NULL,
    -- When the password was chosen; another hash of the same password leaves
    -- it.
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT passwords_pkey PRIMARY KEY (project_id, branch_id, user_id),
    CONSTRAINT passwords_user_id_fk FOREIGN KEY (project_id, branch_id, user_id)
        REFERENCES users (project_id, branch_id, id) ON DELETE CASCADE
);

CREATE TABLE oauth_accounts (
    project_id               text        NOT NULL,
    branch_id                text        NOT NULL,
    user_id                  uuid        NOT NULL,
    id                       uuid        NOT NULL,
    provider_config_id       text        NOT NULL,
    provider_account_id      text        NOT NULL,
    email                    text,
    allow_sign_in            boolean     NOT NULL DEFAULT false,
    allow_connected_accounts boolean     NOT NULL DEFAULT false,
    created_at               timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT oauth_accounts_pkey PRIMARY KEY (project_id, branch_id, user_id, id),
    CONSTRAINT oauth_accounts_user_id_fk FOREIGN KEY (project_id, branch_id, user_id)
        REFERENCES users (project_id, branch_id, id) ON DELETE CASCADE,
    CONSTRAINT oauth_accounts_provider_account_id_key UNIQUE (project_id, branch_id, user_id, provider_config_id, provider_account_id)
);

CREATE UNIQUE INDEX oauth_accounts_sign_in_key ON oauth_accounts (project_id, branch_id, provider_config_id, provider_account_id) WHERE allow_sign_in;

CREATE UNIQUE INDEX oauth_accounts_user_sign_in_key ON oauth_accounts (project_id, branch_id, user_id, provider_config_id) WHERE allow_sign_in;

CREATE TABLE passkeys (
    project_id    text        NOT NULL,
    branch_id     text        NOT NULL,
    user_id       uuid        NOT NULL,
    credential_id text        NOT NULL,
    public_key    bytea       NOT NULL,
    sign_count    bigint      NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT passkeys_pkey PRIMARY KEY (project_id, branch_id, user_id),
    CONSTRAINT passkeys_credential_id_key UNIQUE (project_id, branch_id, credential_id),
    CONSTRAINT passkeys_user_id_fk FOREIGN KEY (project_id, branch_id, user_id)
        REFERENCES users (project_id, branch_id, id) ON DELETE CASCADE
);

-- Images uploaded as data URLs. Their public URL holds the id and nothing else
-- that could be guessed.
CREATE TABLE images (
    project_id text        NOT NULL,
    id         uuid        NOT NULL,
    branch_id  text,
    -- User whose picture it is; null for pictures of the project.
    user_id    uuid,
    format     text        NOT NULL,
    bytes      bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT images_pkey PRIMARY KEY (project_id, id),
    CONSTRAINT images_id_key UNIQUE (id),
    CONSTRAINT images_project_id_fk FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT images_user_id_fk FOREIGN KEY (project_id, branch_id, user_id)
        REFERENCES users (project_id, branch_id, id) ON DELETE CASCADE,
    CONSTRAINT images_format_check CHECK (format IN ('png', 'jpeg', 'gif', 'bmp', 'webp'))
);

CREATE INDEX images_user_id_idx ON images (project_id, branch_id, user_id) WHERE user_id IS NOT NULL;

-- Pictures are compressed already.
ALTER TABLE images ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- What the API shows of a user apart from what other contexts know, so that
-- every read of a user is one statement.
CREATE VIEW user_details AS
SELECT
    u.project_id,
    u.branch_id,
    u.id,
    u.display_name,
    u.profile_image_url,
    u.client_metadata,
    u.client_read_only_metadata,
    u.server_metadata,
    u.selected_team_id,
    u.is_anonymous,
    u.otp_auth_enabled,
    u.requires_totp_mfa,
    u.restricted_by_admin,
    u.restricted_by_admin_reason,
    u.restricted_by_admin_private_details,
    u.country_code,
    u.risk_score_bot,
    u.risk_score_free_trial_abuse,
    u.version,
    u.signed_up_at,
    u.last_active_at,
    c.value AS primary_email,
    COALESCE(c.is_verified, false) AS primary_email_verified,
    COALESCE(c.used_for_auth, false) AS primary_email_used_for_auth,
    EXISTS (
        SELECT FROM passwords p
        WHERE p.project_id = u.project_id AND p.branch_id = u.branch_id AND p.user_id = u.id
    ) AS has_password,
    EXISTS (
        SELECT FROM passkeys k
        WHERE k.project_id = u.project_id AND k.branch_id = u.branch_id AND k.user_id = u.id
    ) AS has_passkey,
    (
        SELECT json_agg(json_build_array(o.provider_config_id, o.provider_account_id, o.email) ORDER BY o.created_at, o.id)
        FROM oauth_accounts o
        WHERE o.project_id = u.project_id AND o.branch_id = u.branch_id AND o.user_id = u.id
    )::json AS oauth_accounts
FROM users u
LEFT JOIN contact_channels c
    ON c.project_id = u.project_id AND c.branch_id = u.branch_id AND c.user_id = u.id
    AND c.type = 'email' AND c.is_primary;
