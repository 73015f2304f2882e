//! Entries of the audit record: who did what, with what stood there before and after, and no secret.
//!
//! Entries outlive what they tell of. An instance's values are somebody's name and address: they are sealed under a key that
//! stands in its row, so that deleting the row makes an end of them, wherever they stand.

use crate::context::Context;
use crate::ports::{Actor, AuditEntry, AuditMark, PortError, Result, Rows};
use crate::unreadable::PassedOver;
use domain::ids::InstanceId;
use domain::instance::{Instance, RecordKey, Validity};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Instances of a page of entries that are read at once.
const READ_COUNT_AT_ONCE: usize = 16;
/// What is configured is named as one field for each item.
const CONFIGURATION: &str = "configuration";

/// Who does something, and the request that led to it.
#[derive(Debug, Clone)]
pub(crate) struct By {
    pub(crate) actor: Actor,
    pub(crate) request_id: String,
}

impl By {
    /// What Carillon does by itself.
    pub(crate) fn carillon(app: &Context) -> Self {
        By { actor: Actor::Carillon, request_id: request_id(app) }
    }

    /// What somebody does on the host itself.
    pub(crate) fn administrator(app: &Context) -> Self {
        By { actor: Actor::Administrator, request_id: request_id(app) }
    }

    pub(crate) fn entry(
        &self,
        app: &Context,
        organization_id: u32,
        action: &str,
        subject: String,
        (before, after): (Option<Value>, Option<Value>),
    ) -> AuditEntry {
        AuditEntry {
            id: self.request_id.clone(),
            organization_id,
            at: app.now(),
            actor: self.actor,
            action: action.to_owned(),
            subject,
            fields: Vec::new(),
            before,
            after,
            sealed: None,
        }
    }

    /// The entry of a new or changed instance, which gets a key where it has none.
    pub(crate) fn instance(
        &self,
        app: &Context,
        action: &str,
        before: Option<&Instance>,
        after: &mut Instance,
    ) -> Result<AuditEntry> {
        let documents = (before.map_or_else(Map::new, document), document(after));
        let entry = self.of_instance(app, action, after);
        let key = match after.record_key.take() {
            Some(key) => key,
            None => app.sealer.record_key().map_err(sealing)?,
        };
        let sealed = app.sealer.seal_in_record(&key, &entry.id, json!(documents).to_string().as_bytes());
        after.record_key = Some(key);
        Ok(AuditEntry {
            fields: differing(&documents.0, &documents.1),
            sealed: Some(sealed.map_err(sealing)?),
            ..entry
        })
    }

    /// The entry of what was done with an instance, with what is told of it; of one without a key only that it was done.
    pub(crate) fn about(
        &self,
        app: &Context,
        action: &str,
        instance: &Instance,
        told: &Value,
    ) -> Result<AuditEntry> {
        let entry = self.of_instance(app, action, instance);
        let Some(key) = &instance.record_key else { return Ok(entry) };
        let documents = json!([{}, told]).to_string();
        let sealed = app.sealer.seal_in_record(key, &entry.id, documents.as_bytes()).map_err(sealing)?;
        Ok(AuditEntry { sealed: Some(sealed), ..entry })
    }

    /// The entry of a deletion. With the key, what other entries have of the instance goes.
    pub(crate) fn deletion(&self, app: &Context, instance: &mut Instance) -> AuditEntry {
        instance.record_key = None;
        self.of_instance(app, "instance.deleted", instance)
    }

    fn of_instance(&self, app: &Context, action: &str, instance: &Instance) -> AuditEntry {
        self.entry(app, instance.account.organization_id, action, subject(instance.id), (None, None))
    }
}

fn sealing(error: crate::sealing::SealError) -> PortError {
    PortError::new("sealing an entry of the audit record", error)
}

/// What entries call an instance.
pub(crate) fn subject(id: InstanceId) -> String {
    format!("instances/{id}")
}

