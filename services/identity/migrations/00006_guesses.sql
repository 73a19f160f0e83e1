-- +goose Up
-- How often somebody guessed what proves an account. Only failures count, so
-- that an attempt is a failure until it turned out otherwise.
CREATE TABLE guesses (
    project_id  text        NOT NULL,
    branch_id   text        NOT NULL,
    -- password or totp.
    kind        text        NOT NULL,
    -- user/<id>; address/<fingerprint> for an address that signs nobody in.
    subject     text        NOT NULL,
    -- Fingerprint of where the guesses come from. Empty for all places together
    -- that the subject never signed in from.
    source      text        NOT NULL,
    -- Since the last right one.
    failures    integer     NOT NULL,
    -- When the burst of the source is full again.
    full_at     timestamptz NOT NULL DEFAULT now(),
    -- Until when the subject is known to sign in from the source.
    known_until timestamptz,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT guesses_pkey PRIMARY KEY (project_id, branch_id, kind, subject, source)
) WITH (fillfactor = 70);
