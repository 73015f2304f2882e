-- What counts once and was taken, by its hash.
CREATE TABLE spent (
    hash BLOB PRIMARY KEY,
    expires_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_by_end ON spent (expires_at_us);
