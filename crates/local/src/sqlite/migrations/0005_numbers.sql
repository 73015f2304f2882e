-- Callbacks name a notification by its number, and it is asked for by that.
CREATE INDEX notifications_by_number ON notifications (number);
