-- name: CreateMailing :exec
INSERT INTO mailings (project_id, branch_id, id, email, user_ids, after_user)
SELECT $1, $2, $3, sqlc.arg(email)::bytea, sqlc.arg(user_ids)::uuid[], sqlc.narg(after_user)::uuid
WHERE NOT EXISTS (SELECT FROM deleted_projects d WHERE d.project_id = $1);

-- name: ClaimMailing :one
-- Of all projects: the mailing that has waited longest, unless enough mails of
-- its tenant wait to be rendered. It is locked, so that others take another one.
SELECT m.project_id, m.branch_id, m.id, m.email, m.user_ids[m.done + 1 : m.done + sqlc.arg(max_users)::integer]::uuid[] AS user_ids,
       m.done, cardinality(m.user_ids)::integer AS total, m.after_user
FROM mailings m
WHERE (
    SELECT count(*) FROM (
        SELECT FROM emails e
        WHERE e.project_id = m.project_id AND e.branch_id = m.branch_id AND e.render_worker_id IS NULL AND NOT e.is_paused
          AND e.skipped_reason IS NULL
        LIMIT sqlc.arg(max_unrendered)::integer
    ) AS unrendered
) < sqlc.arg(max_unrendered)::integer
ORDER BY m.touched_at
LIMIT 1
FOR UPDATE OF m SKIP LOCKED;

-- name: AdvanceMailing :exec
UPDATE mailings
SET done = sqlc.arg(done), touched_at = clock_timestamp()
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: ContinueMailing :execrows
-- Unless another worker did so.
UPDATE mailings
SET user_ids = sqlc.arg(user_ids)::uuid[], done = 0, after_user = sqlc.narg(after_user)::uuid, touched_at = clock_timestamp()
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND done = cardinality(user_ids) AND after_user = sqlc.arg(last_user)::uuid;

-- name: DeleteMailing :exec
DELETE FROM mailings WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: PurgeMailings :exec
DELETE FROM mailings WHERE project_id = $1;
