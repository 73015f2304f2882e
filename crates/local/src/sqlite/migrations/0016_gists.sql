-- What of a notification is in its body alone, in short, so that a search or a count reads no body: which kinds of events
-- it has (1 created, 2 updated, 4 deleted), and what its records are called, in small letters. Where these are not known,
-- as of what is there by now, a search takes it for possible and its body tells.
ALTER TABLE notifications ADD COLUMN events_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notifications ADD COLUMN kinds INTEGER;
ALTER TABLE notifications ADD COLUMN subjects TEXT;
UPDATE notifications SET events_count =
    coalesce((SELECT length(events) / 16 FROM bodies b WHERE b.row_id = notifications.row_id), 0);
-- Deletions are rare: among a million others they are found by these.
CREATE INDEX notifications_deleting ON notifications (organization_id, sequence, instance_id)
    WHERE coalesce(kinds, 4) & 4;

-- How many events of an account's living instances there were in a minute: delivered, and not. What only the log shows is
-- no event. Triggers keep it, in the transaction of whatever changes.
CREATE TABLE tallies (
    organization_id INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    open INTEGER NOT NULL,
    PRIMARY KEY (organization_id, minute, account_id)
) STRICT, WITHOUT ROWID;

-- A view that takes a difference and stores nothing: its trigger adds it up. Of a deleted instance nothing is counted any
-- more, since it has no row in the fleet.
CREATE VIEW tallied AS
    SELECT 0 AS organization_id, 0 AS instance_id, 0 AS sequence, 0 AS delivered, 0 AS open;
CREATE TRIGGER tallied_kept INSTEAD OF INSERT ON tallied WHEN NEW.delivered <> 0 OR NEW.open <> 0 BEGIN
    INSERT INTO tallies
        SELECT NEW.organization_id, NEW.sequence / 60000000, account_id, NEW.delivered, NEW.open
        FROM fleet WHERE organization_id = NEW.organization_id AND instance_id = NEW.instance_id
        ON CONFLICT DO UPDATE SET delivered = delivered + excluded.delivered, open = open + excluded.open;
    DELETE FROM tallies
    WHERE organization_id = NEW.organization_id AND minute = NEW.sequence / 60000000 AND delivered = 0 AND open = 0;
END;

CREATE TRIGGER tallies_insert AFTER INSERT ON notifications BEGIN
    INSERT INTO tallied VALUES (NEW.organization_id, NEW.instance_id, NEW.sequence,
        NEW.events_count * (NEW.progress = 'delivered'),
        NEW.events_count * (NEW.progress IN ('pending', 'dropped')));
END;
CREATE TRIGGER tallies_update AFTER UPDATE OF progress ON notifications WHEN NEW.progress <> OLD.progress BEGIN
    INSERT INTO tallied VALUES (NEW.organization_id, NEW.instance_id, NEW.sequence,
        NEW.events_count * ((NEW.progress = 'delivered') - (OLD.progress = 'delivered')),
        NEW.events_count * ((NEW.progress IN ('pending', 'dropped')) - (OLD.progress IN ('pending', 'dropped'))));
END;
CREATE TRIGGER tallies_delete AFTER DELETE ON notifications BEGIN
    INSERT INTO tallied VALUES (OLD.organization_id, OLD.instance_id, OLD.sequence,
        -OLD.events_count * (OLD.progress = 'delivered'),
        -OLD.events_count * (OLD.progress IN ('pending', 'dropped')));
END;

-- While the row in the fleet still says whose they were.
DROP TRIGGER fleet_delete;
CREATE TRIGGER fleet_delete AFTER UPDATE OF deleted ON instances WHEN NEW.deleted <> 0 BEGIN
    INSERT INTO tallied
        SELECT organization_id, instance_id, sequence,
            -sum(events_count * (progress = 'delivered')), -sum(events_count * (progress IN ('pending', 'dropped')))
        FROM notifications WHERE instance_id = NEW.id GROUP BY organization_id, sequence / 60000000;
    DELETE FROM fleet WHERE organization_id = NEW.organization_id AND instance_id = NEW.id;
END;

INSERT INTO tallies
    SELECT n.organization_id, n.sequence / 60000000, f.account_id,
        sum(n.events_count * (n.progress = 'delivered')), sum(n.events_count * (n.progress IN ('pending', 'dropped')))
    FROM notifications n JOIN fleet f ON f.organization_id = n.organization_id AND f.instance_id = n.instance_id
    WHERE n.progress <> 'logged' AND n.events_count > 0
    GROUP BY 1, 2, 3;
