//! Links by which owners of mailboxes sign in.

use super::element::first;
use super::moment::Moment;
use crate::owners_link::{LinkSeen, MadeLink as Made, SignedInByLink};
use domain::sign_in_link::{LinkPurpose, LinkStanding};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// A link, to be sent to the mailbox's owner.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "MadeSignInLink", example = json!({
    "url": "https://carillon.example/link?key=4711.RANDOM", "expiresAt": super::AT,
}))]
pub(in crate::api) struct MadeLink {
    /// Whoever has it may sign in to the mailbox. Shown here and never again.
    pub(in crate::api) url: String,
    pub(in crate::api) expires_at: Moment,
}

/// A link, as its holder sees it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SignInLinkState", example = json!({
    "status": "open", "askedBy": "Example Ltd", "element": first().key, "elementName": first().name,
    "again": true, "reads": ["messages"], "scopes": ["READ_SCOPE"], "expiresAt": super::AT,
}))]
pub(in crate::api) struct LinkState {
    pub(in crate::api) status: LinkStatus,
    /// Who asks, in their own words.
    pub(in crate::api) asked_by: String,
    pub(in crate::api) element: &'static str,
    pub(in crate::api) element_name: &'static str,
    /// A mailbox signs in again; otherwise a new one is connected.
    pub(in crate::api) again: bool,
    /// Resources that are read; none where the link is over.
    pub(in crate::api) reads: Vec<String>,
    /// Scopes that the provider is asked for.
    pub(in crate::api) scopes: Vec<String>,
    pub(in crate::api) expires_at: Moment,
}

/// What can be done with a link. open: somebody may sign in; used: somebody did; expired: its time is over; exhausted: it was
/// tried too often.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "SignInLinkStatus")]
pub(in crate::api) enum LinkStatus {
    Open,
    Used,
    Expired,
    Exhausted,
}

/// What came of a sign-in by a link.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SignInLinkOutcome", example = json!({
    "askedBy": "Example Ltd", "element": first().key, "elementName": first().name, "again": true,
    "mailbox": "ada@example.com", "readUntil": super::AT, "polled": true,
}))]
pub(in crate::api) struct LinkOutcome {
    pub(in crate::api) asked_by: String,
    pub(in crate::api) element: &'static str,
    pub(in crate::api) element_name: &'static str,
    /// A mailbox was signed in again; otherwise a new one was connected.
    pub(in crate::api) again: bool,
    /// Its address, where the provider told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) mailbox: Option<String>,
    /// Until when it had been read: what came since is being caught up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) read_until: Option<Moment>,
    /// It is polled from now on.
    pub(in crate::api) polled: bool,
}

impl From<Made> for MadeLink {
    fn from(made: Made) -> Self {
        MadeLink { url: made.url, expires_at: Moment::of(made.expires_at) }
    }
}

impl From<LinkStanding> for LinkStatus {
    fn from(standing: LinkStanding) -> Self {
        match standing {
            LinkStanding::Open => LinkStatus::Open,
            LinkStanding::Spent(_) => LinkStatus::Used,
            LinkStanding::Expired => LinkStatus::Expired,
            LinkStanding::Exhausted => LinkStatus::Exhausted,
        }
    }
}

fn is_again(purpose: LinkPurpose) -> bool {
    matches!(purpose, LinkPurpose::Again(_))
}

impl From<LinkSeen> for LinkState {
    fn from(seen: LinkSeen) -> Self {
        let descriptor = seen.connector.descriptor();
        LinkState {
            status: seen.standing.into(),
            asked_by: seen.stored.link.asked_by,
            element: descriptor.key,
            element_name: descriptor.name,
            again: is_again(seen.stored.link.purpose),
            reads: seen.reads,
            scopes: seen.scopes,
            expires_at: Moment::of(seen.stored.link.expires_at),
        }
    }
}

impl From<SignedInByLink> for LinkOutcome {
    fn from(signed: SignedInByLink) -> Self {
        let descriptor = signed.connector.descriptor();
        LinkOutcome {
            asked_by: signed.stored.link.asked_by,
            element: descriptor.key,
            element_name: descriptor.name,
            again: is_again(signed.stored.link.purpose),
            mailbox: signed.address,
            read_until: signed.read_until.map(Moment::of),
            polled: signed.is_polled,
        }
    }
}
