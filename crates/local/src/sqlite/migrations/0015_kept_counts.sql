-- What a list or a count of instances asks for stands in the short row itself, so that it reads one table and counts
-- nothing: how the callback is, how much waits, and of the polled resources what the status follows from. Triggers keep
-- it, in the transaction of whatever changes.
ALTER TABLE fleet ADD COLUMN application TEXT;
ALTER TABLE fleet ADD COLUMN callback TEXT NOT NULL DEFAULT 'active';
ALTER TABLE fleet ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fleet ADD COLUMN resources_count INTEGER NOT NULL DEFAULT 0;
-- Never read yet.
ALTER TABLE fleet ADD COLUMN unread_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fleet ADD COLUMN failures_max INTEGER NOT NULL DEFAULT 0;
-- The oldest last success of the resources that did not fail since, and of those that did.
ALTER TABLE fleet ADD COLUMN calm_since_us INTEGER;
ALTER TABLE fleet ADD COLUMN failing_since_us INTEGER;

-- A document has its times with no, three, six or nine digits behind the second.
ALTER TABLE pulses ADD COLUMN success_us INTEGER GENERATED ALWAYS AS (
    unixepoch(substr(last_success, 1, 19)) * 1000000
        + CAST(substr(rtrim(last_success, 'Z') || '000000', 21, 6) AS INTEGER)
) VIRTUAL;

DROP TRIGGER fleet_insert;
CREATE TRIGGER fleet_insert AFTER INSERT ON instances WHEN NEW.deleted = 0 BEGIN
    INSERT INTO fleet (organization_id, instance_id, account_id, connector, name, tags, valid, disabled,
        application_fault, events_enabled, interval_min, application)
    VALUES (
        NEW.organization_id,
        NEW.id,
        coalesce(json_extract(NEW.document, '$.account.account_id'), 0),
        coalesce(json_extract(NEW.document, '$.connector'), ''),
        coalesce(json_extract(NEW.document, '$.name'), ''),
        coalesce(json_extract(NEW.document, '$.tags'), '[]'),
        coalesce(json_extract(NEW.document, '$.validity'), '') = 'Valid',
        coalesce(json_extract(NEW.document, '$.disabled'), 0),
        json_extract(NEW.document, '$.application_error') IS NOT NULL,
        json_extract(NEW.document, '$.configuration."event.notification.enabled"'),
        json_extract(NEW.document, '$.configuration."event.poller.refresh_interval"'),
        nullif(trim(json_extract(NEW.document, '$.configuration."oauth.application"')), '')
    );
END;

CREATE TRIGGER fleet_application AFTER UPDATE OF document ON instances WHEN NEW.deleted = 0 BEGIN
    UPDATE fleet SET application = nullif(trim(json_extract(NEW.document, '$.configuration."oauth.application"')), '')
    WHERE organization_id = NEW.organization_id AND instance_id = NEW.id;
END;

CREATE TRIGGER fleet_callback_insert AFTER INSERT ON subscriptions BEGIN
    UPDATE fleet SET callback = NEW.status
    WHERE organization_id = (SELECT organization_id FROM instances WHERE id = NEW.instance_id)
        AND instance_id = NEW.instance_id;
END;

CREATE TRIGGER fleet_callback AFTER UPDATE OF status ON subscriptions WHEN NEW.status <> OLD.status BEGIN
    UPDATE fleet SET callback = NEW.status
    WHERE organization_id = (SELECT organization_id FROM instances WHERE id = NEW.instance_id)
        AND instance_id = NEW.instance_id;
END;

CREATE TRIGGER waiting_insert AFTER INSERT ON notifications WHEN NEW.progress = 'pending' BEGIN
    UPDATE fleet SET waiting = waiting + 1
    WHERE organization_id = NEW.organization_id AND instance_id = NEW.instance_id;
END;

CREATE TRIGGER waiting_update AFTER UPDATE OF progress ON notifications
WHEN (NEW.progress = 'pending') <> (OLD.progress = 'pending') BEGIN
    UPDATE fleet SET waiting = waiting + (NEW.progress = 'pending') - (OLD.progress = 'pending')
    WHERE organization_id = NEW.organization_id AND instance_id = NEW.instance_id;
END;

CREATE TRIGGER waiting_delete AFTER DELETE ON notifications WHEN OLD.progress = 'pending' BEGIN
    UPDATE fleet SET waiting = waiting - 1
    WHERE organization_id = OLD.organization_id AND instance_id = OLD.instance_id;
END;

-- A view that takes an instance and stores nothing: its trigger is what the three below share.
CREATE VIEW fleet_pulses AS SELECT 0 AS instance_id;
CREATE TRIGGER fleet_pulses_kept INSTEAD OF INSERT ON fleet_pulses BEGIN
    UPDATE fleet SET (resources_count, unread_count, failures_max, calm_since_us, failing_since_us) = (
        SELECT count(*), count(*) - count(success_us), coalesce(max(failures), 0),
            min(success_us) FILTER (WHERE failures = 0), min(success_us) FILTER (WHERE failures > 0)
        FROM pulses WHERE instance_id = NEW.instance_id)
    WHERE organization_id = (SELECT organization_id FROM instances WHERE id = NEW.instance_id)
        AND instance_id = NEW.instance_id;
END;

CREATE TRIGGER fleet_pulse_insert AFTER INSERT ON pulses BEGIN
    INSERT INTO fleet_pulses VALUES (NEW.instance_id);
END;
CREATE TRIGGER fleet_pulse_update AFTER UPDATE ON pulses BEGIN
    INSERT INTO fleet_pulses VALUES (NEW.instance_id);
END;
CREATE TRIGGER fleet_pulse_delete AFTER DELETE ON pulses BEGIN
    INSERT INTO fleet_pulses VALUES (OLD.instance_id);
END;

UPDATE fleet SET
    application = (SELECT nullif(trim(json_extract(document, '$.configuration."oauth.application"')), '')
        FROM instances WHERE id = fleet.instance_id),
    callback = coalesce((SELECT status FROM subscriptions s WHERE s.instance_id = fleet.instance_id), 'active'),
    waiting = (SELECT count(*) FROM notifications n INDEXED BY notifications_pending
        WHERE n.instance_id = fleet.instance_id AND n.progress = 'pending');
INSERT INTO fleet_pulses SELECT instance_id FROM fleet;
