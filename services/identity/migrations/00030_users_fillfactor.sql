-- +goose Up
-- Every refresh and sign-in notes a time in the row. With room in its page the
-- new version needs no index entries.
ALTER TABLE users SET (fillfactor = 80);
