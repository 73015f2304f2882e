-- Links by which owners of mailboxes sign in, by the hash of a token.
CREATE TABLE sign_in_links (
    token_hash BLOB PRIMARY KEY,
    instance_id INTEGER,
    tries INTEGER NOT NULL,
    spent_on INTEGER,
    kept_until_us INTEGER NOT NULL,
    document TEXT NOT NULL,
    creation TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_in_links_of_instance ON sign_in_links (instance_id) WHERE instance_id IS NOT NULL;
CREATE INDEX sign_in_links_by_end ON sign_in_links (kept_until_us);