/// The instance that an entry is about.
fn id_of(entry: &AuditEntry) -> Option<InstanceId> {
    InstanceId::parse(entry.subject.strip_prefix("instances/")?)
}

/// What can be changed of an instance. Of a secret there is only that it is there, and its version.
fn document(instance: &Instance) -> Map<String, Value> {
    let fields = [
        ("element", json!(instance.connector)),
        ("name", json!(instance.name)),
        ("tags", json!(instance.tags)),
        (CONFIGURATION, json!(instance.shown_configuration())),
        ("secretsVersion", json!(instance.secrets_version)),
        ("disabled", json!(instance.disabled)),
        ("valid", json!(instance.validity == Validity::Valid)),
    ];
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// Names of the fields whose values are not the same.
fn differing(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let (before, after) = (flat(before), flat(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

fn flat(document: &Map<String, Value>) -> BTreeMap<String, &Value> {
    let mut fields = BTreeMap::new();
    for (name, value) in document {
        match value.as_object().filter(|_| name == CONFIGURATION) {
            Some(items) => {
                fields.extend(items.iter().map(|(key, value)| (format!("{CONFIGURATION}.{key}"), value)));
            }
            None => {
                fields.insert(name.clone(), value);
            }
        }
    }
    fields
}

/// 24 hexadecimal digits.
pub(crate) fn request_id(app: &Context) -> String {
    let mut bytes = [0; 12];
    app.ports.entropy.fill(&mut bytes);
    bytes.iter().fold(String::with_capacity(24), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What was done in an organization before a place, newest first, and whether there is more.
pub(crate) async fn entries_before(
    app: &Context,
    organization_id: u32,
    before: Option<&AuditMark>,
    limit: usize,
) -> Result<(Rows<AuditEntry>, bool)> {
    // One more than asked for shows it.
    let mut entries = app.ports.accounts.audit(organization_id, before, limit + 1).await?;
    let is_more = entries.rows.len() > limit;
    entries.rows.truncate(limit);
    open(app, &mut entries).await?;
    Ok((entries, is_more))
}

/// Opens what is told of instances that are still there. Of what should open and does not, the values are lacking.
async fn open(app: &Context, entries: &mut Rows<AuditEntry>) -> Result<()> {
    let mut passed = PassedOver::default();
    let keys = keys(app, &entries.rows, &mut passed).await?;
    for entry in &mut entries.rows {
        let Some(key) = id_of(entry).and_then(|id| keys.get(&id)) else { continue };
        let Some(sealed) = entry.sealed.take() else { continue };
        match opened(app, key, &entry.id, &sealed) {
            Some((before, after)) => (entry.before, entry.after) = (told(before), told(after)),
            None => passed.count += 1,
        }
    }
    entries.unreadable_count += passed.count;
    Ok(())
}

/// Of the instances that entries tell of and that have one: a deleted one has none.
async fn keys(
    app: &Context,
    entries: &[AuditEntry],
    passed: &mut PassedOver,
) -> Result<BTreeMap<InstanceId, RecordKey>> {
    let sealed = entries.iter().filter(|entry| entry.sealed.is_some());
    let ids: BTreeSet<InstanceId> = sealed.filter_map(id_of).collect();
    let read = async |id| (id, app.ports.store.instance(id).await);
    let mut reads = stream::iter(ids).map(read).buffer_unordered(READ_COUNT_AT_ONCE);
    let mut keys = BTreeMap::new();
    while let Some((id, read)) = reads.next().await {
        let instance = passed.readable(read)?.flatten();
        keys.extend(instance.and_then(|instance| Some((id, instance.record_key?))));
    }
    Ok(keys)
}

fn opened(app: &Context, key: &RecordKey, field: &str, sealed: &str) -> Option<(Value, Value)> {
    serde_json::from_slice(&app.sealer.open_in_record(key, field, sealed).ok()?).ok()
}

/// A document, unless there was nothing.
fn told(document: Value) -> Option<Value> {
    Some(document).filter(|document| document.as_object().is_some_and(|fields| !fields.is_empty()))
}
