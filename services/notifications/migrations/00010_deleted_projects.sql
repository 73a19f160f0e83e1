-- +goose Up

-- Projects that identity has deleted. A mail or an event that arrives late must
-- not bring anything of them back.
CREATE TABLE deleted_projects (
    project_id text        NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT deleted_projects_pkey PRIMARY KEY (project_id)
);
