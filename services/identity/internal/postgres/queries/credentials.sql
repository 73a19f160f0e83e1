-- name: Credential :one
SELECT u.id AS user_id, p.hash, p.changed_at
FROM users u
LEFT JOIN passwords p ON p.project_id = u.project_id AND p.branch_id = u.branch_id AND p.user_id = u.id
WHERE u.project_id = $1 AND u.branch_id = $2 AND u.id = $3;

-- name: EmailOwner :one
-- The address as typed wins over the normalised one.
SELECT sqlc.embed(d), p.hash, p.changed_at, c.is_verified
FROM contact_channels c
JOIN user_details d ON d.project_id = c.project_id AND d.branch_id = c.branch_id AND d.id = c.user_id
LEFT JOIN passwords p ON p.project_id = c.project_id AND p.branch_id = c.branch_id AND p.user_id = c.user_id
WHERE c.project_id = $1 AND c.branch_id = $2 AND c.type = 'email' AND c.used_for_auth
  AND c.value IN (sqlc.arg(typed)::text, sqlc.arg(normalized)::text)
ORDER BY c.value = sqlc.arg(typed)::text DESC
LIMIT 1;

-- name: CreatePassword :execrows
INSERT INTO passwords (project_id, branch_id, user_id, hash)
VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT passwords_pkey DO NOTHING;

-- name: SetPassword :exec
INSERT INTO passwords (project_id, branch_id, user_id, hash)
VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT passwords_pkey DO UPDATE SET hash = EXCLUDED.hash, changed_at = now();

-- name: ReplacePassword :execrows
UPDATE passwords
SET hash = $4, changed_at = now()
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND changed_at = sqlc.arg(known_since);

-- name: UpgradePasswordHash :exec
UPDATE passwords
SET hash = $4
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND changed_at = sqlc.arg(known_since);

-- name: DeletePassword :exec
DELETE FROM passwords
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3;

-- name: DeletePasskey :exec
DELETE FROM passkeys
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3;

-- name: SetTOTPSecret :exec
UPDATE users
SET totp_secret = $4
WHERE project_id = $1 AND branch_id = $2 AND id = $3;
