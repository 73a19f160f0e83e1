-- +goose Up
CREATE TABLE teams (
    project_id                text        NOT NULL,
    branch_id                 text        NOT NULL,
    id                        uuid        NOT NULL,
    display_name              text        NOT NULL,
    profile_image_url         text,
    client_metadata           json,
    client_read_only_metadata json,
    server_metadata           json,
    version                   bigint      NOT NULL DEFAULT 1,
    created_at                timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT teams_pkey PRIMARY KEY (project_id, branch_id, id)
);

CREATE TABLE team_memberships (
    project_id text        NOT NULL,
    branch_id  text        NOT NULL,
    team_id    uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT team_memberships_pkey PRIMARY KEY (project_id, branch_id, team_id, user_id),
    CONSTRAINT team_memberships_team_id_fk FOREIGN KEY (project_id, branch_id, team_id)
        REFERENCES teams (project_id, branch_id, id) ON DELETE CASCADE
);

CREATE INDEX team_memberships_user_id_idx ON team_memberships (project_id, branch_id, user_id);

-- Users that identity has deleted. A personal team whose creation arrives late
-- must not bring its user back.
CREATE TABLE deleted_users (
    project_id text        NOT NULL,
    branch_id  text        NOT NULL,
    user_id    uuid        NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT deleted_users_pkey PRIMARY KEY (project_id, branch_id, user_id)
);

-- Projects that identity has deleted, for the same reason.
CREATE TABLE deleted_projects (
    project_id text        NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT deleted_projects_pkey PRIMARY KEY (project_id)
);
