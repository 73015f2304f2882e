-- What the log is searched by. An index by status of an organization's log, and of an instance's.
CREATE INDEX notifications_by_progress ON notifications (organization_id, progress, sequence, instance_id);
CREATE INDEX notifications_of_progress ON notifications (instance_id, progress, sequence);

-- The objects that notifications are about. A notification's go with it.
CREATE TABLE objects (
    object TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    instance_id INTEGER NOT NULL,
    PRIMARY KEY (object, sequence, instance_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX objects_of_notification ON objects (instance_id, sequence);

-- Those of the notifications that are there, as their bodies name them. What is missing in an odd one stops no upgrade.
INSERT OR IGNORE INTO objects
SELECT json_extract(e.value, '$.objectId'), n.sequence, n.instance_id
FROM notifications n
JOIN bodies b ON b.row_id = n.row_id,
    json_each(CASE WHEN json_valid(b.body) THEN b.body ELSE '{}' END, '$.message.events') e
WHERE e.type = 'object' AND json_type(e.value, '$.objectId') = 'text';
