-- name: CreateOAuthAuthorization :exec
INSERT INTO oauth_authorizations (project_id, branch_id, state_hash, request)
VALUES ($1, $2, $3, $4);

-- name: OAuthAuthorization :one
-- Without tenant: the provider that leads back knows none, and the state is a
-- secret of its own.
SELECT project_id, branch_id, request, (created_at < now() - make_interval(secs => sqlc.arg(lifetime_seconds)::float8))::boolean AS has_expired
FROM oauth_authorizations
WHERE state_hash = $1;

-- name: ConsumeOAuthAuthorization :execrows
DELETE FROM oauth_authorizations
WHERE project_id = $1 AND branch_id = $2 AND state_hash = $3;

-- name: ForgetOAuthAuthorizations :execrows
-- tenant: all. A bounded batch of what nobody will come back for.
DELETE FROM oauth_authorizations a
USING (
    SELECT o.project_id, o.branch_id, o.state_hash
    FROM oauth_authorizations o
    WHERE o.created_at < now() - interval '1 day'
    ORDER BY o.created_at
    LIMIT sqlc.arg(batch)
    FOR UPDATE SKIP LOCKED
) old
WHERE a.project_id = old.project_id AND a.branch_id = old.branch_id AND a.state_hash = old.state_hash;

-- name: OAuthSignInOwner :one
SELECT sqlc.embed(d), o.id AS account_id
FROM oauth_accounts o
JOIN user_details d ON d.project_id = o.project_id AND d.branch_id = o.branch_id AND d.id = o.user_id
WHERE o.project_id = $1 AND o.branch_id = $2 AND o.provider_config_id = $3 AND o.provider_account_id = $4 AND o.allow_sign_in;

-- name: OAuthAccounts :many
-- Oldest first. Null selects all.
SELECT * FROM oauth_accounts
WHERE project_id = $1 AND branch_id = $2
  AND (sqlc.narg(user_id)::uuid IS NULL OR user_id = sqlc.narg(user_id)::uuid)
ORDER BY created_at, id;

-- name: OAuthAccount :one
SELECT * FROM oauth_accounts
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND id = $4;

-- name: LockOAuthAccount :one
SELECT * FROM oauth_accounts
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND id = $4
FOR UPDATE;

-- name: UpdateOAuthAccount :exec
UPDATE oauth_accounts
SET provider_account_id      = sqlc.arg(provider_account_id),
    email                    = sqlc.narg(email),
    allow_sign_in            = sqlc.arg(allow_sign_in),
    allow_connected_accounts = sqlc.arg(allow_connected_accounts)
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND id = $4;

-- name: DeleteOAuthAccount :execrows
DELETE FROM oauth_accounts
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND id = $4;

-- name: TouchUser :exec
-- What the API shows of the user changed with what belongs to them.
UPDATE users
SET version = version + 1
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: SaveOAuthToken :exec
-- The token takes the place of those that can do no more than it, and of those
-- that have ended.
WITH replaced AS (
    DELETE FROM oauth_tokens t
    WHERE t.project_id = $1 AND t.branch_id = $2 AND t.user_id = $3 AND t.oauth_account_id = $4
      AND (t.kind = sqlc.arg(kind)::text AND t.scopes <@ sqlc.arg(scopes)::text[] OR t.expires_at < now())
)
INSERT INTO oauth_tokens (project_id, branch_id, user_id, oauth_account_id, id, kind, token, scopes, expires_at)
VALUES ($1, $2, $3, $4, sqlc.arg(id), sqlc.arg(kind)::text, sqlc.arg(token), sqlc.arg(scopes)::text[],
        now() + make_interval(secs => sqlc.narg(lifetime_seconds)::float8));

-- name: OAuthTokens :many
-- Newest first; only those good for a while.
SELECT * FROM oauth_tokens
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND oauth_account_id = ANY(sqlc.arg(account_ids)::uuid[])
  AND (expires_at IS NULL OR expires_at > now() + make_interval(secs => sqlc.arg(needed_seconds)::float8))
ORDER BY created_at DESC, id;

-- name: DeleteOAuthToken :exec
DELETE FROM oauth_tokens
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND oauth_account_id = $4 AND id = $5;
