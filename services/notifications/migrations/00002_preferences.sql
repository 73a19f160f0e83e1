-- +goose Up

-- One row is one link in one mail. The code in it is random enough that its
-- plain SHA-256 can stand for it.
CREATE TABLE unsubscribe_links (
    project_id  text        NOT NULL,
    branch_id   text        NOT NULL,
    id          uuid        NOT NULL,
    code_hash   bytea       NOT NULL,
    user_id     uuid        NOT NULL,
    category_id uuid        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    CONSTRAINT unsubscribe_links_pkey PRIMARY KEY (project_id, branch_id, id),
    -- The code names its project: whoever follows a link sends nothing else.
    CONSTRAINT unsubscribe_links_code_hash_key UNIQUE (code_hash)
);

CREATE INDEX unsubscribe_links_user_idx ON unsubscribe_links (project_id, branch_id, user_id);
CREATE INDEX unsubscribe_links_expires_idx ON unsubscribe_links (expires_at);

-- Users who are gone, for as long as something begun before might still write
-- about them.
CREATE TABLE removed_users (
    project_id text        NOT NULL,
    branch_id  text        NOT NULL,
    user_id    uuid        NOT NULL,
    removed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT removed_users_pkey PRIMARY KEY (project_id, branch_id, user_id)
);

CREATE INDEX removed_users_removed_idx ON removed_users (removed_at);
