-- name: CreateAuthorizationCode :execrows
-- Inserts nothing for a user or project that was deleted.
INSERT INTO authorization_codes (
    project_id, branch_id, code_hash, user_id, redirect_uri, code_challenge, code_challenge_method, is_new_user,
    after_callback_redirect_url, handed_over_session_id, handed_over_refresh_token, expires_at
)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, sqlc.arg(code_hash)::bytea, sqlc.arg(user_id)::uuid,
       sqlc.arg(redirect_uri)::text, sqlc.arg(code_challenge)::text, sqlc.arg(code_challenge_method)::text,
       sqlc.arg(is_new_user)::boolean, sqlc.narg(after_callback_redirect_url)::text,
       sqlc.narg(handed_over_session_id)::uuid, sqlc.narg(handed_over_refresh_token)::bytea,
       now() + make_interval(secs => sqlc.arg(lifetime_seconds)::float8)
WHERE NOT EXISTS (
    SELECT FROM deleted_users d
    WHERE d.project_id = sqlc.arg(project_id)::text AND d.branch_id = sqlc.arg(branch_id)::text AND d.user_id = sqlc.arg(user_id)::uuid
) AND NOT EXISTS (
    SELECT FROM deleted_projects d WHERE d.project_id = sqlc.arg(project_id)::text
);

-- name: AuthorizationCode :one
SELECT user_id, redirect_uri, code_challenge, code_challenge_method, is_new_user, after_callback_redirect_url,
       handed_over_session_id, handed_over_refresh_token, issued_session_id,
       (used_at IS NOT NULL)::boolean AS is_used, (expires_at <= now())::boolean AS has_expired
FROM authorization_codes
WHERE project_id = $1 AND branch_id = $2 AND code_hash = $3;

-- name: SpendAuthorizationCode :execrows
-- Of all that try, one succeeds. The refresh token is needed once.
UPDATE authorization_codes
SET used_at = now(), issued_session_id = sqlc.narg(issued_session_id)::uuid, handed_over_refresh_token = NULL
WHERE project_id = $1 AND branch_id = $2 AND code_hash = $3 AND used_at IS NULL AND expires_at > now();

-- name: DeleteAuthorizationCodesOfUser :exec
-- Spent codes stay: they end sessions when they come back. A code that hands
-- the kept session over stays with it.
DELETE FROM authorization_codes
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND used_at IS NULL
  AND (handed_over_session_id IS NULL OR handed_over_session_id IS DISTINCT FROM sqlc.narg(kept_session_id)::uuid)
  AND (sqlc.narg(made_before)::timestamptz IS NULL OR created_at < sqlc.narg(made_before)::timestamptz);

-- name: PurgeAuthorizationCodes :exec
DELETE FROM authorization_codes WHERE project_id = $1;

-- name: SweepAuthorizationCodes :execrows
-- tenant: all. A bounded batch of what nobody will present any more.
DELETE FROM authorization_codes c
USING (
    SELECT e.project_id, e.branch_id, e.code_hash
    FROM authorization_codes e
    WHERE e.expires_at < now() - interval '1 day'
    ORDER BY e.expires_at
    LIMIT sqlc.arg(batch)
    FOR UPDATE SKIP LOCKED
) expired
WHERE c.project_id = expired.project_id AND c.branch_id = expired.branch_id AND c.code_hash = expired.code_hash;

-- name: SweepAuthorizationCodesOfDeletedProjects :execrows
-- tenant: all. A code that was being inserted while its project was deleted.
DELETE FROM authorization_codes c
USING deleted_projects d
WHERE d.deleted_at > now() - interval '1 hour' AND c.project_id = d.project_id;
