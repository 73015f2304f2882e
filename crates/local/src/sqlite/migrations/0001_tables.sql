-- Times end in _us: microseconds since the Unix epoch. Documents are JSON.

-- Who calls. Secrets are known only by their keyed hashes.
CREATE TABLE organizations (
    id INTEGER PRIMARY KEY,
    secret_hash BLOB NOT NULL UNIQUE
) STRICT;

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    organization_id INTEGER NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE
) STRICT;

-- Instances, and what there is once for each.
CREATE TABLE instances (
    id INTEGER PRIMARY KEY,
    organization_id INTEGER NOT NULL,
    token_hash BLOB NOT NULL,
    version INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX instances_by_token ON instances (token_hash) WHERE deleted = 0;
CREATE INDEX instances_by_organization ON instances (organization_id, id) WHERE deleted = 0;

CREATE TABLE sessions (
    instance_id INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE subscriptions (
    instance_id INTEGER PRIMARY KEY,
    status TEXT NOT NULL,
    reason TEXT,
    generation INTEGER NOT NULL,
    lease_until_us INTEGER
) STRICT;

CREATE TABLE secrets (
    instance_id INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    sealed TEXT NOT NULL
) STRICT;

CREATE TABLE schedules (
    instance_id INTEGER PRIMARY KEY,
    interval_s INTEGER NOT NULL,
    phase_s INTEGER NOT NULL,
    enabled INTEGER NOT NULL
) STRICT;

-- Polled resources. A removed one stays until its outbox is empty.
CREATE TABLE resources (
    instance_id INTEGER NOT NULL,
    resource TEXT NOT NULL,
    version INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    written_at_us INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (instance_id, resource)
) STRICT;

-- Committed, not yet enqueued.
CREATE TABLE outbox (
    instance_id INTEGER NOT NULL,
    resource TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (instance_id, resource, sequence)
) STRICT, WITHOUT ROWID;

-- Notifications. What never changes stands apart, so that an attempt does not rewrite a large body.
CREATE TABLE notifications (
    row_id INTEGER PRIMARY KEY,
    instance_id INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    number INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    resource TEXT NOT NULL,
    created_at_us INTEGER NOT NULL,
    progress TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    round_start INTEGER NOT NULL,
    -- The release that last claimed it: one of a later generation counts a new round.
    round_generation INTEGER NOT NULL,
    due_at_us INTEGER,
    claim_until_us INTEGER,
    attempts TEXT NOT NULL,
    expires_at_us INTEGER,
    UNIQUE (instance_id, sequence)
) STRICT;

CREATE INDEX notifications_by_event_id ON notifications (instance_id, event_id, sequence);
CREATE INDEX notifications_pending ON notifications (instance_id, sequence) WHERE progress = 'pending';
CREATE INDEX notifications_by_expiry ON notifications (expires_at_us) WHERE expires_at_us IS NOT NULL;

CREATE TABLE bodies (
    row_id INTEGER PRIMARY KEY,
    -- 16 bytes each, in the order of the body.
    events BLOB NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- Which events the log holds.
CREATE TABLE events (
    instance_id INTEGER NOT NULL,
    event BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (instance_id, event, sequence)
) STRICT, WITHOUT ROWID;

-- Work for later. A lane is a class of jobs of one instance.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    job TEXT NOT NULL UNIQUE,
    class TEXT NOT NULL,
    instance_id INTEGER NOT NULL,
    due_at_us INTEGER NOT NULL,
    failures INTEGER NOT NULL
) STRICT;

CREATE INDEX jobs_by_lane ON jobs (class, instance_id, due_at_us, id);

-- Jobs that failed too often.
CREATE TABLE dead_jobs (
    job TEXT PRIMARY KEY,
    instance_id INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    died_at_us INTEGER NOT NULL
) STRICT;
