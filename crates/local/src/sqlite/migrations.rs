//! Versions of the file's format.

use super::connection::in_transaction;
use super::open_error::OpenError;
use rusqlite::Connection;
use std::cmp::Ordering;

/// The n-th brings a file from version n to n + 1.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_tables.sql"),
    include_str!("migrations/0002_reached.sql"),
    include_str!("migrations/0003_organizations.sql"),
    include_str!("migrations/0004_pollers.sql"),
    include_str!("migrations/0005_numbers.sql"),
    include_str!("migrations/0006_releases.sql"),
    include_str!("migrations/0007_key_proof.sql"),
    include_str!("migrations/0008_user_sessions.sql"),
    include_str!("migrations/0009_push.sql"),
    include_str!("migrations/0010_applications.sql"),
    include_str!("migrations/0011_sightings.sql"),
    include_str!("migrations/0012_fleet.sql"),
    include_str!("migrations/0013_bulks.sql"),
    include_str!("migrations/0014_searches.sql"),
    include_str!("migrations/0015_kept_counts.sql"),
    include_str!("migrations/0016_gists.sql"),
    include_str!("migrations/0017_health_events.sql"),
    include_str!("migrations/0018_sign_in_links.sql"),
    include_str!("migrations/0019_addresses.sql"),
    include_str!("migrations/0020_annexes.sql"),
    include_str!("migrations/0021_leases.sql"),
    include_str!("migrations/0022_spent.sql"),
];

/// Demands the version that this program knows, of a file that another process works on.
pub(super) fn demand(connection: &Connection) -> Result<(), OpenError> {
    let found: usize = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = MIGRATIONS.len();
    match found.cmp(&known) {
        Ordering::Equal => Ok(()),
        Ordering::Less => Err(OpenError::Older { found, known }),
        Ordering::Greater => Err(OpenError::Newer { found, known }),
    }
}

/// Brings the file to the version that this program knows; a newer one is refused, not guessed at.
pub(super) fn migrate(connection: &Connection) -> Result<(), OpenError> {
    let found: usize = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = MIGRATIONS.len();
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(found) {
        in_transaction(connection, |connection| {
            connection.execute_batch(migration)?;
            connection.execute_batch(&format!("PRAGMA user_version = {}", index + 1))
        })?;
    }
    Ok(())
}
