-- What the keys made of known texts: other keys make something else of them.
CREATE TABLE key_proof (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    hash BLOB NOT NULL,
    sealed TEXT NOT NULL
) STRICT;
