//! Who is to be told of what, and when.

mod delivery;
mod endpoint;
pub(in crate::microsoft) mod order;
mod subscription;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Notify;

use super::error;
use super::uuid::uuid;
use crate::push::{DueQueue, Log, Mishaps, Way};
use crate::reply::Reply;
pub(in crate::microsoft) use delivery::Batch;
use delivery::PendingSend;
use endpoint::Endpoint;
use subscription::MINUTE_US;
pub(in crate::microsoft) use subscription::{GrantedBy, Subscription};

/// Documented for a mailbox, over all applications.
const SUBSCRIPTIONS_COUNT_MAX: usize = 1000;
/// A PATCH and `/reauthorize` must not both be used within this time.
const BOTH_WAYS_US: i64 = 10 * MINUTE_US;

pub(in crate::microsoft) struct Push {
    pub(in crate::microsoft) rng: fastrand::Rng,
    pub(in crate::microsoft) way: Way,
    pub(in crate::microsoft) mishaps: Mishaps,
    pub(in crate::microsoft) log: Log,
    /// Whether a grant ends with its access token.
    pub(in crate::microsoft) grants_end: bool,
    /// Whether neither subscriptions nor their grants are renewed.
    pub(in crate::microsoft) refuses_renewals: bool,
    /// Whether a second subscription to the same is refused.
    pub(in crate::microsoft) refuses_twins: bool,
    /// Least and most time from a change to its notice.
    pub(in crate::microsoft) delay_us: (i64, i64),
    pub(in crate::microsoft) notify: Arc<Notify>,
    pub(in crate::microsoft) subscriptions: Vec<Subscription>,
    due: DueQueue<PendingSend>,
    endpoints: BTreeMap<String, Endpoint>,
}

impl Push {
    pub(in crate::microsoft) fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            way: Way::sockets(),
            mishaps: Mishaps::new(seed.wrapping_add(1)),
            log: Log::default(),
            grants_end: true,
            refuses_renewals: false,
            refuses_twins: true,
            delay_us: (0, 0),
            notify: Arc::default(),
            subscriptions: Vec::new(),
            due: DueQueue::default(),
            endpoints: BTreeMap::new(),
        }
    }

    pub(in crate::microsoft) fn next_us(&self) -> Option<i64> {
        self.due.next_us()
    }

    /// The subscriptions of an account, as their owner sees them.
    pub(in crate::microsoft) fn of(&mut self, account: &str, now_us: i64) -> Vec<Value> {
        self.forget_expired(now_us);
        let own = self.subscriptions.iter().filter(|known| known.account == account);
        own.map(|known| known.shown(true)).collect()
    }

    /// Ends the subscriptions of an account, and tells their owner or does not.
    pub(in crate::microsoft) fn remove(&mut self, account: &str, is_told: bool, now_us: i64) {
        let (gone, kept) = std::mem::take(&mut self.subscriptions)
            .into_iter()
            .partition::<Vec<_>, _>(|known| known.account == account);
        self.subscriptions = kept;
        for subscription in gone.iter().filter(|_| is_told) {
            self.tell(subscription, "subscriptionRemoved", now_us);
        }
    }

    /// Sends the last request again.
    pub(super) fn repeat_last(&mut self, count: usize, now_us: i64) {
        let Some(last) = self.log.last() else { panic!("no request went out yet") };
        for _ in 0..count {
            self.due.push(now_us, PendingSend::Raw(last.clone().into()));
        }
        self.notify.notify_one();
    }

    /// Tells the owner of an account's subscriptions something about them.
    pub(in crate::microsoft) fn tell_all(&mut self, account: &str, event: &str, now_us: i64) {
        let own: Vec<_> =
            self.subscriptions.iter().filter(|known| known.account == account).cloned().collect();
        own.iter().for_each(|subscription| self.tell(subscription, event, now_us));
    }

    pub(in crate::microsoft) fn create(
        &mut self,
        mut asked: Subscription,
        now_us: i64,
    ) -> Result<&Subscription, Reply> {
        self.check(&asked, now_us)?;
        asked.id = uuid(&mut self.rng);
        self.granted(&asked, now_us);
        self.subscriptions.push(asked);
        self.subscriptions.last().ok_or_else(|| error::error(500, "InternalServerError", ""))
    }

    /// Whether there is room for it.
    pub(in crate::microsoft) fn check(&mut self, asked: &Subscription, now_us: i64) -> Result<(), Reply> {
        self.forget_expired(now_us);
        if self.refuses_twins && self.subscriptions.iter().any(|known| known.is_twin(asked)) {
            let message = "A subscription already exists for the specified resource and changeType.";
            return Err(error::error(409, "Conflict", message));
        }
        let own = self.subscriptions.iter().filter(|known| known.account == asked.account).count();
        if own >= SUBSCRIPTIONS_COUNT_MAX {
            let message = "The mailbox has reached its maximum of subscriptions.";
            return Err(error::error(403, "ExtensionError", message));
        }
        Ok(())
    }

    /// Grants one anew and changes it. The other way to do it is refused for ten minutes: that it must not be taken is
    /// documented, and what answers it is not.
    pub(in crate::microsoft) fn renew(
        &mut self,
        (account, id): (&str, &str),
        by: GrantedBy,
        token_until_us: i64,
        now_us: i64,
        change: impl FnOnce(&mut Subscription),
    ) -> Result<Subscription, Reply> {
        self.forget_expired(now_us);
        let is_meant = |known: &&mut Subscription| known.account == account && known.id == id;
        let known = self.subscriptions.iter_mut().find(is_meant).ok_or_else(error::subscription_gone)?;
        if known.granted_by.is_some_and(|(other, at_us)| other != by && now_us - at_us < BOTH_WAYS_US) {
            let message = "The subscription was renewed or reauthorized in another way within ten minutes.";
            return Err(error::error(400, "InvalidRequest", message));
        }
        change(known);
        known.granted_until_us = token_until_us;
        known.grants_count += 1;
        known.granted_by = Some((by, now_us));
        let renewed = known.clone();
        self.granted(&renewed, now_us);
        Ok(renewed)
    }
}
