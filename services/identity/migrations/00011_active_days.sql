-- +goose Up
-- On which days users were active, for figures about the last month; older days
-- are forgotten. A trigger, because nothing but the time of an activity decides,
-- and it writes once a day and user.
CREATE TABLE active_days (
    project_id text NOT NULL,
    branch_id  text NOT NULL,
    -- Of UTC.
    day        date NOT NULL,
    user_id    uuid NOT NULL,
    CONSTRAINT active_days_pkey PRIMARY KEY (project_id, branch_id, day, user_id),
    CONSTRAINT active_days_user_id_fk FOREIGN KEY (project_id, branch_id, user_id)
        REFERENCES users (project_id, branch_id, id) ON DELETE CASCADE
);

-- For the cascade.
CREATE INDEX active_days_user_id_idx ON active_days (project_id, branch_id, user_id);
CREATE INDEX active_days_day_idx ON active_days (day);

-- +goose StatementBegin
CREATE FUNCTION record_active_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO active_days (project_id, branch_id, day, user_id)
    VALUES (NEW.project_id, NEW.branch_id, (NEW.last_active_at AT TIME ZONE 'UTC')::date, NEW.user_id)
    ON CONFLICT ON CONSTRAINT active_days_pkey DO NOTHING;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER user_activity_first_day AFTER INSERT ON user_activity
    FOR EACH ROW EXECUTE FUNCTION record_active_day();

CREATE TRIGGER user_activity_new_day AFTER UPDATE OF last_active_at ON user_activity
    FOR EACH ROW WHEN ((OLD.last_active_at AT TIME ZONE 'UTC')::date <> (NEW.last_active_at AT TIME ZONE 'UTC')::date)
    EXECUTE FUNCTION record_active_day();
