//! What is due to go out: in batches, with reminders, repeated for up to four hours.

use bytes::Bytes;
use serde_json::{Value, json};

use super::Push;
use super::subscription::{MINUTE_US, Subscription};
use crate::clock::SECOND_US;
use crate::microsoft::noticed::Noticed;
use crate::push::{Forgery, Outcome, Outgoing, SentNotice};

/// Entries of one request at the most, of whatever subscriptions. Graph does not say how many there can be.
const BATCH_COUNT_MAX: usize = 50;
/// An answer that took longer is none.
const ANSWER_US: i64 = 3 * SECOND_US;
const BACKOFF_FIRST_US: i64 = 10 * SECOND_US;
const BACKOFF_MAX_US: i64 = 30 * MINUTE_US;
/// A notice is not tried for longer.
const TRIED_US: i64 = 240 * MINUTE_US;

/// What waits for its time.
#[derive(Debug)]
pub(in crate::microsoft) enum PendingSend {
    Notice(Notice),
    /// A subscription, and how often it had been granted.
    Reminder(String, u32),
    /// What goes out once, whatever it says.
    Raw(Outgoing),
}

#[derive(Clone, Debug)]
pub(in crate::microsoft) struct Notice {
    /// The subscription it needs to be still there; none for what is told of one that is gone, and for what is forged.
    subscription: Option<String>,
    url: String,
    entry: Value,
    is_lifecycle: bool,
    made_us: i64,
    tries_count: u32,
}

/// One request.
#[derive(Debug)]
pub(in crate::microsoft) struct Batch {
    pub(in crate::microsoft) outgoing: Outgoing,
    notices: Vec<Notice>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SubscriptionStanding {
    Good,
    /// Its subscription ended.
    Gone,
    /// Its subscription's grant ended.
    Paused,
}

impl Push {
    /// Tells every subscription of the account what happened.
    pub(in crate::microsoft) fn notice(&mut self, account: &str, noticed: &[Noticed], now_us: i64) {
        if noticed.is_empty() || self.subscriptions.is_empty() {
            return;
        }
        self.forget_expired(now_us);
        for one in noticed {
            let concerned = self.subscriptions.iter().filter(|known| known.account == account).cloned();
            for subscription in concerned.collect::<Vec<Subscription>>() {
                for (change, sight) in subscription.told(one) {
                    let entry = subscription.notice(change, sight);
                    self.send(&subscription, entry, one.at_us.max(now_us));
                }
            }
        }
        self.notify.notify_one();
    }

    /// Sends one entry, with what goes wrong about it.
    fn send(&mut self, subscription: &Subscription, entry: Value, now_us: i64) {
        let fate = self.mishaps.draw();
        let slow_us = self.endpoints.get(&subscription.notification_url).map_or(0, super::Endpoint::delay_us);
        let (least_us, most_us) = self.delay_us;
        let own_us = if most_us > least_us { self.rng.i64(least_us..=most_us) } else { least_us };
        let at_us = now_us + own_us + slow_us;
        for forgery in fate.forgeries {
            self.due.push(at_us, forged(forgery, subscription, &entry, now_us));
        }
        if fate.is_replayed
            && let Some(sent) = self.log.any(&mut self.rng)
        {
            self.due.push(at_us, PendingSend::Raw(sent.into()));
        }
        for copy_us in fate.copies_us {
            let notice = Notice {
                subscription: Some(subscription.id.clone()),
                url: subscription.notification_url.clone(),
                entry: entry.clone(),
                is_lifecycle: false,
                made_us: now_us,
                tries_count: 0,
            };
            self.due.push(at_us + copy_us, PendingSend::Notice(notice));
        }
    }

    /// Tells a subscription's owner of itself, where there is an address for that.
    pub(in crate::microsoft) fn tell(&mut self, subscription: &Subscription, event: &str, now_us: i64) {
        let Some(url) = subscription.lifecycle_url.clone() else { return };
        let entry = subscription.lifecycle(event);
        if self.due.any(|waiting| matches!(waiting, PendingSend::Notice(notice) if notice.entry == entry)) {
            return;
        }
        let subscription = None;
        let notice = Notice { subscription, url, entry, is_lifecycle: true, made_us: now_us, tries_count: 0 };
        self.due.push(now_us, PendingSend::Notice(notice));
        self.notify.notify_one();
    }

    /// Counts from here on until the next reminder, and lets go what waited for the grant.
    pub(in crate::microsoft) fn granted(&mut self, subscription: &Subscription, now_us: i64) {
        for at_us in subscription.reminders_us(self.grants_end, now_us) {
            self.due.push(at_us, PendingSend::Reminder(subscription.id.clone(), subscription.grants_count));
        }
        let id = Some(subscription.id.as_str());
        self.due.hurry(now_us, |waiting| match waiting {
            PendingSend::Notice(notice) => notice.subscription.as_deref() == id && notice.tries_count > 0,
            _ => false,
        });
        self.notify.notify_one();
    }

