-- name: CreateInvitation :one
INSERT INTO team_invitations (project_id, branch_id, id, team_id, recipient_email, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + sqlc.arg(ttl)::interval)
RETURNING expires_at;

-- name: Invitation :one
SELECT * FROM team_invitations
WHERE project_id = $1 AND branch_id = $2 AND id = $3 AND expires_at > now();

-- name: InvitationsOfTeam :many
SELECT i.id, i.team_id, t.display_name AS team_display_name, i.recipient_email, i.expires_at
FROM team_invitations i
JOIN teams t ON t.project_id = i.project_id AND t.branch_id = i.branch_id AND t.id = i.team_id
WHERE i.project_id = $1 AND i.branch_id = $2 AND i.team_id = $3 AND i.expires_at > now()
ORDER BY i.created_at, i.id;

-- name: InvitationsTo :many
SELECT i.id, i.team_id, t.display_name AS team_display_name, i.recipient_email, i.expires_at
FROM team_invitations i
JOIN teams t ON t.project_id = i.project_id AND t.branch_id = i.branch_id AND t.id = i.team_id
WHERE i.project_id = $1 AND i.branch_id = $2 AND i.recipient_email = ANY(sqlc.arg(emails)::text[]) AND i.expires_at > now()
ORDER BY i.created_at, i.id;

-- name: TakeInvitation :one
-- Of all that accept an invitation or withdraw it, one gets it.
DELETE FROM team_invitations
WHERE project_id = $1 AND branch_id = $2 AND id = $3 AND team_id = $4 AND expires_at > now()
RETURNING id;

-- name: ForgetInvitation :exec
DELETE FROM team_invitations
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: ForgetExpiredInvitations :execrows
-- Of all projects: what has expired is of no use to any.
DELETE FROM team_invitations WHERE (project_id, branch_id, id) IN (
    SELECT i.project_id, i.branch_id, i.id FROM team_invitations i
    WHERE i.expires_at < now() LIMIT $1 FOR UPDATE SKIP LOCKED
);
