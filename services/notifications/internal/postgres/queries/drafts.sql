-- name: CreateDraft :execrows
-- All drafts of a branch are shown at once, so together they are bounded.
INSERT INTO email_drafts (project_id, branch_id, id, display_name, source, theme_mode, theme_id)
SELECT sqlc.arg(project_id)::text, sqlc.arg(branch_id)::text, sqlc.arg(id)::uuid, sqlc.arg(display_name)::text, sqlc.arg(source)::text,
       sqlc.arg(theme_mode)::text, sqlc.narg(theme_id)::uuid
WHERE octet_length(sqlc.arg(source)::text) + 1000 + (
    SELECT coalesce(sum(octet_length(d.source) + 1000), 0) FROM email_drafts d
    WHERE d.project_id = sqlc.arg(project_id)::text AND d.branch_id = sqlc.arg(branch_id)::text
) <= sqlc.arg(max_bytes)::bigint;

-- name: DraftBytes :one
SELECT coalesce(sum(octet_length(source) + 1000), 0)::bigint AS bytes FROM email_drafts WHERE project_id = $1 AND branch_id = $2;

-- name: Draft :one
SELECT * FROM email_drafts WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: Drafts :many
SELECT * FROM email_drafts WHERE project_id = $1 AND branch_id = $2 ORDER BY updated_at DESC, id;

-- name: UpdateDraft :execrows
UPDATE email_drafts
SET display_name = coalesce(sqlc.narg(display_name), display_name), source = coalesce(sqlc.narg(source), source),
    theme_mode = sqlc.arg(theme_mode), theme_id = sqlc.narg(theme_id), updated_at = now()
WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: MarkDraftSent :execrows
UPDATE email_drafts SET sent_at = now() WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: DeleteDraft :execrows
DELETE FROM email_drafts WHERE project_id = $1 AND branch_id = $2 AND id = $3;

-- name: PurgeDrafts :exec
DELETE FROM email_drafts WHERE project_id = $1;
