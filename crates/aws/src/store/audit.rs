//! What was changed, by whom: entries of an organization, in order of their times.

use super::key::{self, Key};
use super::packed;
use super::row::{Row, expiry, text, to_json};
use super::table::{KeyQuery, Table, Write};
use app::ports::{AUDIT_DAYS, AuditEntry, AuditMark, Result, Rows};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;

/// Maximum entries of one page.
const PAGE_COUNT_MAX: usize = 1000;
/// What an entry takes at the most, packed. An item may have 400 KB
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>). Configurations that come near it are
/// larger than an instance's row may be, before and after together: what is beyond goes without its documents.
const ENTRY_BYTES_MAX: usize = 350 * 1024;
/// What stands instead of a document that is too large.
const OMITTED: &str = "omitted: too large";

/// Notes an entry. The same once more is the same entry.
pub(super) fn put(entry: &AuditEntry) -> Result<Write> {
    let until = entry.at + TimeDelta::days(AUDIT_DAYS);
    let key = Key::audit(entry.organization_id, entry.at, &entry.id);
    Ok(Write::put(&key, [("doc", packed(entry)?), ("expires", expiry(until))]))
}

fn packed(entry: &AuditEntry) -> Result<AttributeValue> {
    let (document, size) = packed::whole(&to_json(entry)?)?;
    if size <= ENTRY_BYTES_MAX {
        return Ok(document);
    }
    Ok(packed::whole(&to_json(&without_documents(entry))?)?.0)
}

fn without_documents(entry: &AuditEntry) -> AuditEntry {
    let omitted = |is_there: bool| is_there.then(|| OMITTED.into());
    let is_sealed = entry.sealed.is_some();
    AuditEntry {
        before: omitted(entry.before.is_some()),
        after: omitted(entry.after.is_some() || is_sealed),
        sealed: None,
        ..entry.clone()
    }
}

pub(super) async fn note(table: &Table, entry: &AuditEntry) -> Result<()> {
    // Without a condition nothing is refused.
    let _ = table.write("note what was done", put(entry)?).await?;
    Ok(())
}

/// A page, newest first.
pub(super) async fn page(
    table: &Table,
    organization: u32,
    before: Option<&AuditMark>,
    limit: usize,
) -> Result<Rows<AuditEntry>> {
    let limit = limit.min(PAGE_COUNT_MAX);
    if limit == 0 {
        return Ok(Rows::default());
    }
    let range = before.map(|mark| ("sk", "#sort < :from", text(key::audited(mark.at, &mark.id))));
    let page =
        KeyQuery { range, is_descending: true, limit: Some(limit), ..KeyQuery::of(key::audit(organization)) };
    table.readable("read what was done", page, read).await
}

fn read(row: &Row) -> Result<AuditEntry> {
    serde_json::from_str(&packed::inline(&row.0)?).map_err(|_| row.damaged("doc"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::ports::Actor;
    use chrono::DateTime;
    use serde_json::json;

    fn entry(before: String) -> AuditEntry {
        AuditEntry {
            id: "0".repeat(24),
            organization_id: 1,
            at: DateTime::from_timestamp(1_795_000_000, 0).unwrap(),
            actor: Actor::Carillon,
            action: "instance.changed".to_owned(),
            subject: "instances/17".to_owned(),
            fields: Vec::new(),
            before: Some(json!({ "name": before })),
            after: None,
            sealed: None,
        }
    }

    #[test]
    fn documents_that_no_item_holds_are_said_to_be_omitted() {
        let mut random = fastrand::Rng::with_seed(1);
        let large = entry((0..600_000).map(|_| random.alphanumeric()).collect());
        let short = without_documents(&large);
        assert_eq!((&short.before, &short.after), (&Some(json!(OMITTED)), &None));
        assert_eq!(packed(&large).unwrap(), packed(&short).unwrap());
        let AuditEntry { before, .. } = large.clone();
        let sealed = AuditEntry { before: None, sealed: Some(before.unwrap().to_string()), ..large };
        let short = without_documents(&sealed);
        assert_eq!((&short.after, &short.sealed), (&Some(json!(OMITTED)), &None));
        assert_eq!(packed(&sealed).unwrap(), packed(&short).unwrap());
    }
}
