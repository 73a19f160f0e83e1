-- name: UserFigures :one
-- Of all users, anonymous ones too.
SELECT count(*) FILTER (WHERE NOT u.is_anonymous AND COALESCE(c.is_verified, false)) AS verified_users,
       count(*) FILTER (WHERE NOT u.is_anonymous AND NOT COALESCE(c.is_verified, false)) AS unverified_users,
       count(*) FILTER (WHERE u.is_anonymous) AS anonymous_users,
       count(*) FILTER (WHERE u.restricted_by_admin) AS restricted_users,
       count(*) FILTER (WHERE u.requires_totp_mfa) AS mfa_users
FROM users u
LEFT JOIN contact_channels c
    ON c.project_id = u.project_id AND c.branch_id = u.branch_id AND c.user_id = u.id
    AND c.type = 'email' AND c.is_primary
WHERE u.project_id = $1 AND u.branch_id = $2;

-- name: DailyFigures :many
-- Of the last days, today's included.
SELECT d.day::date AS day,
       (
           SELECT count(*) FROM users u
           WHERE u.project_id = sqlc.arg(project_id) AND u.branch_id = sqlc.arg(branch_id)
             AND u.signed_up_at >= d.day AT TIME ZONE 'UTC' AND u.signed_up_at < (d.day + interval '1 day') AT TIME ZONE 'UTC'
             AND (sqlc.arg(include_anonymous)::boolean OR NOT u.is_anonymous)
       ) AS sign_ups,
       (
           SELECT count(*) FROM active_days a
           JOIN users u ON u.project_id = a.project_id AND u.branch_id = a.branch_id AND u.id = a.user_id
           WHERE a.project_id = sqlc.arg(project_id) AND a.branch_id = sqlc.arg(branch_id) AND a.day = d.day::date
             AND (sqlc.arg(include_anonymous)::boolean OR NOT u.is_anonymous)
       ) AS active_users
FROM generate_series(
    date_trunc('day', now() AT TIME ZONE 'UTC') - (sqlc.arg(days)::int - 1) * interval '1 day',
    date_trunc('day', now() AT TIME ZONE 'UTC'), interval '1 day'
) AS d (day)
ORDER BY d.day;

-- name: UsersByCountry :many
SELECT u.country_code::text AS country_code, count(*) AS users
FROM users u
WHERE u.project_id = $1 AND u.branch_id = $2 AND u.country_code IS NOT NULL
  AND (sqlc.arg(include_anonymous)::boolean OR NOT u.is_anonymous)
GROUP BY u.country_code;

-- name: LoginMethods :many
-- Most used first.
SELECT m.method::text AS method, count(*) AS users
FROM (
    SELECT 'password' AS method FROM passwords p WHERE p.project_id = $1 AND p.branch_id = $2
    UNION ALL
    SELECT 'otp' FROM users u WHERE u.project_id = $1 AND u.branch_id = $2 AND u.otp_auth_enabled
    UNION ALL
    SELECT 'passkey' FROM passkeys k WHERE k.project_id = $1 AND k.branch_id = $2
    UNION ALL
    SELECT o.provider_config_id FROM oauth_accounts o WHERE o.project_id = $1 AND o.branch_id = $2 AND o.allow_sign_in
) AS m
GROUP BY m.method
ORDER BY count(*) DESC, m.method;

-- name: UsersWithoutVerifiedEmail :many
-- The first of them, with how many there are in all.
SELECT u.id, u.display_name, c.value AS primary_email, count(*) OVER () AS total
FROM users u
LEFT JOIN contact_channels c
    ON c.project_id = u.project_id AND c.branch_id = u.branch_id AND c.user_id = u.id
    AND c.type = 'email' AND c.is_primary
WHERE u.project_id = $1 AND u.branch_id = $2 AND NOT u.is_anonymous AND NOT u.restricted_by_admin
  AND NOT COALESCE(c.is_verified, false)
ORDER BY u.signed_up_at, u.id
LIMIT sqlc.arg(max_rows);

-- name: ForgetActiveDays :execrows
-- Of all projects.
DELETE FROM active_days a
USING (
    SELECT o.project_id, o.branch_id, o.day, o.user_id FROM active_days o
    WHERE o.day < (now() AT TIME ZONE 'UTC')::date - sqlc.arg(days)::int
    LIMIT sqlc.arg(batch)
    FOR UPDATE SKIP LOCKED
) old
WHERE a.project_id = old.project_id AND a.branch_id = old.branch_id AND a.day = old.day AND a.user_id = old.user_id;
