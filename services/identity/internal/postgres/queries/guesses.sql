-- name: BeginGuess :one
-- Counts a failure for the source, unless its burst is used up, and one for all
-- unknown places together when it is one of them. The row of the source comes
-- first, here and below, so that no two wait for each other. None of these
-- statements waits for the disk: what a crash could lose are some counts.
WITH lax AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), own AS (
    INSERT INTO guesses AS g (project_id, branch_id, kind, subject, source, failures)
    SELECT sqlc.arg(project_id), sqlc.arg(branch_id), sqlc.arg(kind), sqlc.arg(subject), sqlc.arg(source), 1 FROM lax
    ON CONFLICT ON CONSTRAINT guesses_pkey DO UPDATE
    SET failures = g.failures + 1, changed_at = now()
    WHERE g.full_at <= now() + sqlc.arg(tolerance_micros)::bigint * interval '1 microsecond'
      AND (g.known_until IS NULL OR g.known_until <= now() OR g.failures < sqlc.arg(most)::integer)
    RETURNING g.known_until > now() AS known
), shared AS (
    INSERT INTO guesses AS g (project_id, branch_id, kind, subject, source, failures)
    SELECT sqlc.arg(project_id), sqlc.arg(branch_id), sqlc.arg(kind), sqlc.arg(subject), '', 1 FROM own WHERE own.known IS NOT TRUE
    ON CONFLICT ON CONSTRAINT guesses_pkey DO UPDATE
    SET failures = g.failures + 1, changed_at = now()
    WHERE g.failures < sqlc.arg(most)::integer
    RETURNING 1
)
SELECT
    (EXISTS (SELECT FROM shared) OR EXISTS (SELECT FROM own WHERE own.known))::boolean AS allowed,
    -- When the burst has one again; 0 when that is not the reason.
    COALESCE((
        SELECT greatest(0, extract(epoch FROM g.full_at - now()) * 1000000 - sqlc.arg(tolerance_micros)::bigint) FROM guesses g
        WHERE g.project_id = sqlc.arg(project_id) AND g.branch_id = sqlc.arg(branch_id) AND g.kind = sqlc.arg(kind)
          AND g.subject = sqlc.arg(subject) AND g.source = sqlc.arg(source) AND NOT EXISTS (SELECT FROM own)
    ), 0)::bigint AS retry_after_micros;

-- name: FailGuess :exec
-- The failure is counted already; what is left is to take one of the burst.
WITH lax AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
)
UPDATE guesses g
SET full_at = greatest(g.full_at, now()) + sqlc.arg(period_micros)::bigint * interval '1 microsecond', changed_at = now()
FROM lax
WHERE g.project_id = $1 AND g.branch_id = $2 AND g.kind = $3 AND g.subject = $4 AND g.source = $5;

-- name: SucceedGuess :exec
-- The source is known from now on, and nobody has failed.
WITH lax AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), own AS (
    INSERT INTO guesses AS g (project_id, branch_id, kind, subject, source, failures, known_until)
    SELECT sqlc.arg(project_id), sqlc.arg(branch_id), sqlc.arg(kind), sqlc.arg(subject), sqlc.arg(source), 0, now() + interval '90 days' FROM lax
    ON CONFLICT ON CONSTRAINT guesses_pkey DO UPDATE
    SET failures = 0, full_at = now(), known_until = excluded.known_until, changed_at = now()
    RETURNING 1
)
UPDATE guesses g
SET failures = 0, changed_at = now()
FROM own
WHERE g.project_id = sqlc.arg(project_id) AND g.branch_id = sqlc.arg(branch_id) AND g.kind = sqlc.arg(kind)
  AND g.subject = sqlc.arg(subject) AND g.source = '' AND g.failures > 0;

-- name: AbandonGuess :exec
-- It was no guess after all.
WITH lax AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), own AS (
    UPDATE guesses g
    SET failures = greatest(g.failures - 1, 0)
    FROM lax
    WHERE g.project_id = $1 AND g.branch_id = $2 AND g.kind = $3 AND g.subject = $4 AND g.source = $5
    RETURNING g.known_until > now() AS known
)
UPDATE guesses g
SET failures = greatest(g.failures - 1, 0)
FROM own
WHERE own.known IS NOT TRUE
  AND g.project_id = $1 AND g.branch_id = $2 AND g.kind = $3 AND g.subject = $4 AND g.source = '';

-- name: ForgetGuesses :exec
DELETE FROM guesses
WHERE project_id = $1 AND branch_id = $2 AND subject = $3;

-- name: ForgetOldGuesses :execrows
-- Of all projects: places nobody signed in from once their burst is full,
-- addresses of nobody after a day, and everything after the time that places
-- are known.
DELETE FROM guesses g
USING (
    SELECT o.project_id, o.branch_id, o.kind, o.subject, o.source FROM guesses o
    WHERE o.changed_at < now() - interval '90 days'
       OR o.changed_at < now() - interval '1 day' AND o.full_at <= now() AND o.known_until IS NULL
          AND (o.source <> '' OR o.subject LIKE 'address/%')
    LIMIT sqlc.arg(batch)
    FOR UPDATE SKIP LOCKED
) old
WHERE g.project_id = old.project_id AND g.branch_id = old.branch_id AND g.kind = old.kind
  AND g.subject = old.subject AND g.source = old.source;

-- name: PurgeGuesses :exec
DELETE FROM guesses
WHERE project_id = $1;
