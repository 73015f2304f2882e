-- How a notification's changes were found: a document, absent in older rows.
ALTER TABLE notifications ADD COLUMN sighting TEXT;
