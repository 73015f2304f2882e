//! Entries of the audit record: who did what, with what stood there before and after, and no secret.

use crate::context::Context;
use crate::ports::{Actor, AuditEntry, AuditMark, Result, Rows};
use domain::ids::InstanceId;
use domain::instance::{Instance, Validity};
use serde_json::{Value, json};
use std::fmt::Write as _;

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
            before,
            after,
        }
    }

    /// The entry of a new instance.
    pub(crate) fn creation(&self, app: &Context, instance: &Instance) -> AuditEntry {
        let organization_id = instance.account.organization_id;
        let documents = (None, Some(document(instance)));
        self.entry(app, organization_id, "instance.created", subject(instance.id), documents)
    }

    /// An entry about an instance.
    pub(crate) fn instance(
        &self,
        app: &Context,
        action: &str,
        before: Option<&Instance>,
        after: Option<&Instance>,
    ) -> Option<AuditEntry> {
        let instance = after.or(before)?;
        let documents = (before.map(document), after.map(document));
        Some(self.entry(app, instance.account.organization_id, action, subject(instance.id), documents))
    }
}

/// What entries call an instance.
pub(crate) fn subject(id: InstanceId) -> String {
    format!("instances/{id}")
}

/// What can be changed of an instance. Of a secret there is only that it is there, and its version.
fn document(instance: &Instance) -> Value {
    json!({
        "element": instance.connector,
        "name": instance.name,
        "tags": instance.tags,
        "configuration": instance.shown_configuration(),
        "secretsVersion": instance.secrets_version,
        "disabled": instance.disabled,
        "valid": instance.validity == Validity::Valid,
    })
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
    Ok((entries, is_more))
}
