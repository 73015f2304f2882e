//! Accounts, organizations, users, sessions, and what was changed.

use super::moment::Moment;
use crate::api::requests::account::FailurePolicy;
use crate::ports::{Actor, AuditEntry};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// What an account is set to, with the defaults.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = json!({ "notification.webhook.failure.policy": "retry" }))]
pub(in crate::api) struct Settings {
    /// `queue`: after the first failure everything waits for a release; `retry`: after the last retry.
    #[serde(rename = "notification.webhook.failure.policy")]
    #[schemars(with = "FailurePolicy")]
    pub(in crate::api) failure_policy: String,
    /// Where the organization is told of its connections' health; absent for those who do not see all of it.
    #[serde(rename = "notification.health.callback.url", skip_serializing_if = "Option::is_none")]
    pub(in crate::api) health_url: Option<String>,
    /// The key that this is signed with, masked.
    #[serde(rename = "notification.health.signature.key", skip_serializing_if = "Option::is_none")]
    pub(in crate::api) health_key: Option<String>,
}

/// An organization.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "id": 1, "usersCount": 2 }))]
pub(in crate::api) struct Organization {
    pub(in crate::api) id: u32,
    pub(in crate::api) users_count: u64,
}

/// A new organization, with its first user.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "id": 2, "organizationSecret": "SHOWN_ONCE",
    "user": { "id": 2, "accountId": 2, "organizationId": 2, "seesAll": true, "userSecret": "SHOWN_ONCE" },
}))]
pub(in crate::api) struct OrganizationWithSecrets {
    pub(in crate::api) id: u32,
    /// Shown here and never again.
    #[schemars(with = "String")]
    pub(in crate::api) organization_secret: Option<String>,
    pub(in crate::api) user: UserWithSecret,
}

/// Another secret of an organization.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "id": 2, "organizationSecret": "SHOWN_ONCE" }))]
pub(in crate::api) struct OrganizationSecret {
    pub(in crate::api) id: u32,
    /// Shown here and never again.
    pub(in crate::api) organization_secret: String,
}

/// A user.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "id": 2, "accountId": 2, "organizationId": 1, "seesAll": false, "createdDate": super::AT,
}))]
pub(in crate::api) struct User {
    pub(in crate::api) id: u32,
    pub(in crate::api) account_id: u32,
    pub(in crate::api) organization_id: u32,
    /// Sees all of the organization, and may administer it.
    pub(in crate::api) sees_all: bool,
    pub(in crate::api) created_date: Option<Moment>,
}

/// A new user.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "id": 2, "accountId": 2, "organizationId": 1, "seesAll": false, "userSecret": "SHOWN_ONCE",
}))]
pub(in crate::api) struct UserWithSecret {
    pub(in crate::api) id: u32,
    pub(in crate::api) account_id: u32,
    pub(in crate::api) organization_id: u32,
    pub(in crate::api) sees_all: bool,
    /// Shown here and never again.
    pub(in crate::api) user_secret: String,
}

/// Another secret of a user.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "id": 2, "organizationId": 1, "userSecret": "SHOWN_ONCE" }))]
pub(in crate::api) struct UserSecret {
    pub(in crate::api) id: u32,
    pub(in crate::api) organization_id: u32,
    /// Shown here and never again.
    pub(in crate::api) user_secret: String,
}

/// A session, which stands for both secrets.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({ "sessionToken": "RANDOM", "expiresDate": "2026-11-22T23:15:00Z" }))]
pub(in crate::api) struct Session {
    /// Shown here and never again.
    pub(in crate::api) session_token: String,
    pub(in crate::api) expires_date: Moment,
}

/// One change.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AuditEntry", example = json!({
    "id": "5f0c6a3b1d2e4f5a6b7c8d9e", "organizationId": 1, "at": "2026-11-22T11:40:00.123456Z",
    "actor": { "type": "user", "userId": 1 }, "action": "instance.changed", "subject": "instances/4711",
    "fields": ["name"], "before": { "name": "Sales" }, "after": { "name": "Sales mailbox" },
}))]
pub(in crate::api) struct Audited {
    /// That of the request.
    pub(in crate::api) id: String,
    pub(in crate::api) organization_id: u32,
    /// As exact as it is known.
    pub(in crate::api) at: Moment,
    pub(in crate::api) actor: AuditedActor,
    /// What was done.
    pub(in crate::api) action: String,
    /// To what.
    pub(in crate::api) subject: String,
    /// What of an instance is otherwise than before, as `configuration.event.poller.refresh_interval`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::api) fields: Vec<String>,
    /// What stood there before, secrets masked. Of an instance as long as it is not deleted.
    pub(in crate::api) before: Option<Value>,
    /// What stands there now, secrets masked. Of an instance as long as it is not deleted.
    pub(in crate::api) after: Option<Value>,
}

/// Who changed something.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AuditActor")]
pub(in crate::api) struct AuditedActor {
    #[serde(rename = "type")]
    pub(in crate::api) kind: ActorKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) user_id: Option<u32>,
}

/// What kind of caller: Carillon changes something itself, too, as when a provider wants a person to sign in again.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::api) enum ActorKind {
    User,
    Administrator,
    Carillon,
}

impl From<Actor> for AuditedActor {
    fn from(actor: Actor) -> Self {
        let (kind, user_id) = match actor {
            Actor::User { user_id } => (ActorKind::User, Some(user_id)),
            Actor::Administrator => (ActorKind::Administrator, None),
            Actor::Carillon => (ActorKind::Carillon, None),
        };
        AuditedActor { kind, user_id }
    }
}

impl From<AuditEntry> for Audited {
    fn from(entry: AuditEntry) -> Self {
        Audited {
            id: entry.id,
            organization_id: entry.organization_id,
            at: Moment::exact(entry.at),
            actor: entry.actor.into(),
            action: entry.action,
            subject: entry.subject,
            fields: entry.fields,
            before: entry.before,
            after: entry.after,
        }
    }
}
