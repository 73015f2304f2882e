-- Which destinations have a notification, of its present round of delivery.
ALTER TABLE notifications ADD COLUMN reached_callback INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notifications ADD COLUMN reached_bus INTEGER NOT NULL DEFAULT 0;
