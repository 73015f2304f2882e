-- Who polls an instance's mailbox. One that was never polled has no row.
CREATE TABLE pollers (
    instance_id INTEGER PRIMARY KEY,
    fence INTEGER NOT NULL,
    until_us INTEGER,
    -- Somebody came while the lease was held, and wants another look.
    again INTEGER NOT NULL
) STRICT;
