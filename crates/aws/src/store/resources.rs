//! Rows of polled resources.

use super::key::{self, Key};
use super::packed::{self, Packed};
use super::row::{Row, number, numbers, text, to_json};
use super::table::{KeyQuery, Table, Write};
use app::ports::{ResourceRow, Result};
use domain::ids::{InstanceId, Sequence};
use domain::state::ResourceState;

/// A state beyond this goes into parts, packed: the row is read by every poll.
const INLINE_BYTES_MAX: usize = 24 * 1024;

/// What a stored row says beside its state.
pub(super) struct StoredResource {
    pub(super) name: String,
    pub(super) version: u64,
    pub(super) outbox: Vec<Sequence>,
}

impl StoredResource {
    pub(super) fn read(row: &Row) -> Result<Self> {
        Ok(StoredResource {
            name: row.text("title")?.to_owned(),
            version: row.number("version")?,
            outbox: outbox(row)?,
        })
    }
}

/// Sequences that are committed but not enqueued, in order.
fn outbox(row: &Row) -> Result<Vec<Sequence>> {
    let mut outbox: Vec<Sequence> = row.numbers("outbox")?.into_iter().map(Sequence).collect();
    outbox.sort_unstable();
    Ok(outbox)
}

/// A state, ready to be written.
pub(super) fn pack(id: InstanceId, state: &ResourceState) -> Result<Packed> {
    let owner = format!("R#{}", state.resource);
    Packed::new(id, &owner, &to_json(state)?, INLINE_BYTES_MAX)
}

/// Stores a state and leaves the outbox, or adds to it and takes out what was told.
///
/// Nothing is added to an outbox without a new version of its state: on the version that it was read with it names what was told,
/// and nothing that it did not name then.
pub(super) fn write(
    id: InstanceId,
    state: &ResourceState,
    packed: Packed,
    added: &[Sequence],
    told: &[Sequence],
) -> Write {
    let (set, remove, values) = packed.into_update();
    let (set_outbox, change) = match (added.is_empty(), told.is_empty()) {
        (true, true) => ("", ""),
        (false, true) => ("", " ADD outbox :names"),
        (true, false) => ("", " DELETE outbox :names"),
        // An expression can't add to a set and take from it.
        (false, false) => (", outbox = :names", ""),
    };
    let names = if added.is_empty() { told } else { added };
    let expression =
        format!("SET title = :title, version = :version, {set}{set_outbox} REMOVE removed, {remove}{change}");
    let mut write = Write::update(Key::resource(id, &state.resource), expression)
        .with(":title", text(&state.resource))
        .with(":version", number(state.version));
    for (name, value) in values {
        write = write.with(name, value);
    }
    match names.is_empty() {
        true => write,
        false => write.with(":names", numbers(names.iter().map(|sequence| sequence.0))),
    }
}

/// The row with its state; `None` if it changed while it was read.
pub(super) async fn read(table: &Table, id: InstanceId, row: &Row) -> Result<Option<ResourceRow>> {
    let Some(document) = packed::unpack(table, "read a large state", id, row).await? else { return Ok(None) };
    let state = serde_json::from_str(&document).map_err(|_| row.damaged("state"))?;
    Ok(Some(ResourceRow { state, outbox: outbox(row)?, removed: row.has("removed") }))
}

/// The keys of all parts of a resource's states, also of those that a crash left.
pub(super) async fn parts_there(table: &Table, id: InstanceId, resource: &str) -> Result<Vec<Key>> {
    let range = ("sk", "begins_with(#sort, :from)", text(format!("R#{resource}#")));
    let page = KeyQuery { range: Some(range), only: Some("pk, sk"), ..KeyQuery::of(key::parts(id)) };
    let rows = table.query("look for parts of a state", page).await?;
    rows.iter().map(Key::of).collect()
}

/// Deletes a resource's row.
pub(super) fn remove(id: InstanceId, resource: &str) -> Write {
    Write::delete(Key::resource(id, resource))
}

/// Keeps a resource's row until its outbox is empty.
pub(super) fn mark_removed(id: InstanceId, resource: &str) -> Write {
    Write::update(Key::resource(id, resource), "SET removed = :yes").with(":yes", text("yes"))
}
