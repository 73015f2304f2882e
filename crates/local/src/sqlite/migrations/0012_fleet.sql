-- What lists and counts of instances read in place of the documents: of each living instance, and of each of its polled
-- resources. Triggers keep it, so that no write can forget it.
CREATE TABLE fleet (
    organization_id INTEGER NOT NULL,
    instance_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    connector TEXT NOT NULL,
    name TEXT NOT NULL,
    tags TEXT NOT NULL,
    valid INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    application_fault INTEGER NOT NULL,
    -- As they are configured.
    events_enabled TEXT,
    interval_min TEXT,
    PRIMARY KEY (organization_id, instance_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE pulses (
    instance_id INTEGER NOT NULL,
    resource TEXT NOT NULL,
    failures INTEGER NOT NULL,
    last_success TEXT,
    PRIMARY KEY (instance_id, resource)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER fleet_insert AFTER INSERT ON instances WHEN NEW.deleted = 0 BEGIN
    INSERT INTO fleet VALUES (
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
        json_extract(NEW.document, '$.configuration."event.poller.refresh_interval"')
    );
END;

CREATE TRIGGER fleet_update AFTER UPDATE OF document, deleted ON instances WHEN NEW.deleted = 0 BEGIN
    UPDATE fleet SET
        account_id = coalesce(json_extract(NEW.document, '$.account.account_id'), 0),
        connector = coalesce(json_extract(NEW.document, '$.connector'), ''),
        name = coalesce(json_extract(NEW.document, '$.name'), ''),
        tags = coalesce(json_extract(NEW.document, '$.tags'), '[]'),
        valid = coalesce(json_extract(NEW.document, '$.validity'), '') = 'Valid',
        disabled = coalesce(json_extract(NEW.document, '$.disabled'), 0),
        application_fault = json_extract(NEW.document, '$.application_error') IS NOT NULL,
        events_enabled = json_extract(NEW.document, '$.configuration."event.notification.enabled"'),
        interval_min = json_extract(NEW.document, '$.configuration."event.poller.refresh_interval"')
    WHERE organization_id = NEW.organization_id AND instance_id = NEW.id;
END;

CREATE TRIGGER fleet_delete AFTER UPDATE OF deleted ON instances WHEN NEW.deleted <> 0 BEGIN
    DELETE FROM fleet WHERE organization_id = NEW.organization_id AND instance_id = NEW.id;
END;

CREATE TRIGGER pulses_insert AFTER INSERT ON resources
WHEN NEW.removed = 0 AND NEW.resource NOT LIKE 'backfill:%' BEGIN
    INSERT INTO pulses VALUES (NEW.instance_id, NEW.resource, coalesce(json_extract(NEW.document, '$.failures'), 0),
        json_extract(NEW.document, '$.last_success_at')) ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER pulses_update AFTER UPDATE OF document, removed ON resources
WHEN NEW.removed = 0 AND NEW.resource NOT LIKE 'backfill:%' BEGIN
    INSERT INTO pulses VALUES (NEW.instance_id, NEW.resource, coalesce(json_extract(NEW.document, '$.failures'), 0),
        json_extract(NEW.document, '$.last_success_at'))
    ON CONFLICT DO UPDATE SET failures = excluded.failures, last_success = excluded.last_success;
END;

CREATE TRIGGER pulses_remove AFTER UPDATE OF removed ON resources WHEN NEW.removed <> 0 BEGIN
    DELETE FROM pulses WHERE instance_id = NEW.instance_id AND resource = NEW.resource;
END;

CREATE TRIGGER pulses_delete AFTER DELETE ON resources BEGIN
    DELETE FROM pulses WHERE instance_id = OLD.instance_id AND resource = OLD.resource;
END;

-- The rows that are there: as if they were written again. What is missing in an odd one stops no upgrade.
INSERT INTO fleet SELECT
    organization_id, id,
    coalesce(json_extract(document, '$.account.account_id'), 0),
    coalesce(json_extract(document, '$.connector'), ''),
    coalesce(json_extract(document, '$.name'), ''),
    coalesce(json_extract(document, '$.tags'), '[]'),
    coalesce(json_extract(document, '$.validity'), '') = 'Valid',
    coalesce(json_extract(document, '$.disabled'), 0),
    json_extract(document, '$.application_error') IS NOT NULL,
    json_extract(document, '$.configuration."event.notification.enabled"'),
    json_extract(document, '$.configuration."event.poller.refresh_interval"')
FROM instances WHERE deleted = 0 AND json_valid(document);
INSERT INTO pulses SELECT instance_id, resource, coalesce(json_extract(document, '$.failures'), 0),
    json_extract(document, '$.last_success_at')
FROM resources WHERE removed = 0 AND resource NOT LIKE 'backfill:%' AND json_valid(document);
