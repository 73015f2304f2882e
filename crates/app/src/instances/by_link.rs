//! What a sign-in that came by a link must be: of a link that nobody used, and to the same mailbox.

use super::{NotByLink, Refusal};
use crate::context::Context;
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
