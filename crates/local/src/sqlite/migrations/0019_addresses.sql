-- What instances are found by whose mailbox has an address: a keyed digest of it. What is odd in a row stops no upgrade.
CREATE INDEX instances_by_address ON instances (organization_id, json_extract(document, '$.address_key'), id)
WHERE deleted = 0 AND json_valid(document) AND json_extract(document, '$.address_key') IS NOT NULL;
