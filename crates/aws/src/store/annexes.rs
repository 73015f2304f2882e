//! What connectors keep beside a resource's position: items among the instance's parts, which no poll reads unless it has to.

use super::key::{self, Key};
use super::packed;
use super::row::text;
use super::table::{KeyQuery, Table, Write};
use app::ports::Result;
use domain::annex::AnnexPart;
use domain::ids::InstanceId;

/// Parts in the order of their names.
pub(super) async fn read(
    table: &Table,
    id: InstanceId,
    resource: &str,
    names: &[String],
) -> Result<Vec<Option<String>>> {
    let context = "read an annex";
    let keys: Vec<Key> = names.iter().map(|name| Key::annex(id, resource, name)).collect();
    if let [key] = keys.as_slice() {
        let row = table.get(context, key).await?;
        return Ok(vec![row.map(|row| packed::inline(&row.0)).transpose()?]);
    }
    let mut found = table.get_many(context, &keys).await?;
    keys.iter().map(|key| found.remove(key).map(|row| packed::inline(&row.0)).transpose()).collect()
}

/// Writes of these parts, and their bytes.
pub(super) fn puts(id: InstanceId, resource: &str, parts: &[AnnexPart]) -> Result<(Vec<Write>, usize)> {
    let (mut writes, mut bytes) = (Vec::new(), 0);
    for part in parts {
        let (document, size) = packed::whole(&part.text)?;
        bytes += size;
        writes.push(Write::put(&Key::annex(id, resource, &part.name), [("doc", document)]));
    }
    Ok((writes, bytes))
}

/// Deletes all parts of a resource that is no longer configured.
pub(super) async fn remove(table: &Table, id: InstanceId, resource: &str) -> Result<()> {
    let context = "remove an annex";
    let range = ("sk", "begins_with(#sort, :from)", text(format!("{}{resource}#", key::ANNEX)));
    let page = KeyQuery { range: Some(range), only: Some("pk, sk"), ..KeyQuery::of(key::parts(id)) };
    let rows = table.query(context, page).await?;
    let keys = rows.iter().map(Key::of).collect::<Result<Vec<_>>>()?;
    table.delete_many(context, &keys).await
}
