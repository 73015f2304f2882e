-- Who is signed in, by the hash of a token.
CREATE TABLE user_sessions (
    token_hash BLOB PRIMARY KEY,
    user_hash BLOB NOT NULL,
    organization_hash BLOB NOT NULL,
    expires_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX user_sessions_by_end ON user_sessions (expires_at_us);
