-- +goose Up
-- Users from before the triggers, which hold nobody up: rows that were written
-- meanwhile are newer.
INSERT INTO user_activity (project_id, branch_id, user_id, last_active_at)
SELECT project_id, branch_id, id, last_active_at FROM users
ON CONFLICT ON CONSTRAINT user_activity_pkey DO NOTHING;

INSERT INTO user_search_texts (project_id, branch_id, user_id, content)
SELECT u.project_id, u.branch_id, u.id, user_search_text(u) FROM users u
ON CONFLICT ON CONSTRAINT user_search_texts_pkey DO NOTHING;
