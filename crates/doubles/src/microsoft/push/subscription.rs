//! A subscription, and what of a mailbox it watches.

use serde_json::{Value, json};

use crate::clock::{SECOND_US, iso_seconds};
use crate::microsoft::kind::Type;
use crate::microsoft::noticed::{Noticed, Sight};

pub(in crate::microsoft) const MINUTE_US: i64 = 60 * SECOND_US;
/// A reminder comes so long before the grant or the subscription ends, or at half of what is left.
const REMINDER_US: i64 = 15 * MINUTE_US;
/// Whose mailboxes these are.
pub(in crate::microsoft) const TENANT: &str = "7f0b6a52-3c1d-4e8f-9a20-5d6c7b8a9e01";

/// What a resource of a subscription names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::microsoft) struct WatchedResource {
    pub(in crate::microsoft) kind: Type,
    /// Of messages: the only folder.
    pub(in crate::microsoft) folder: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::microsoft) enum ChangeType {
    Created,
    Updated,
    Deleted,
}

impl ChangeType {
    pub(in crate::microsoft) fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }

    /// Those that a list names, in order, each once.
    pub(in crate::microsoft) fn read(list: &str) -> Option<Vec<Self>> {
        let all = [Self::Created, Self::Updated, Self::Deleted];
        let names: Vec<&str> = list.split(',').map(str::trim).collect();
        let is_known = |name: &&str| all.iter().any(|one| one.name() == *name);
        let found = all.into_iter().filter(|one| names.contains(&one.name())).collect();
        names.iter().all(is_known).then_some(found)
    }
}

/// What is asked for, or granted.
#[derive(Clone, Debug)]
pub(in crate::microsoft) struct Subscription {
    pub(in crate::microsoft) id: String,
    pub(in crate::microsoft) account: String,
    pub(in crate::microsoft) user_id: String,
    pub(in crate::microsoft) application: String,
    /// As it was asked for.
    pub(in crate::microsoft) resource: String,
    pub(in crate::microsoft) watched: WatchedResource,
    /// As it was asked for.
    pub(in crate::microsoft) change_type: String,
    pub(in crate::microsoft) changes: Vec<ChangeType>,
    pub(in crate::microsoft) notification_url: String,
    pub(in crate::microsoft) lifecycle_url: Option<String>,
    pub(in crate::microsoft) client_state: Option<String>,
    pub(in crate::microsoft) is_immutable: bool,
    pub(in crate::microsoft) expires_us: i64,
    /// The end of the access token that made it, or renewed it last.
    pub(in crate::microsoft) granted_until_us: i64,
    /// How often it was granted anew: reminders from before are worth nothing.
    pub(in crate::microsoft) grants_count: u32,
    /// How it was granted anew last, and when.
    pub(in crate::microsoft) granted_by: Option<(GrantedBy, i64)>,
}

/// What grants a subscription anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::microsoft) enum GrantedBy {
    /// A PATCH.
    Renewal,
    /// `/reauthorize`.
    Reauthorization,
}

impl Subscription {
    /// Whether another one watches the same for the same.
    pub(in crate::microsoft) fn is_twin(&self, other: &Self) -> bool {
        let key =
            |one: &Self| (one.account.clone(), one.application.clone(), one.watched, one.changes.clone());
        key(self) == key(other)
    }

    /// What a change means to it.
    pub(in crate::microsoft) fn told<'a>(&self, noticed: &'a Noticed) -> Vec<(ChangeType, &'a Sight)> {
        if noticed.kind != self.watched.kind {
            return Vec::new();
        }
        let is_in = |sight: &&Sight| self.watched.folder.is_none() || sight.folder == self.watched.folder;
        let (before, after) = (noticed.before.as_ref().filter(is_in), noticed.after.as_ref().filter(is_in));
        let mut told = match (before, after) {
            (None, None) => vec![],
            (None, Some(after)) => vec![(ChangeType::Created, after)],
            (Some(before), None) => vec![(ChangeType::Deleted, before)],
            // Without immutable ids, what is moved is another thing afterwards.
            (Some(before), Some(after)) if !self.is_immutable && before.id != after.id => {
                vec![(ChangeType::Deleted, before), (ChangeType::Created, after)]
            }
            (Some(_), Some(after)) => vec![(ChangeType::Updated, after)],
        };
        told.retain(|(change, _)| self.changes.contains(change));
        told
    }

    /// The entry of a notice that tells of a change.
    pub(in crate::microsoft) fn notice(&self, change: ChangeType, sight: &Sight) -> Value {
        let (set, name) = match self.watched.kind {
            Type::Contact => ("Contacts", "Contact"),
            Type::Event => ("Events", "Event"),
            _ => ("Messages", "Message"),
        };
        let id = if self.is_immutable { &sight.immutable_id } else { &sight.id };
        let resource = format!("Users/{}/{set}/{id}", self.user_id);
        let mut entry = self.entry();
        entry["changeType"] = change.name().into();
        entry["resource"] = resource.as_str().into();
        entry["resourceData"] = json!({
            "@odata.type": format!("#Microsoft.Graph.{name}"),
            "@odata.id": resource,
            "@odata.etag": format!("W/\"{}\"", sight.change_key),
            "id": id,
        });
        entry
    }

    /// The entry of a notice that tells of the subscription itself.
    pub(in crate::microsoft) fn lifecycle(&self, event: &str) -> Value {
        let mut entry = self.entry();
        entry["lifecycleEvent"] = event.into();
        entry
    }

    fn entry(&self) -> Value {
        json!({
            "subscriptionId": self.id,
            "subscriptionExpirationDateTime": iso_seconds(self.expires_us),
            "clientState": self.client_state,
            "tenantId": TENANT,
        })
    }

    /// As answers show it. The client's state is told to whom made it, and not again.
    pub(in crate::microsoft) fn shown(&self, with_state: bool) -> Value {
        json!({
            "id": self.id,
            "resource": self.resource,
            "applicationId": self.application,
            "changeType": self.change_type,
            "clientState": self.client_state.as_deref().filter(|_| with_state),
            "notificationUrl": self.notification_url,
            "notificationQueryOptions": null,
            "lifecycleNotificationUrl": self.lifecycle_url,
            "expirationDateTime": iso_seconds(self.expires_us),
            "creatorId": self.user_id,
            "includeResourceData": null,
            "latestSupportedTlsVersion": "v1_2",
            "encryptionCertificate": null,
            "encryptionCertificateId": null,
            "notificationUrlAppId": null,
        })
    }

    /// When its owner is reminded that it is about to end, or that its grant is or has.
    pub(in crate::microsoft) fn reminders_us(&self, grants_end: bool, now_us: i64) -> Vec<i64> {
        let is_grant_first = grants_end && self.granted_until_us < self.expires_us;
        let ends_us = if is_grant_first { self.granted_until_us } else { self.expires_us };
        let soon_us = (ends_us - REMINDER_US).max(now_us + (ends_us - now_us).max(0) / 2);
        if is_grant_first { vec![soon_us, ends_us] } else { vec![soon_us] }
    }
}
