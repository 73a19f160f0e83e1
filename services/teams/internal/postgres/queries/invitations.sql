-- name: CreateInvitation :one
INSERT INTO team_invitations (project_id, branch_id, id, team_id, recipient_email, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + sqlc.arg(ttl)::interval)
RETURNING expires_at;

-- name: Invitation :one
SELECT * FROM team_invitations
WHERE project_id = $1 AND branch_id = $2 AND id = $3 AND expires_at > now();

-- name: InvitationsOfTeam :many
-- The newest, oldest first. A team's name may be as long as a request; of every
-- invitation's it is the beginning that is shown.
SELECT i.id, i.team_id, left(t.display_name, 256)::text AS team_display_name, i.recipient_email, i.expires_at
FROM (
    SELECT n.* FROM team_invitations n
    WHERE n.project_id = $1 AND n.branch_id = $2 AND n.team_id = $3 AND n.expires_at > now()
    ORDER BY n.created_at DESC, n.id DESC
    LIMIT sqlc.arg(max_rows)::bigint
) i
JOIN teams t ON t.project_id = i.project_id AND t.branch_id = i.branch_id AND t.id = i.team_id
ORDER BY i.created_at, i.id;

-- name: InvitationsTo :many
-- InvitationsOfTeam for those who are invited.
SELECT i.id, i.team_id, left(t.display_name, 256)::text AS team_display_name, i.recipient_email, i.expires_at
FROM (
    SELECT n.* FROM team_invitations n
    WHERE n.project_id = $1 AND n.branch_id = $2 AND n.recipient_email = ANY(sqlc.arg(emails)::text[]) AND n.expires_at > now()
    ORDER BY n.created_at DESC, n.id DESC
    LIMIT sqlc.arg(max_rows)::bigint
) i
JOIN teams t ON t.project_id = i.project_id AND t.branch_id = i.branch_id AND t.id = i.team_id
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
