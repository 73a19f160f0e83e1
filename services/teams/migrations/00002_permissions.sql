-- +goose Up
-- What a member may do in a team. Ids are those of the project's configuration;
-- config_version is the one they were granted under, so that the end of a
-- definition does not take away what was granted after it was made anew.
CREATE TABLE team_permissions (
    project_id     text        NOT NULL,
    branch_id      text        NOT NULL,
    team_id        uuid        NOT NULL,
    user_id        uuid        NOT NULL,
    permission_id  text        NOT NULL,
    config_version bigint      NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT team_permissions_pkey PRIMARY KEY (project_id, branch_id, team_id, user_id, permission_id),
    CONSTRAINT team_permissions_membership_fk FOREIGN KEY (project_id, branch_id, team_id, user_id)
        REFERENCES team_memberships (project_id, branch_id, team_id, user_id) ON DELETE CASCADE
);

CREATE INDEX team_permissions_user_id_idx ON team_permissions (project_id, branch_id, user_id);

CREATE INDEX team_permissions_permission_id_idx ON team_permissions (project_id, branch_id, permission_id);

-- What a user may do in the project.
CREATE TABLE project_permissions (
    project_id     text        NOT NULL,
    branch_id      text        NOT NULL,
    user_id        uuid        NOT NULL,
    permission_id  text        NOT NULL,
    config_version bigint      NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT project_permissions_pkey PRIMARY KEY (project_id, branch_id, user_id, permission_id)
);

CREATE INDEX project_permissions_permission_id_idx ON project_permissions (project_id, branch_id, permission_id);

-- Users who got what new users get. Identity asks for it twice, in the request
-- and by the event; what was taken away in between must not come back.
CREATE TABLE provisioned_users (
    project_id     text        NOT NULL,
    branch_id      text        NOT NULL,
    user_id        uuid        NOT NULL,
    provisioned_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT provisioned_users_pkey PRIMARY KEY (project_id, branch_id, user_id)
);
