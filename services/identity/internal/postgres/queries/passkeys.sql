-- name: PasskeyOwner :one
SELECT sqlc.embed(d), k.public_key, p.hash, p.changed_at
FROM passkeys k
JOIN user_details d ON d.project_id = k.project_id AND d.branch_id = k.branch_id AND d.id = k.user_id
LEFT JOIN passwords p ON p.project_id = k.project_id AND p.branch_id = k.branch_id AND p.user_id = k.user_id
WHERE k.project_id = $1 AND k.branch_id = $2 AND k.credential_id = $3;

-- name: PutPasskey :exec
INSERT INTO passkeys (project_id, branch_id, user_id, credential_id, public_key, sign_count)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT ON CONSTRAINT passkeys_pkey DO UPDATE
SET credential_id = EXCLUDED.credential_id, public_key = EXCLUDED.public_key, sign_count = EXCLUDED.sign_count, created_at = now();

-- name: UsePasskey :execrows
-- An authenticator counts its signatures, or says 0 for ever. A count that was
-- seen before comes from a copy (WebAuthn Level 3 section 6.1.1).
UPDATE passkeys
SET sign_count = $5
WHERE project_id = $1 AND branch_id = $2 AND user_id = $3 AND credential_id = $4
  AND (sign_count < $5 OR (sign_count = 0 AND $5 = 0));
