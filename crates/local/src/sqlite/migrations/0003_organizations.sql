-- Users who see the instances of their own account alone. A removed one stays as a row that no secret finds: a
-- number that came again would give its new bearer the former one's instances.
ALTER TABLE users ADD COLUMN sees_own_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX users_by_organization ON users (organization_id, id);

-- What accounts are set to.
CREATE TABLE settings (
    organization_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (organization_id, account_id, key)
) STRICT, WITHOUT ROWID;

-- What was done, and by whom.
CREATE TABLE audit (
    row_id INTEGER PRIMARY KEY,
    organization_id INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    UNIQUE (organization_id, at_us, id)
) STRICT;

CREATE INDEX audit_by_time ON audit (at_us);

-- The log of an organization.
ALTER TABLE notifications ADD COLUMN organization_id INTEGER NOT NULL DEFAULT 0;
UPDATE notifications SET organization_id = instances.organization_id
    FROM instances WHERE instances.id = notifications.instance_id;
CREATE INDEX notifications_by_organization ON notifications (organization_id, sequence, instance_id);

-- The name comes first, so that it is found also where the instance is not known.
DROP INDEX notifications_by_event_id;
CREATE INDEX notifications_by_event_id ON notifications (event_id, instance_id, sequence);
