-- What connectors keep beside a resource's position: too large for a row that every poll reads.
CREATE TABLE annexes (
    instance_id INTEGER NOT NULL,
    resource TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (instance_id, resource, name)
) STRICT;
