-- name: SigningKeys :many
SELECT kid, state, private_key, x, y, created_at, activated_at, retired_at
FROM signing_keys
WHERE project_id = $1 AND audience = $2;

-- name: CreateSigningKey :execrows
-- Inserts nothing when the audience has a key in this state, or when its
-- project was deleted.
INSERT INTO signing_keys (project_id, audience, kid, state, private_key, x, y, created_at, activated_at)
SELECT sqlc.arg(project_id)::text, sqlc.arg(audience)::text, sqlc.arg(kid)::text, sqlc.arg(state)::text,
       sqlc.arg(private_key)::bytea, sqlc.arg(x)::bytea, sqlc.arg(y)::bytea,
       sqlc.arg(created_at)::timestamptz, sqlc.narg(activated_at)::timestamptz
WHERE NOT EXISTS (
    SELECT FROM deleted_projects d WHERE d.project_id = sqlc.arg(project_id)::text
)
ON CONFLICT ON CONSTRAINT signing_keys_audience_state_key DO NOTHING;

-- name: RetireSigningKey :execrows
UPDATE signing_keys
SET state = 'retired', retired_at = sqlc.arg(at)::timestamptz
WHERE project_id = $1 AND audience = $2 AND kid = $3 AND state = 'active';

-- name: ActivateSigningKey :execrows
UPDATE signing_keys
SET state = 'active', activated_at = sqlc.arg(at)::timestamptz
WHERE project_id = $1 AND audience = $2 AND kid = $3 AND state = 'next';

-- name: DeleteSigningKey :execrows
DELETE FROM signing_keys
WHERE project_id = $1 AND audience = $2 AND kid = $3 AND state = $4;

-- name: DeleteSigningKeys :exec
DELETE FROM signing_keys
WHERE project_id = $1 AND audience = $2;

-- name: PurgeSigningKeys :exec
DELETE FROM signing_keys WHERE project_id = $1;

-- name: AudiencesDue :many
-- tenant: all. One page of the audiences with an active key activated, or a
-- retired key retired, by a moment.
SELECT DISTINCT audience FROM signing_keys
WHERE audience > sqlc.arg(after)::text
  AND (state = 'active' AND activated_at <= sqlc.arg(activated_by)::timestamptz
       OR state = 'retired' AND retired_at <= sqlc.arg(retired_by)::timestamptz)
ORDER BY audience
LIMIT sqlc.arg(page);

-- name: SweepSigningKeysOfDeletedProjects :execrows
-- tenant: all. Keys that were being inserted while their project was deleted.
DELETE FROM signing_keys k
USING deleted_projects d
WHERE d.deleted_at > now() - interval '1 hour' AND k.project_id = d.project_id;
