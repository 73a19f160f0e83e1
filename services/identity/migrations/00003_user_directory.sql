-- +goose Up
-- Trusted: the owner of the database may create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- When users were last active. It changes with every access token, so it stays
-- apart from what users are, whose indexes it would make grow. In users the
-- time of creation is left.
CREATE TABLE user_activity (
    project_id     text        NOT NULL,
    branch_id      text        NOT NULL,
    user_id        uuid        NOT NULL,
    last_active_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_activity_pkey PRIMARY KEY (project_id, branch_id, user_id),
    CONSTRAINT user_activity_user_id_fk FOREIGN KEY (project_id, branch_id, user_id)
        REFERENCES users (project_id, branch_id, id) ON DELETE CASCADE
);

CREATE INDEX user_activity_last_active_at_idx ON user_activity (project_id, branch_id, last_active_at, user_id);

-- What users are found by: their name and all their addresses, in lower case,
-- one a line. One text per user lets the planner weigh the index against walking
-- the list in its order.
CREATE TABLE user_search_texts (
    project_id text NOT NULL,
    branch_id  text NOT NULL,
    user_id    uuid NOT NULL,
    content    text NOT NULL,
    CONSTRAINT user_search_texts_pkey PRIMARY KEY (project_id, branch_id, user_id),
    CONSTRAINT user_search_texts_user_id_fk FOREIGN KEY (project_id, branch_id, user_id)
        REFERENCES users (project_id, branch_id, id) ON DELETE CASCADE
);

CREATE INDEX user_search_texts_content_idx ON user_search_texts USING gin (content gin_trgm_ops);

-- +goose StatementBegin
CREATE FUNCTION user_search_text(users) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT lower(concat_ws(E'\n', $1.display_name, (
        SELECT string_agg(c.value, E'\n' ORDER BY c.created_at, c.id)
        FROM contact_channels c
        WHERE c.project_id = $1.project_id AND c.branch_id = $1.branch_id AND c.user_id = $1.id
    )))
$$;
-- +goose StatementEnd

-- Triggers, because many use cases write names and addresses and none may
-- forget. All of them hold the lock of the user.

-- +goose StatementBegin
CREATE FUNCTION refresh_user_search_text() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed record := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    owner   uuid;
BEGIN
    IF TG_TABLE_NAME = 'users' THEN
        owner := changed.id;
    ELSE
        owner := changed.user_id;
    END IF;
    -- A user who is being deleted is no longer there.
    INSERT INTO user_search_texts AS t (project_id, branch_id, user_id, content)
    SELECT u.project_id, u.branch_id, u.id, user_search_text(u)
    FROM users u
    WHERE u.project_id = changed.project_id AND u.branch_id = changed.branch_id AND u.id = owner
    ON CONFLICT ON CONSTRAINT user_search_texts_pkey DO UPDATE
    SET content = excluded.content
    WHERE t.content <> excluded.content;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION record_first_activity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_activity (project_id, branch_id, user_id, last_active_at)
    VALUES (NEW.project_id, NEW.branch_id, NEW.id, NEW.last_active_at)
    ON CONFLICT ON CONSTRAINT user_activity_pkey DO NOTHING;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER users_activity AFTER INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION record_first_activity();

CREATE TRIGGER users_search_text AFTER INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION refresh_user_search_text();

CREATE TRIGGER users_renamed_search_text AFTER UPDATE OF display_name ON users
    FOR EACH ROW WHEN (OLD.display_name IS DISTINCT FROM NEW.display_name) EXECUTE FUNCTION refresh_user_search_text();

CREATE TRIGGER contact_channels_search_text AFTER INSERT OR DELETE ON contact_channels
    FOR EACH ROW EXECUTE FUNCTION refresh_user_search_text();

CREATE TRIGGER contact_channels_changed_search_text AFTER UPDATE OF value ON contact_channels
    FOR EACH ROW WHEN (OLD.value <> NEW.value) EXECUTE FUNCTION refresh_user_search_text();

CREATE OR REPLACE VIEW user_details AS
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
    COALESCE(a.last_active_at, u.last_active_at) AS last_active_at,
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
LEFT JOIN user_activity a
    ON a.project_id = u.project_id AND a.branch_id = u.branch_id AND a.user_id = u.id
LEFT JOIN contact_channels c
    ON c.project_id = u.project_id AND c.branch_id = u.branch_id AND c.user_id = u.id
    AND c.type = 'email' AND c.is_primary;
