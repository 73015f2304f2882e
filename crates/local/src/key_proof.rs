//! Whether the key file belongs to the data beside it.
//!
//! Other keys open nothing and match no secret: without this check the process would start as always, and then
//! refuse every caller.

use crate::sqlite::{Db, SqliteStore, SqliteVault};
use app::ports::{LookupHash, PortError, Vault as _};
use app::sealing::{Lookup, SealError, Sealer};
use rusqlite::{Connection, OptionalExtension as _};
use std::sync::Arc;

/// Sealed and hashed; the text says nothing.
const TEXT: &str = "carillon";
const PURPOSE: &str = "key proof";

/// Why the data can't be used with these keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// They are the keys of other data.
    #[error(
        "the key file does not belong to the data beside it: put back the one that does, or a backup of both"
    )]
    Foreign,
    /// Nothing was sealed.
    #[error("the keys can't be checked")]
    Seal(#[from] SealError),
    /// Nothing was read.
    #[error("the keys can't be checked")]
    Data(#[from] PortError),
}

/// What the keys make of the text.
struct Proof {
    hash: LookupHash,
    sealed: String,
}

/// Compares the keys with what the data was made with, and notes it where the data is new.
pub(crate) async fn prove(db: &Db, sealer: &Arc<Sealer>) -> Result<(), KeyError> {
    let hash = sealer.lookup_hash(Lookup::User, TEXT);
    let is_ours = match db.read("read the proof of the keys", noted).await? {
        Some(proof) => proof.hash == hash && sealer.open_for(PURPOSE, TEXT, &proof.sealed).is_ok(),
        None => open_a_secret(db, sealer).await?,
    };
    if !is_ours {
        return Err(KeyError::Foreign);
    }
    let proof = Proof { hash, sealed: sealer.seal_for(PURPOSE, TEXT, TEXT.as_bytes())? };
    Ok(db.write("store the proof of the keys", move |tx| note(tx, &proof)).await?)
}

/// Data of an earlier version has no proof, but it may have secrets.
async fn open_a_secret(db: &Db, sealer: &Arc<Sealer>) -> Result<bool, PortError> {
    let with_secrets = SqliteStore::new(db.clone()).with_secrets(0).await?;
    let Some(id) = with_secrets.first() else { return Ok(true) };
    Ok(SqliteVault::new(db.clone(), sealer.clone()).read(*id).await.is_ok())
}

fn noted(conn: &Connection) -> rusqlite::Result<Option<Proof>> {
    conn.prepare_cached("SELECT hash, sealed FROM key_proof")?
        .query_row([], |row| Ok(Proof { hash: row.get(0)?, sealed: row.get(1)? }))
        .optional()
}

/// The first one stays: a data key that is only opened with has to stay in the file, too.
fn note(tx: &Connection, proof: &Proof) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO key_proof (id, hash, sealed) VALUES (1, ?1, ?2) ON CONFLICT DO NOTHING")?
        .execute((proof.hash, &proof.sealed))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::sealing::DataKey;
    use domain::ids::InstanceId;

    fn sealer(lookup: u8, data: &[(&str, u8)]) -> Arc<Sealer> {
        let keys = data.iter().map(|(id, byte)| DataKey { id: (*id).to_owned(), bytes: [*byte; 32] });
        Arc::new(Sealer::new(&[lookup; 32], keys.collect()))
    }

    #[tokio::test]
    async fn other_keys_are_refused_and_a_new_one_beside_the_old_is_not() {
        let db = Db::in_memory().unwrap();
        prove(&db, &sealer(1, &[("1", 1)])).await.unwrap();
        prove(&db, &sealer(1, &[("2", 2), ("1", 1)])).await.unwrap();
        for foreign in [sealer(2, &[("1", 1)]), sealer(1, &[("1", 2)]), sealer(1, &[("2", 2)])] {
            assert!(matches!(prove(&db, &foreign).await, Err(KeyError::Foreign)));
        }
    }

    #[tokio::test]
    async fn data_of_an_earlier_version_is_tried_by_a_secret() {
        let db = Db::in_memory().unwrap();
        let right = sealer(1, &[("1", 1)]);
        let id = InstanceId::from_bytes([0, 0, 0, 1]);
        let vault = SqliteVault::new(db.clone(), right.clone());
        vault.write(id, &app::ports::Secrets::default(), 1).await.unwrap();
        assert!(matches!(prove(&db, &sealer(1, &[("1", 2)])).await, Err(KeyError::Foreign)));
        prove(&db, &right).await.unwrap();
    }
}
