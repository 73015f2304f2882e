//! One connected mailbox: what its owner configured, and what became of it.

use crate::health_ledger::HealthLedger;
use crate::ids::InstanceId;
use crate::settings::{Items, MASK, OAUTH_APPLICATION, given, shown};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Who owns an instance, and who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Account {
    /// `companyId` on the wire.
    pub organization_id: u32,
    /// `accountId` on the wire.
    pub account_id: u32,
    /// `userId` on the wire.
    pub user_id: u32,
    /// The user sees the instances of their own account alone, not those of the whole organization.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sees_own_only: bool,
}

impl Account {
    /// Whether what belongs to another account may be seen.
    pub fn sees(&self, other: &Account) -> bool {
        self.organization_id == other.organization_id
            && (!self.sees_own_only || self.account_id == other.account_id)
    }
}

/// Whether the provider still lets us in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Validity {
    /// As far as we know, yes.
    Valid,
    /// No: a person has to sign in again. The text says why.
    NeedsSignIn(String),
}

/// The address of the mailbox that is connected. It is somebody's name: no row, log or message has it in clear.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailboxAddress {
    /// Nobody asked the provider: nothing was polled yet, or not since addresses are kept.
    #[default]
    Unasked,
    /// The provider does not tell it.
    Untold,
    /// Sealed for the instance and its organization.
    Sealed(String),
}

impl MailboxAddress {
    /// The provider was not asked yet.
    pub fn is_unasked(&self) -> bool {
        *self == MailboxAddress::Unasked
    }
}

/// What the instances of an organization are found by whose mailbox has one address: a keyed digest of both, so that it
/// tells nothing to whoever lacks the key, and stands for nothing in another organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AddressKey(pub String);

/// What the values of an instance are sealed under in entries of the audit record: 256 bits, in base64url. It stands in the
/// instance's row alone, so that those values can be read as long as the row's own can.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordKey(pub String);

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordKey")
    }
}

/// What a change of an instance's row implies outside the row and has not been acted on yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unsettled {
    /// The schedule may not be as the row says.
    Schedule,
    /// A poll beside the schedule was not enqueued: it takes a baseline, begins a backfill, or finds out whether what
    /// had stopped goes on.
    Poll,
}

/// An instance as stored, without its secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Its owner.
    pub account: Account,
    /// Key of its connector.
    pub connector: String,
    /// Name, free of markup.
    pub name: String,
    /// Tags, free of markup; the name where none were given.
    pub tags: Vec<String>,
    /// Configuration items as texts, without the secret ones; of an address with credentials what may be shown.
    pub configuration: BTreeMap<String, String>,
    /// Keys of the configured secrets, whose values are in the vault.
    pub secret_keys: Vec<String>,
    /// Version of the vault's entry that goes with this row.
    pub secrets_version: u64,
    /// The instance's token, sealed; a keyed hash of it is what it is found by.
    pub token_sealed: String,
    /// `externalAuthentication` as given.
    pub external_authentication: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// Switched off by its owner.
    pub disabled: bool,
    /// Whether the provider lets us in.
    pub validity: Validity,
    /// A fault of the application's credentials, not of the mailbox: shown, and retried.
    pub application_error: Option<String>,
    /// Digest of the mailbox's identity, to notice that another one was connected.
    pub mailbox_digest: String,
    /// The mailbox's address, for those who may read the instance.
    #[serde(default, skip_serializing_if = "MailboxAddress::is_unasked")]
    pub address: MailboxAddress,
    /// What it is found by, beside a sealed address; rows from before get it with the next answered poll or change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_key: Option<AddressKey>,
    /// Rows from before get it with the next change; a deleted one has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_key: Option<RecordKey>,
    /// What its owner should know, newest last.
    pub notices: Vec<Notice>,
    /// Set once it is deleted: rows of it may still be there.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Written with the change that implies it, cleared once acted on.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unsettled: BTreeSet<Unsettled>,
    /// What it was moved away from, and whose push it is still to leave; settled with `unsettled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Left>,
    /// What was told of its connection, and what is to be told.
    #[serde(default, skip_serializing_if = "HealthLedger::is_empty")]
    pub health: HealthLedger,
    /// Goes up with each change of the row.
    pub version: u64,
}

/// A mailbox and an application that an instance had before others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Digest of the mailbox's identity.
    pub mailbox_digest: String,
    /// Digest of the application, as members of push have it.
    pub application: String,
    /// An access token of it, sealed: what is watched is ended with it.
    pub token_sealed: String,
}

/// Something the owner should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When.
    pub at: DateTime<Utc>,
    /// What, in words.
    pub text: String,
}

/// Notices kept.
const NOTICES_COUNT_MAX: usize = 10;

impl Instance {
    /// Notes something; the oldest note makes room, and what was said last is not said again.
    pub fn notice(&mut self, at: DateTime<Utc>, text: impl Into<String>) {
        let text = text.into();
        if self.notices.last().is_some_and(|last| last.text == text) {
            return;
        }
        self.notices.push(Notice { at, text });
        if self.notices.len() > NOTICES_COUNT_MAX {
            self.notices.remove(0);
        }
    }

    /// The configuration as it may be shown, secrets masked. What counts as one by now may have been stored as plain
    /// before.
    pub fn shown_configuration(&self) -> Items {
        let plain = self.configuration.iter();
        let mut items: Items =
            plain.map(|(key, value)| (key.clone(), shown(key, value).into_owned())).collect();
        for key in &self.secret_keys {
            // An address with a password is shown but for that.
            items.entry(key.clone()).or_insert_with(|| MASK.to_owned());
        }
        items
    }

    /// The stored application that it signs in with, if it names one. A deleted instance needs none any more.
    pub fn application(&self) -> Option<&str> {
        given(&self.configuration, OAUTH_APPLICATION).filter(|_| self.deleted_at.is_none())
    }

    /// The same after what it implies was seen to.
    pub fn settled(&self) -> Instance {
        let health = self.health.handed_over();
        Instance { unsettled: BTreeSet::new(), left: Vec::new(), health, ..self.clone() }
    }

    /// Something that it implies may not have been seen to.
    pub fn is_unsettled(&self) -> bool {
        !self.unsettled.is_empty() || !self.health.pending.is_empty()
    }

    /// The provider lets us in.
    pub fn is_valid(&self) -> bool {
        self.validity == Validity::Valid
    }
}

/// Takes markup out of a name or tag: `<b>x</b>` becomes `x`. A `<` that begins none stays; control characters, which no
/// name has, go.
pub fn without_markup(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        let begins = rest[open + 1..].starts_with(|next: char| next.is_alphabetic() || "/!?<".contains(next));
        if !begins {
            out.push('<');
            rest = &rest[open + 1..];
            continue;
        }
        let Some(close) = rest[open..].find('>') else {
            rest = &rest[open + 1..];
            continue;
        };
        rest = &rest[open + close + 1..];
    }
    out.push_str(rest);
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::without_markup;

    #[test]
    fn markup_is_taken_out_of_names() {
        assert_eq!(without_markup("<a href=\"x\">xss</a>"), "xss");
        assert_eq!(without_markup("a < b, 1 <2 <- c -> d"), "a < b, 1 <2 <- c -> d");
        assert_eq!(without_markup("<<b>>"), ">");
        assert_eq!(without_markup("plain"), "plain");
        assert_eq!(without_markup("a\0b\u{7}\r\nc\u{9b}"), "abc");
    }
}
