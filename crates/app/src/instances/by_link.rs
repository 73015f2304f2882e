//! What a sign-in that came by a link must be: of a link that nobody used, and to the same mailbox.

use super::{NotByLink, Refusal};
use crate::context::Context;
use domain::health_ledger::ConnectedMailbox;
use domain::instance::{Instance, Unsettled};
use domain::sign_in_link::LinkKey;

/// Looked at before each try: the write itself decides.
pub(super) async fn check_unspent(app: &Context, spends: Option<LinkKey>) -> Result<(), Refusal> {
    let Some(key) = spends else { return Ok(()) };
    match app.ports.store.link(&key).await? {
        Some(link) if link.spent_on.is_none() => Ok(()),
        _ => Err(Refusal::ByLink(NotByLink::Spent)),
    }
}

/// The digest of a mailbox whose owner can be told from others.
pub(super) fn check_known(digest: &str) -> Result<(), Refusal> {
    match digest.is_empty() {
        true => Err(Refusal::ByLink(NotByLink::Unknowable)),
        false => Ok(()),
    }
}

/// Whether two digests are of one mailbox; where one is not known, they might not be.
pub(super) fn check_same(before: &str, now: &str) -> Result<(), Refusal> {
    check_known(before)?;
    check_known(now)?;
    match before == now {
        true => Ok(()),
        false => Err(Refusal::ByLink(NotByLink::OtherMailbox)),
    }
}

/// In the row that spends a link: whoever made it is told, and what was missed is caught up with at once.
pub(super) fn note_again(app: &Context, instance: &mut Instance, spends: Option<LinkKey>) {
    if spends.is_some() {
        instance.unsettled.insert(Unsettled::Poll);
        note_connected(app, instance, true);
    }
}

/// The same of a new mailbox.
pub(super) fn note_new(app: &Context, instance: &mut Instance, spends: Option<LinkKey>) {
    if spends.is_some() {
        note_connected(app, instance, false);
    }
}

fn note_connected(app: &Context, instance: &mut Instance, again: bool) {
    let mailbox = ConnectedMailbox { again, name: instance.name.clone(), tags: instance.tags.clone() };
    instance.health.note_connected((instance.id, instance.version), mailbox, app.now());
}
