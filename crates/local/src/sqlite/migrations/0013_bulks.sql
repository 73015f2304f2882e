-- Bulk actions, each with the instances that it is about (four bytes each) until its end.
CREATE TABLE bulks (
    organization_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    is_running INTEGER NOT NULL,
    expires_at_us INTEGER,
    targets BLOB,
    document TEXT NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE INDEX bulks_by_expiry ON bulks (expires_at_us) WHERE expires_at_us IS NOT NULL;
