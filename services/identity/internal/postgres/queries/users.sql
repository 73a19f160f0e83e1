-- name: User :one
SELECT * FROM user_details
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: UsersByID :many
SELECT * FROM user_details
WHERE project_id = $1 AND branch_id = $2 AND id = ANY(sqlc.arg(user_ids)::uuid[]);

-- name: VerifiedEmails :many
SELECT user_id, value FROM contact_channels
WHERE project_id = $1 AND branch_id = $2 AND user_id = ANY(sqlc.arg(user_ids)::uuid[]) AND type = 'email' AND is_verified
ORDER BY user_id, value;

-- name: UserContacts :many
SELECT u.id, u.display_name, c.value AS primary_email, c.is_verified AS primary_email_verified, c.used_for_auth AS primary_email_used_for_auth
FROM users u
LEFT JOIN contact_channels c
    ON c.project_id = u.project_id AND c.branch_id = u.branch_id AND c.user_id = u.id
    AND c.type = 'email' AND c.is_primary
WHERE u.project_id = $1 AND u.branch_id = $2 AND u.id = ANY(sqlc.arg(user_ids)::uuid[]);

-- name: RecordActivity :one
-- What a token says about a user and nothing else: it is the most frequent
-- statement of all. Every user has a row of activity since they came into being.
-- The commit does not wait for the disk: what a crash could lose is the time of
-- an activity.
WITH active AS (
    UPDATE user_activity a
    SET last_active_at = greatest(a.last_active_at, now())
    WHERE a.project_id = $1 AND a.branch_id = $2 AND a.user_id = $3
      AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
)
SELECT u.id, u.display_name, u.selected_team_id, u.is_anonymous, u.requires_totp_mfa, u.restricted_by_admin, u.signed_up_at,
       c.value AS primary_email, c.is_verified AS primary_email_verified, c.used_for_auth AS primary_email_used_for_auth,
       p.version AS config_version
FROM users u
JOIN projects p ON p.id = u.project_id
LEFT JOIN contact_channels c
    ON c.project_id = u.project_id AND c.branch_id = u.branch_id AND c.user_id = u.id
    AND c.type = 'email' AND c.is_primary
WHERE u.project_id = $1 AND u.branch_id = $2 AND u.id = $3;

-- name: RecordSignIn :one
-- Without a password there is nothing to have changed. A guess that was right
-- is noted like SucceedGuess does it; its kind is empty when there is none. The
-- commit does not wait for the disk: what a crash could lose is the time of an
-- activity and some counts.
WITH active AS (
    INSERT INTO user_activity (project_id, branch_id, user_id)
    SELECT u.project_id, u.branch_id, u.id FROM users u
    WHERE u.project_id = sqlc.arg(project_id) AND u.branch_id = sqlc.arg(branch_id) AND u.id = sqlc.arg(user_id)
      AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
      AND sqlc.narg(known_since)::timestamptz IS NOT DISTINCT FROM (
        SELECT p.changed_at FROM passwords p
        WHERE p.project_id = u.project_id AND p.branch_id = u.branch_id AND p.user_id = u.id
      )
    ON CONFLICT ON CONSTRAINT user_activity_pkey DO UPDATE
    SET last_active_at = greatest(user_activity.last_active_at, excluded.last_active_at)
    RETURNING project_id, branch_id
), own AS (
    INSERT INTO guesses AS g (project_id, branch_id, kind, subject, source, failures, known_until)
    SELECT a.project_id, a.branch_id, sqlc.arg(guess_kind)::text, sqlc.arg(guess_subject)::text, sqlc.arg(guess_source)::text, 0, now() + interval '90 days'
    FROM active a WHERE sqlc.arg(guess_kind)::text <> ''
    ON CONFLICT ON CONSTRAINT guesses_pkey DO UPDATE
    SET failures = 0, full_at = now(), known_until = excluded.known_until, changed_at = now()
    RETURNING project_id, branch_id
), others AS (
    UPDATE guesses g
    SET failures = 0, changed_at = now()
    FROM own
    WHERE g.project_id = own.project_id AND g.branch_id = own.branch_id AND g.kind = sqlc.arg(guess_kind)::text
      AND g.subject = sqlc.arg(guess_subject)::text AND g.source = '' AND g.failures > 0
)
SELECT EXISTS (SELECT FROM active) AS current;

