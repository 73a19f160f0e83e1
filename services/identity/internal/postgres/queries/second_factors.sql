-- name: SecondFactor :one
SELECT sqlc.embed(d), u.totp_secret, p.hash, p.changed_at
FROM users u
JOIN user_details d ON d.project_id = u.project_id AND d.branch_id = u.branch_id AND d.id = u.id
LEFT JOIN passwords p ON p.project_id = u.project_id AND p.branch_id = u.branch_id AND p.user_id = u.id
WHERE u.project_id = $1 AND u.branch_id = $2 AND u.id = $3;

-- name: UseTOTPStep :execrows
-- Forgets the steps that are too old to be used.
WITH forgotten AS (
    DELETE FROM totp_steps old
    WHERE old.project_id = $1 AND old.branch_id = $2 AND old.user_id = $3 AND old.step < sqlc.arg(oldest)::bigint
)
INSERT INTO totp_steps (project_id, branch_id, user_id, step)
VALUES ($1, $2, $3, sqlc.arg(step))
ON CONFLICT ON CONSTRAINT totp_steps_pkey DO NOTHING;
