//! Who calls, and whether they have asked too much already.

use crate::context::Context;
use crate::ports::{Counted, LookupHash, Result};
use crate::sealing::Lookup;
use crate::sight::is_seen_by;
use crate::wrong_guesses::Network;
use domain::ids::InstanceId;
use domain::instance::{Account, Instance};

/// Of the requests that an organization may make, each of its users has this part once they are used up, so that nobody
/// locks the others out.
const SHARE_OF_USER: u32 = 10;
/// What too many wrong secrets wait for their answer, ms.
const WRONG_WAIT_MS: u64 = 1_000;

/// What becomes of a request.
pub(crate) enum Admission {
    Known(Account),
    /// The secrets are unknown.
    Unknown,
    /// The organization has made all its requests of this minute, and the user their share.
    TooMany {
        wait_s: u64,
    },
    /// Too many secrets that are not known came from there, or for this organization.
    Guesses {
        wait_s: u64,
    },
}

/// The secrets that somebody shows.
pub(crate) struct ShownSecrets {
    pub(crate) user: LookupHash,
    pub(crate) organization: Option<LookupHash>,
    /// Where they were sent from; nothing where a session stands for them.
    pub(crate) network: Option<Network>,
}

/// Finds out whose secrets these are, and counts the request.
pub(crate) async fn admit(app: &Context, shown: &ShownSecrets, what: Counted) -> Result<Admission> {
    let Some(account) = app.ports.store.account(&shown.user, shown.organization.as_ref()).await? else {
        return Ok(match shown.network {
            Some(network) => refuse(app, (&shown.user, shown.organization.as_ref()), network).await,
            None => Admission::Unknown,
        });
    };
    Ok(match spend(app, &account, what).await? {
        None => Admission::Known(account),
        Some(wait_s) => Admission::TooMany { wait_s },
    })
}

/// The answer to secrets that nobody has, after a while where there were many.
pub(crate) async fn refuse(
    app: &Context,
    (secret, organization): (&LookupHash, Option<&LookupHash>),
    network: Network,
) -> Admission {
    match app.wrong_secrets.was_wrong(secret, organization, network, app.now()) {
        Ok(()) => Admission::Unknown,
        Err(wait_s) => {
            if let Some(_held) = app.wrong_secrets.hold(network).filter(|_| app.config.holds_wrong_secrets) {
                app.ports.clock.sleep(std::time::Duration::from_millis(WRONG_WAIT_MS)).await;
            }
            Admission::Guesses { wait_s }
        }
    }
}

/// Counts a request; seconds to wait where it is one too many.
async fn spend(app: &Context, account: &Account, what: Counted) -> Result<Option<u64>> {
    let (of, per_minute) = (account.organization_id, app.config.requests_per_minute);
    match (too_many(app, of, what, per_minute).await?, what) {
        (Some(_), Counted::Requests) => {
            let own = Counted::RequestsOf { user_id: account.user_id };
            too_many(app, of, own, per_minute / SHARE_OF_USER).await
        }
        (waits, _) => Ok(waits),
    }
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
