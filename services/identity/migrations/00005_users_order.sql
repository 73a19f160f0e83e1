-- +goose NO TRANSACTION
-- +goose Up
-- The pages of the list of users: of all, and of either the anonymous or the
-- others. What an interrupted attempt left behind is not usable.
DROP INDEX CONCURRENTLY IF EXISTS users_signed_up_at_idx;
CREATE INDEX CONCURRENTLY users_signed_up_at_idx ON users (project_id, branch_id, signed_up_at, id);
DROP INDEX CONCURRENTLY IF EXISTS users_is_anonymous_idx;
CREATE INDEX CONCURRENTLY users_is_anonymous_idx ON users (project_id, branch_id, is_anonymous, signed_up_at, id);
