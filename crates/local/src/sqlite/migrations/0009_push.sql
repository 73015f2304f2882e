-- What providers watch for us, by a keyed hash of the mailbox, and the hints that came.
CREATE TABLE push_states (
    key TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    hints TEXT NOT NULL,
    expires_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX push_states_by_end ON push_states (expires_at_us);
