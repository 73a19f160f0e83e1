-- +goose Up
-- What a member is called and looks like in this team; null is as elsewhere.
ALTER TABLE team_memberships
    ADD COLUMN display_name text,
    ADD COLUMN profile_image_url text;

CREATE INDEX teams_created_at_idx ON teams (project_id, branch_id, created_at, id);

-- Invitations that can still be accepted. The id is that of the one-time code,
-- whose text stands nowhere.
CREATE TABLE team_invitations (
    project_id      text        NOT NULL,
    branch_id       text        NOT NULL,
    id              uuid        NOT NULL,
    team_id         uuid        NOT NULL,
    -- Normalised.
    recipient_email text        NOT NULL,
    expires_at      timestamptz NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT team_invitations_pkey PRIMARY KEY (project_id, branch_id, id),
    CONSTRAINT team_invitations_team_id_fk FOREIGN KEY (project_id, branch_id, team_id)
        REFERENCES teams (project_id, branch_id, id) ON DELETE CASCADE
);

CREATE INDEX team_invitations_team_id_idx ON team_invitations (project_id, branch_id, team_id);

CREATE INDEX team_invitations_recipient_email_idx ON team_invitations (project_id, branch_id, recipient_email);

CREATE INDEX team_invitations_expires_at_idx ON team_invitations (expires_at);

-- Uploaded pictures of teams and, with a user, of their members.
CREATE TABLE images (
    project_id text        NOT NULL,
    branch_id  text        NOT NULL,
    id         uuid        NOT NULL,
    team_id    uuid        NOT NULL,
    user_id    uuid,
    format     text        NOT NULL,
    bytes      bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT images_pkey PRIMARY KEY (project_id, id),
    CONSTRAINT images_id_key UNIQUE (id),
    CONSTRAINT images_team_id_fk FOREIGN KEY (project_id, branch_id, team_id)
        REFERENCES teams (project_id, branch_id, id) ON DELETE CASCADE,
    CONSTRAINT images_membership_fk FOREIGN KEY (project_id, branch_id, team_id, user_id)
        REFERENCES team_memberships (project_id, branch_id, team_id, user_id) ON DELETE CASCADE,
    CONSTRAINT images_format_check CHECK (format IN ('png', 'jpeg', 'gif', 'bmp', 'webp'))
);

CREATE INDEX images_team_id_idx ON images (project_id, branch_id, team_id, user_id);

-- Up to which version of the configuration a permission meant something that
-- has ended: it was deleted, or renamed. Grants under an older one come too
-- late.
CREATE TABLE ended_permissions (
    project_id    text   NOT NULL,
    branch_id     text   NOT NULL,
    permission_id text   NOT NULL,
    version       bigint NOT NULL,
    CONSTRAINT ended_permissions_pkey PRIMARY KEY (project_id, branch_id, permission_id)
);
