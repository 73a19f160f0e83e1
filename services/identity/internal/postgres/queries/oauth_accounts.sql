-- name: CreateOAuthAccount :exec
-- Accounts linked in one transaction keep their order.
INSERT INTO oauth_accounts (project_id, branch_id, user_id, id, provider_config_id, provider_account_id, email, allow_sign_in, allow_connected_accounts, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp());
