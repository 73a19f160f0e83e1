-- +goose Up
-- Time steps whose code of an authenticator app was used (RFC 6238 section
-- 5.2). Older ones are of no use to anybody and go with the next sign-in.
CREATE TABLE totp_steps (
    project_id text   NOT NULL,
    branch_id  text   NOT NULL,
    user_id    uuid   NOT NULL,
    step       bigint NOT NULL,
    CONSTRAINT totp_steps_pkey PRIMARY KEY (project_id, branch_id, user_id, step),
    CONSTRAINT totp_steps_user_id_fk FOREIGN KEY (project_id, branch_id, user_id)
        REFERENCES users (project_id, branch_id, id) ON DELETE CASCADE
);