    /// The next request that is due.
    pub(in crate::microsoft) fn take(&mut self, now_us: i64) -> Option<Batch> {
        self.forget_expired(now_us);
        loop {
            let first = match self.due.take(now_us)? {
                PendingSend::Raw(outgoing) => return Some(Batch { outgoing, notices: Vec::new() }),
                PendingSend::Reminder(id, grants_count) => {
                    let is_meant =
                        |known: &&Subscription| known.id == id && known.grants_count == grants_count;
                    if let Some(subscription) = self.subscriptions.iter().find(is_meant).cloned() {
                        self.tell(&subscription, "reauthorizationRequired", now_us);
                    }
                    continue;
                }
                PendingSend::Notice(notice) => notice,
            };
            match self.standing(&first, now_us) {
                SubscriptionStanding::Gone => {}
                SubscriptionStanding::Paused => self.later(first, now_us),
                SubscriptionStanding::Good if self.is_dropping(&first.url, now_us) => {
                    self.lost(&first, now_us)
                }
                SubscriptionStanding::Good => return Some(self.batch(first, now_us)),
            }
        }
    }

    fn batch(&mut self, first: Notice, now_us: i64) -> Batch {
        let mut notices = vec![first];
        let mut due = std::mem::take(&mut self.due);
        let others = due.take_all(now_us, BATCH_COUNT_MAX - 1, |waiting| match waiting {
            PendingSend::Notice(notice) => {
                notice.url == notices[0].url && self.standing(notice, now_us) == SubscriptionStanding::Good
            }
            _ => false,
        });
        self.due = due;
        notices.extend(others.into_iter().filter_map(|waiting| match waiting {
            PendingSend::Notice(notice) => Some(notice),
            _ => None,
        }));
        let entries: Vec<&Value> = notices.iter().map(|notice| &notice.entry).collect();
        Batch { outgoing: Outgoing::json(&notices[0].url, &json!({ "value": entries })), notices }
    }

    /// What became of a request.
    pub(in crate::microsoft) fn settle(&mut self, batch: Batch, outcome: &Outcome, now_us: i64) {
        let Batch { outgoing: Outgoing { url, headers, body }, notices } = batch;
        self.endpoints.entry(url.clone()).or_default().answered(now_us, outcome.took_us);
        self.log.add(SentNotice {
            at_us: now_us - outcome.took_us,
            url,
            headers,
            body,
            status: outcome.status(),
        });
        let is_taken = outcome.status().is_some_and(|status| (200..300).contains(&status));
        if is_taken && outcome.took_us <= ANSWER_US {
            return;
        }
        for notice in notices {
            self.later(notice, now_us);
        }
        self.notify.notify_one();
    }

    fn standing(&self, notice: &Notice, now_us: i64) -> SubscriptionStanding {
        let Some(id) = &notice.subscription else { return SubscriptionStanding::Good };
        match self.subscriptions.iter().find(|known| known.id == *id) {
            None => SubscriptionStanding::Gone,
            Some(known) if self.grants_end && known.granted_until_us <= now_us => {
                SubscriptionStanding::Paused
            }
            Some(_) => SubscriptionStanding::Good,
        }
    }

    fn is_dropping(&self, url: &str, now_us: i64) -> bool {
        self.endpoints.get(url).is_some_and(|endpoint| endpoint.is_dropping(now_us))
    }

    fn later(&mut self, mut notice: Notice, now_us: i64) {
        let backoff_us = BACKOFF_FIRST_US.saturating_mul(1 << notice.tries_count.min(20)).min(BACKOFF_MAX_US);
        notice.tries_count += 1;
        if now_us + backoff_us > notice.made_us + TRIED_US {
            return self.lost(&notice, now_us);
        }
        self.due.push(now_us + backoff_us, PendingSend::Notice(notice));
    }

    /// A notice will not come, and its subscription's owner is told that one did not.
    fn lost(&mut self, notice: &Notice, now_us: i64) {
        let of = |known: &&Subscription| Some(&known.id) == notice.subscription.as_ref();
        if let Some(subscription) = self.subscriptions.iter().find(of).cloned()
            && !notice.is_lifecycle
        {
            self.tell(&subscription, "missed", now_us);
        }
    }

    pub(in crate::microsoft) fn forget_expired(&mut self, now_us: i64) {
        self.subscriptions.retain(|known| now_us < known.expires_us);
    }
}

/// The same notice from somebody who does not know all that Graph knows.
fn forged(forgery: Forgery, subscription: &Subscription, entry: &Value, now_us: i64) -> PendingSend {
    let mut entry = entry.clone();
    match forgery {
        Forgery::Secret => entry["clientState"] = "forged".into(),
        Forgery::Target => entry["subscriptionId"] = "00000000-0000-4000-8000-000000000000".into(),
        Forgery::Sender | Forgery::Unverified | Forgery::Expired => entry["clientState"] = Value::Null,
        Forgery::Nonsense => {
            let mut outgoing = Outgoing::json(&subscription.notification_url, &Value::Null);
            outgoing.body = Bytes::from_static(b"{\"value\":[{\"subscriptionId\":7},");
            return PendingSend::Raw(outgoing);
        }
    }
    PendingSend::Notice(Notice {
        subscription: None,
        url: subscription.notification_url.clone(),
        entry,
        is_lifecycle: false,
        made_us: now_us,
        tries_count: 0,
    })
}
