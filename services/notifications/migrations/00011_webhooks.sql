-- +goose Up

-- Ids of endpoints and messages are unique beyond their project. Indexes other
-- than primary keys begin with them, and not with the project, so that the
-- planner tells them from the primary keys also before it has statistics.

-- One row is a URL that a project wants to be called.
CREATE TABLE webhook_endpoints (
    project_id  text        NOT NULL,
    branch_id   text        NOT NULL,
    id          text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    url         text        NOT NULL,
    description text        NOT NULL,
    filter_types text[]     NOT NULL, -- empty: all
    disabled    boolean     NOT NULL,
    -- Since when every attempt has failed.
    failing_since timestamptz,
    -- Sealed. After a rotation the old one signs as well for a while.
    secret                bytea NOT NULL,
    old_secret            bytea,
    old_secret_expires_at timestamptz,
    CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (project_id, branch_id, id),
    CONSTRAINT webhook_endpoints_old_secret_check CHECK ((old_secret IS NULL) = (old_secret_expires_at IS NULL))
);

-- One row is something that happened, as endpoints are told of it.
CREATE TABLE webhook_messages (
    project_id text        NOT NULL,
    branch_id  text        NOT NULL,
    id         text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    event_type text        NOT NULL,
    -- The body as it is signed and sent, to the byte.
    payload    json        NOT NULL,
    -- What it is about, and its place among the messages about the same.
    resource    text        NOT NULL,
    version     bigint      NOT NULL,
    occurred_at timestamptz NOT NULL,
    seq         bigint      GENERATED ALWAYS AS IDENTITY,
    CONSTRAINT webhook_messages_pkey PRIMARY KEY (project_id, branch_id, id)
);

CREATE INDEX webhook_messages_seq_idx ON webhook_messages (project_id, seq DESC);
CREATE INDEX webhook_messages_resource_idx ON webhook_messages (resource);
CREATE INDEX webhook_messages_created_at_idx ON webhook_messages (created_at);

-- One row is a message on its way to one endpoint.
CREATE TABLE webhook_deliveries (
    project_id  text        NOT NULL,
    branch_id   text        NOT NULL,
    message_id  text        NOT NULL,
    endpoint_id text        NOT NULL,
    created_at  timestamptz NOT NULL, -- of the message
    resource    text        NOT NULL,
    version     bigint      NOT NULL,
    occurred_at timestamptz NOT NULL,
    seq         bigint      NOT NULL,
    status      text        NOT NULL DEFAULT 'pending',
    attempts    integer     NOT NULL DEFAULT 0,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (project_id, branch_id, message_id, endpoint_id),
    CONSTRAINT webhook_deliveries_status_check CHECK (status IN ('pending', 'delivered', 'failed'))
) WITH (fillfactor = 80);

CREATE INDEX webhook_deliveries_pending_idx ON webhook_deliveries (endpoint_id, resource, version, occurred_at, seq)
    WHERE status = 'pending';
CREATE INDEX webhook_deliveries_created_at_idx ON webhook_deliveries (created_at);

-- One row is the queue of an endpoint's pending deliveries about one thing, of
-- which only the first is ever under way: that keeps their order. Lanes do not
-- wait for each other.
--
-- Whoever adds a delivery and whoever finishes one lock the lane's row, so that
-- no delivery is left in a lane that nobody looks at.
CREATE TABLE webhook_lanes (
    project_id  text        NOT NULL,
    branch_id   text        NOT NULL,
    endpoint_id text        NOT NULL,
    resource    text        NOT NULL,
    -- When a worker may take the lane; of one that is taken, when it may be
    -- taken away; infinity while the endpoint is disabled.
    due_at      timestamptz NOT NULL,
    worker_id   uuid,
    -- Resource of the same endpoint whose messages come first, until due_at at
    -- the latest.
    awaits      text,
    touched_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_lanes_pkey PRIMARY KEY (project_id, branch_id, endpoint_id, resource)
) WITH (fillfactor = 80);

CREATE INDEX webhook_lanes_due_at_idx ON webhook_lanes (endpoint_id, due_at);
CREATE INDEX webhook_lanes_awaits_idx ON webhook_lanes (awaits) WHERE awaits IS NOT NULL;

-- One row is one call of an endpoint.
CREATE TABLE webhook_attempts (
    project_id      text        NOT NULL,
    branch_id       text        NOT NULL,
    id              text        NOT NULL,
    endpoint_id     text        NOT NULL,
    message_id      text        NOT NULL,
    event_type      text        NOT NULL,
    attempt         integer     NOT NULL,
    succeeded       boolean     NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    duration_ms     float8      NOT NULL,
    response_status integer,    -- null: no answer
    response_body   text        NOT NULL,
    error           text,
    seq             bigint      GENERATED ALWAYS AS IDENTITY,
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (project_id, branch_id, id),
    CONSTRAINT webhook_attempts_error_check CHECK ((response_status IS NULL) = (error IS NOT NULL))
);

CREATE INDEX webhook_attempts_endpoint_id_idx ON webhook_attempts (endpoint_id, seq DESC);
CREATE INDEX webhook_attempts_message_id_idx ON webhook_attempts (message_id, seq DESC);
CREATE INDEX webhook_attempts_created_at_idx ON webhook_attempts (created_at);
