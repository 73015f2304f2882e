//! Rows of polled resources, and their outboxes.

use crate::sqlite::columns::{from_json, micros, to_json};
use crate::sqlite::readable::OfRow as _;
use app::ports::ResourceRow;
use domain::annex::AnnexPart;
use domain::ids::{InstanceId, Sequence};
use domain::state::ResourceState;
use rusqlite::{Connection, OptionalExtension as _, Result};

/// Sequences of one outbox that are read at once; the rest shows when these are cleared.
const OUTBOX_COUNT_MAX: usize = 1000;
/// More resources than an instance can have.
const RESOURCES_COUNT_MAX: usize = 1000;

/// What a write of a resource's state depends on.
pub(super) struct Version {
    pub(super) version: u64,
    pub(super) removed: bool,
}

pub(super) fn version(conn: &Connection, id: InstanceId, resource: &str) -> Result<Option<Version>> {
    conn.prepare_cached("SELECT version, removed FROM resources WHERE instance_id = ?1 AND resource = ?2")?
        .query_row((id.get(), resource), |row| Ok(Version { version: row.get(0)?, removed: row.get(1)? }))
        .optional()
}

/// Stores a state, whatever was there; the outbox stays.
pub(super) fn store(conn: &Connection, id: InstanceId, state: &ResourceState) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO resources (instance_id, resource, version, removed, written_at_us, document)
         VALUES (?1, ?2, ?3, 0, ?4, ?5)
         ON CONFLICT DO UPDATE SET version = excluded.version, removed = 0,
             written_at_us = excluded.written_at_us, document = excluded.document",
    )?
    .execute((id.get(), &state.resource, state.version, micros(state.written_at), to_json(state)?))?;
    Ok(())
}

/// Parts of a resource's annex, in the order of their names.
pub(super) fn annex(
    conn: &Connection,
    id: InstanceId,
    resource: &str,
    names: &[String],
) -> Result<Vec<Option<String>>> {
    let mut read = conn.prepare_cached(
        "SELECT document FROM annexes WHERE instance_id = ?1 AND resource = ?2 AND name = ?3",
    )?;
    let part = |name: &String| read.query_row((id.get(), resource, name), |row| row.get(0)).optional();
    names.iter().map(part).collect()
}

pub(super) fn store_annex(
    conn: &Connection,
    id: InstanceId,
    resource: &str,
    parts: &[AnnexPart],
) -> Result<()> {
    let mut store = conn.prepare_cached(
        "INSERT INTO annexes (instance_id, resource, name, document) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET document = excluded.document",
    )?;
    for part in parts {
        store.execute((id.get(), resource, &part.name, &part.text))?;
    }
    Ok(())
}

/// Removes a resource, now or with the last sequence of its outbox.
pub(super) fn remove(conn: &Connection, id: InstanceId, resource: &str) -> Result<()> {
    conn.prepare_cached("UPDATE resources SET removed = 1 WHERE instance_id = ?1 AND resource = ?2")?
        .execute((id.get(), resource))?;
    conn.prepare_cached("DELETE FROM annexes WHERE instance_id = ?1 AND resource = ?2")?
        .execute((id.get(), resource))?;
    drop_removed(conn, id, resource)
}

fn drop_removed(conn: &Connection, id: InstanceId, resource: &str) -> Result<()> {
    conn.prepare_cached(
        "DELETE FROM resources WHERE instance_id = ?1 AND resource = ?2 AND removed = 1
         AND NOT EXISTS (SELECT 1 FROM outbox WHERE instance_id = ?1 AND resource = ?2)",
    )?
    .execute((id.get(), resource))?;
    Ok(())
}

pub(super) fn all(conn: &Connection, id: InstanceId) -> Result<Vec<ResourceRow>> {
    let mut rows = conn
        .prepare_cached(
            "SELECT document, removed, resource FROM resources WHERE instance_id = ?1 ORDER BY resource LIMIT ?2",
        )?
        .query_map((id.get(), RESOURCES_COUNT_MAX), |row| {
            let name = row.get_ref(2)?.as_str()?;
            let state = from_json(row.get_ref(0)?.as_str()?).of_row("resources", format_args!("{id} {name}"))?;
            Ok(ResourceRow { state, outbox: Vec::new(), removed: row.get(1)? })
        })?
        .collect::<Result<Vec<ResourceRow>>>()?;
    for row in &mut rows {
        row.outbox = outbox(conn, id, &row.state.resource)?;
    }
    Ok(rows)
}

fn outbox(conn: &Connection, id: InstanceId, resource: &str) -> Result<Vec<Sequence>> {
    conn.prepare_cached(
        "SELECT sequence FROM outbox WHERE instance_id = ?1 AND resource = ?2 ORDER BY sequence LIMIT ?3",
    )?
    .query_map((id.get(), resource, OUTBOX_COUNT_MAX), |row| row.get(0).map(Sequence))?
    .collect()
}

pub(super) fn add_to_outbox(
    conn: &Connection,
    id: InstanceId,
    resource: &str,
    added: Sequence,
) -> Result<()> {
    conn.prepare_cached("INSERT INTO outbox (instance_id, resource, sequence) VALUES (?1, ?2, ?3)")?
        .execute((id.get(), resource, added.0))?;
    Ok(())
}

/// Takes names out of an outbox.
pub(super) fn forget(
    conn: &Connection,
    id: InstanceId,
    resource: &str,
    sequences: &[Sequence],
) -> Result<()> {
    let mut delete =
        conn.prepare_cached("DELETE FROM outbox WHERE instance_id = ?1 AND resource = ?2 AND sequence = ?3")?;
    for cleared in sequences {
        delete.execute((id.get(), resource, cleared.0))?;
    }
    Ok(())
}

/// Takes the name of one notification out of the outbox that has it, if one does.
pub(crate) fn leave_outbox(conn: &Connection, id: InstanceId, sequence: Sequence) -> Result<()> {
    let resource = in_outbox(conn, id, sequence)?;
    resource.map_or(Ok(()), |resource| clear_outbox(conn, id, &resource, &[sequence]))
}

/// Whose outbox names a notification. An instance's outboxes are short, and one read finds it.
pub(crate) fn in_outbox(conn: &Connection, id: InstanceId, sequence: Sequence) -> Result<Option<String>> {
    conn.prepare_cached("SELECT resource FROM outbox WHERE instance_id = ?1 AND sequence = ?2")?
        .query_row((id.get(), sequence.0), |row| row.get(0))
        .optional()
}

pub(super) fn clear_outbox(
    conn: &Connection,
    id: InstanceId,
    resource: &str,
    sequences: &[Sequence],
) -> Result<()> {
    forget(conn, id, resource, sequences)?;
    drop_removed(conn, id, resource)
}
