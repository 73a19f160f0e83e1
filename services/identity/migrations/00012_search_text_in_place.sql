-- +goose Up
-- As before, with the text made in place: a call of user_search_text is planned
-- anew for every row, which took longer than all else about it.

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION refresh_user_search_text() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed record := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    owner   uuid;
BEGIN
    IF TG_TABLE_NAME = 'users' THEN
        owner := changed.id;
    ELSE
        owner := changed.user_id;
    END IF;
    -- A user who is being deleted is no longer there.
    INSERT INTO user_search_texts AS t (project_id, branch_id, user_id, content)
    SELECT u.project_id, u.branch_id, u.id, lower(concat_ws(E'\n', u.display_name, (
        SELECT string_agg(c.value, E'\n' ORDER BY c.created_at, c.id)
        FROM contact_channels c
        WHERE c.project_id = u.project_id AND c.branch_id = u.branch_id AND c.user_id = u.id
    )))
    FROM users u
    WHERE u.project_id = changed.project_id AND u.branch_id = changed.branch_id AND u.id = owner
    ON CONFLICT ON CONSTRAINT user_search_texts_pkey DO UPDATE
    SET content = excluded.content
    WHERE t.content <> excluded.content;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

DROP FUNCTION user_search_text(users);
