-- +goose Up

-- One row is a mail to many users that a request asked for, until there is a mail
-- for each of them.
CREATE TABLE mailings (
    project_id text        NOT NULL,
    branch_id  text        NOT NULL,
    id         uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When workers last did something about it: they take turns.
    touched_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- What the mails have in common: sealed JSON.
    email      bytea       NOT NULL,
    user_ids   uuid[]      NOT NULL,
    -- How many of them have their mail.
    done       integer     NOT NULL DEFAULT 0,
    -- Of a mail to all users: whoever follows this one gets it too.
    after_user uuid,
    CONSTRAINT mailings_pkey PRIMARY KEY (project_id, branch_id, id)
);

CREATE INDEX mailings_touched_at_idx ON mailings (touched_at);
