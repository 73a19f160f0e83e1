-- +goose NO TRANSACTION
-- +goose Up
-- Urgent mails are rendered before others. What an interrupted attempt left behind
-- is not usable.
DROP INDEX CONCURRENTLY IF EXISTS emails_to_render_urgently_idx;
CREATE INDEX CONCURRENTLY emails_to_render_urgently_idx ON emails (created_at)
    WHERE is_high_priority AND render_worker_id IS NULL AND NOT is_paused AND skipped_reason IS NULL;
-- Mails that failed, for the digest of the operators.
DROP INDEX CONCURRENTLY IF EXISTS emails_failed_idx;
CREATE INDEX CONCURRENTLY emails_failed_idx ON emails (created_at) WHERE render_error IS NOT NULL OR server_error IS NOT NULL;
