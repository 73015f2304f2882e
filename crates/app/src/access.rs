//! Who calls, and whether they have asked too much already.

use crate::context::Context;
use crate::ports::{Counted, LookupHash, Result};
use crate::sealing::Lookup;
use crate::sight::is_seen_by;
use domain::ids::InstanceId;
use domain::instance::{Account, Instance};

/// What becomes of a request.
pub(crate) enum Admission {
    Known(Account),
    /// The secrets are unknown.
    Unknown,
    /// The organization has made all its requests of this minute.
    TooMany {
        wait_s: u64,
    },
}

/// Finds out whose secrets these are, and counts the request.
pub(crate) async fn admit(
    app: &Context,
    user: &LookupHash,
    organization: Option<&LookupHash>,
) -> Result<Admission> {
    let Some(account) = app.ports.store.account(user, organization).await? else {
        return Ok(Admission::Unknown);
    };
    let per_minute = app.config.requests_per_minute;
    Ok(match too_many(app, account.organization_id, Counted::Requests, per_minute).await? {
        None => Admission::Known(account),
        Some(wait_s) => Admission::TooMany { wait_s },
    })
}

/// Counts one of an organization; seconds to wait where there were so many in this minute already, in all processes.
pub(crate) async fn too_many(
    app: &Context,
    organization_id: u32,
    what: Counted,
    per_minute: u32,
) -> Result<Option<u64>> {
    let now_s = app.now().timestamp();
    let count = app.ports.accounts.count_request(organization_id, what, now_s.div_euclid(60)).await?;
    let wait_s = u64::try_from(60 - now_s.rem_euclid(60)).unwrap_or(60);
    Ok((count > per_minute).then_some(wait_s))
}

/// The instance of a token, if the account sees it.
pub(crate) async fn instance_of_token(
    app: &Context,
    account: &Account,
    token: &str,
) -> Result<Option<Instance>> {
    let hash = app.sealer.lookup_hash(Lookup::InstanceToken, token);
    let instance = app.ports.store.instance_by_token(&hash).await?;
    Ok(instance.filter(|instance| is_seen_by(account, instance)))
}

/// The instance whose link this organization was given, unless it is gone.
pub(crate) async fn instance_of_link(
    app: &Context,
    organization_id: u32,
    id: InstanceId,
) -> Result<Option<Instance>> {
    let instance = app.ports.store.instance(id).await?;
    let is_theirs = |instance: &Instance| {
        instance.account.organization_id == organization_id && instance.deleted_at.is_none()
    };
    Ok(instance.filter(is_theirs))
}