-- name: CreateUser :one
-- The foreign keys are checked at the end of the statement.
WITH new_user AS (
    INSERT INTO users (
        project_id, branch_id, id, display_name, profile_image_url, client_metadata, client_read_only_metadata, server_metadata,
        selected_team_id, is_anonymous, otp_auth_enabled, restricted_by_admin, restricted_by_admin_reason,
        restricted_by_admin_private_details, country_code, risk_score_bot, risk_score_free_trial_abuse
    )
    VALUES (
        sqlc.arg(project_id), sqlc.arg(branch_id), sqlc.arg(id), sqlc.narg(display_name), sqlc.narg(profile_image_url),
        sqlc.narg(client_metadata), sqlc.narg(client_read_only_metadata), sqlc.narg(server_metadata),
        sqlc.narg(selected_team_id), sqlc.arg(is_anonymous), sqlc.arg(otp_auth_enabled), sqlc.arg(restricted_by_admin),
        sqlc.narg(restricted_by_admin_reason), sqlc.narg(restricted_by_admin_private_details), sqlc.narg(country_code),
        sqlc.arg(risk_score_bot), sqlc.arg(risk_score_free_trial_abuse)
    )
    RETURNING project_id, branch_id, id, version, signed_up_at, last_active_at
), new_channel AS (
    INSERT INTO contact_channels (project_id, branch_id, user_id, id, value, is_primary, is_verified, used_for_auth)
    SELECT u.project_id, u.branch_id, u.id, sqlc.arg(channel_id)::uuid, sqlc.narg(email)::text, true,
           sqlc.arg(email_verified)::boolean, sqlc.arg(email_used_for_auth)::boolean
    FROM new_user u
    WHERE sqlc.narg(email)::text IS NOT NULL
), new_password AS (
    INSERT INTO passwords (project_id, branch_id, user_id, hash)
    SELECT u.project_id, u.branch_id, u.id, sqlc.narg(password_hash)::text
    FROM new_user u
    WHERE sqlc.narg(password_hash)::text IS NOT NULL
)
SELECT version, signed_up_at, last_active_at FROM new_user;

-- name: SelectedTeamID :one
SELECT selected_team_id FROM users
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: LockUser :exec
SELECT FROM users
WHERE project_id = $1 AND branch_id = $2 AND id = $3
FOR NO KEY UPDATE;

-- name: UpdateUser :one
UPDATE users
SET display_name                        = sqlc.narg(display_name),
    profile_image_url                   = sqlc.narg(profile_image_url),
    client_metadata                     = sqlc.narg(client_metadata),
    client_read_only_metadata           = sqlc.narg(client_read_only_metadata),
    server_metadata                     = sqlc.narg(server_metadata),
    selected_team_id                    = sqlc.narg(selected_team_id),
    is_anonymous                        = sqlc.arg(is_anonymous),
    otp_auth_enabled                    = sqlc.arg(otp_auth_enabled),
    requires_totp_mfa                   = sqlc.arg(requires_totp_mfa),
    totp_secret                         = CASE WHEN sqlc.arg(sets_totp_secret)::boolean THEN sqlc.narg(totp_secret) ELSE totp_secret END,
    restricted_by_admin                 = sqlc.arg(restricted_by_admin),
    restricted_by_admin_reason          = sqlc.narg(restricted_by_admin_reason),
    restricted_by_admin_private_details = sqlc.narg(restricted_by_admin_private_details),
    country_code                        = sqlc.narg(country_code),
    risk_score_bot                      = sqlc.arg(risk_score_bot),
    risk_score_free_trial_abuse         = sqlc.arg(risk_score_free_trial_abuse),
    signed_up_at                        = CASE WHEN sqlc.arg(signed_up_now)::boolean THEN now() ELSE signed_up_at END,
    version                             = version + 1
WHERE project_id = sqlc.arg(project_id) AND branch_id = sqlc.arg(branch_id) AND id = sqlc.arg(id)
RETURNING version, signed_up_at;

-- name: EnableOTP :exec
UPDATE users
SET otp_auth_enabled = true, version = version + 1
WHERE project_id = $1 AND branch_id = $2 AND id = $3 AND NOT otp_auth_enabled;

-- name: ClearSelectedTeam :exec
UPDATE users
SET selected_team_id = NULL, version = version + 1
WHERE project_id = $1 AND branch_id = $2 AND id = $3 AND selected_team_id = sqlc.arg(team_id)::uuid;

-- name: DeleteUser :one
DELETE FROM users
WHERE project_id = $1 AND branch_id = $2 AND id = $3
RETURNING version;
