-- name: CreateCLILogin :one
-- Inserts nothing for a project that was deleted.
INSERT INTO cli_logins (project_id, branch_id, id, polling_code_hash, login_code_hash, expires_at, anonymous_session)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, sqlc.arg(id)::uuid, sqlc.arg(polling_code_hash)::bytea,
       sqlc.arg(login_code_hash)::bytea, now() + make_interval(secs => sqlc.arg(lifetime_seconds)::float8),
       sqlc.narg(anonymous_session)::bytea
WHERE NOT EXISTS (
    SELECT FROM deleted_projects d WHERE d.project_id = sqlc.arg(project_id)::text
)
RETURNING expires_at;

-- name: PolledCLILogin :one
SELECT id, (expires_at <= now())::boolean AS expired, (used_at IS NOT NULL)::boolean AS used,
       (completed_at IS NOT NULL)::boolean AS completed
FROM cli_logins
WHERE polling_code_hash = $1 AND project_id = $2 AND branch_id = $3;

-- name: OpenCLILogin :one
SELECT id, anonymous_session
FROM cli_logins
WHERE login_code_hash = $1 AND project_id = $2 AND branch_id = $3
  AND completed_at IS NULL AND used_at IS NULL AND expires_at > now();

-- name: ClaimCLILogin :execrows
-- Of all that hand on the anonymous session, one finds it.
UPDATE cli_logins
SET anonymous_session = NULL
WHERE project_id = $1 AND branch_id = $2 AND id = $3
  AND anonymous_session IS NOT NULL AND completed_at IS NULL AND expires_at > now();

-- name: CompleteCLILogin :execrows
-- Of all that complete a log-in, one does. The session must be alive.
UPDATE cli_logins c
SET completed_session = sqlc.arg(completed_session)::bytea, completed_at = now(), anonymous_session = NULL
WHERE c.project_id = $1 AND c.branch_id = $2 AND c.id = $3
  AND c.completed_at IS NULL AND c.expires_at > now()
  AND EXISTS (
      SELECT FROM sessions s
      WHERE s.token_hash = sqlc.arg(token_hash)::bytea
        AND s.project_id = c.project_id AND s.branch_id = c.branch_id AND s.expires_at > now()
  );

-- name: UseCLILogin :one
-- Of all that poll at once, one gets the session. The row is locked before it is
-- read, so that the others see it used.
WITH completed AS (
    SELECT l.project_id, l.branch_id, l.id, l.completed_session
    FROM cli_logins l
    WHERE l.project_id = $1 AND l.branch_id = $2 AND l.id = $3 AND l.completed_session IS NOT NULL
    FOR UPDATE
)
UPDATE cli_logins c
SET used_at = now(), completed_session = NULL
FROM completed
WHERE c.project_id = completed.project_id AND c.branch_id = completed.branch_id AND c.id = completed.id
RETURNING completed.completed_session;

-- name: SessionOfToken :one
SELECT id, user_id FROM sessions
WHERE token_hash = $1 AND project_id = $2 AND branch_id = $3 AND expires_at > now();

-- name: PurgeCLILogins :exec
DELETE FROM cli_logins WHERE project_id = $1;

-- name: SweepCLILogins :execrows
-- tenant: all. A bounded batch of what expired longest ago.
DELETE FROM cli_logins c
USING (
    SELECT e.project_id, e.branch_id, e.id
    FROM cli_logins e
    WHERE e.expires_at < now() - interval '1 day'
    ORDER BY e.expires_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
) expired
WHERE c.project_id = expired.project_id AND c.branch_id = expired.branch_id AND c.id = expired.id;

-- name: SweepCLILoginsOfDeletedProjects :execrows
-- tenant: all. A log-in that was begun while its project was deleted.
DELETE FROM cli_logins c
USING deleted_projects d
WHERE d.deleted_at > now() - interval '1 hour' AND c.project_id = d.project_id;
