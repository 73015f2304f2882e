//! Who calls, and whether they have asked too much already.

use crate::context::Context;
use crate::ports::{LookupHash, Result};
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
    let now_s = app.now().timestamp();
    let count = app.ports.accounts.count_request(account.organization_id, now_s.div_euclid(60)).await?;
    if count <= app.config.requests_per_minute {
        return Ok(Admission::Known(account));
    }
    let wait_s = u64::try_from(60 - now_s.rem_euclid(60)).unwrap_or(60);
    Ok(Admission::TooMany { wait_s })
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
