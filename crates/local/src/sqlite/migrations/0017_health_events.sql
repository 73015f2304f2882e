-- What organizations are told of their instances' connections: letters, and the transitions that they are made of.
CREATE TABLE health_events (
    organization_id INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    expires_at_us INTEGER,
    document TEXT NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE INDEX health_events_by_expiry ON health_events (expires_at_us) WHERE expires_at_us IS NOT NULL;
