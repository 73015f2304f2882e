//! The way to the providers, and who is seen on it: how many requests of a mailbox are in flight, whose they are, and
//! whether anybody asks who was told to wait.

use super::checks::Rule;
use super::process::{SKEW_US_MAX, Tap};
use super::turns::{Life, at_once};
use async_trait::async_trait;
use connectors::{Http, HttpError, HttpRequest, HttpResponse, Method};
use domain::ids::InstanceId;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const MS: i64 = 1_000;
const S: i64 = 1_000_000;
/// How long a slow request takes at most, each way aside.
const SLOW_S: i64 = 12;
/// From a claim to its post at most, seconds: what a claim outlasts a callback's time-out by.
const CLAIMED_S: i64 = 15;
/// Requests of a poll in flight at a time.
const IN_FLIGHT_COUNT_MAX: usize = 4;
/// Requests of one invocation.
const REQUESTS_COUNT_MAX: u32 = 600;

/// What somebody does who leaves a mailbox's push. Nothing is read, and the lease may be another's.
const ENDS_WATCH: &str = "end of a watch";

/// Whose request it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Caller {
    /// Names the invocation.
    pub(super) number: u64,
    /// `tick`, `job`, `hint`, `poll`: these poll. Others read.
    pub(super) what: &'static str,
    pub(super) instance: Option<InstanceId>,
}

impl Caller {
    fn polls(&self) -> bool {
        matches!(self.what, "tick" | "job" | "hint" | "poll")
    }

    fn signs_in(&self) -> bool {
        self.what == "sign in"
    }
}

/// What was seen of one mailbox.
#[derive(Default)]
struct Mailbox {
    in_flight: Vec<(u64, Arc<Life>)>,
    /// Invocations that poll it now, with their requests so far.
    pollers: BTreeMap<u64, (u32, Arc<Life>, &'static str)>,
    /// When it was read well by a poll last.
    polled_us: i64,
    /// Nobody who may know asks before then; since when it may be known, and to whom before that.
    wait_until_us: i64,
    told: Option<Arc<Life>>,
    /// Who was told had the lease: then whoever takes it next knows as well.
    is_holders: bool,
    known_us: Option<i64>,
    /// When an invocation read the row last.
    read_us: BTreeMap<u64, i64>,
    /// Who took the lease last, and who had it before and may not have noticed yet.
    holder: Option<u64>,
    former: BTreeSet<u64>,
    /// Requests that an invocation may still make without the lease, since it read the row: one for each resource, or two
    /// where polls commit small finds without it.
    looks: BTreeMap<u64, usize>,
    /// Since when the instance is switched off, where it is.
    off_us: Option<i64>,
}

impl Mailbox {
    /// Looks without the lease are free; everything else needs it.
    fn may_ask(&mut self, number: u64) -> Result<(), &'static str> {
        if self.holder == Some(number) {
            return Ok(());
        }
        if self.former.contains(&number) {
            return Err("goes on although its lease is over");
        }
        let looks = self.looks.entry(number).or_insert(1);
        let left = looks.checked_sub(1).ok_or("goes on after a look without the lease")?;
        *looks = left;
        Ok(())
    }
}

/// What was seen on the wire, and what was wrong with it.
#[derive(Default)]
pub(super) struct Sightings {
    mailboxes: BTreeMap<InstanceId, Mailbox>,
    pub(super) requests_count: u64,
    /// Notifications that are being posted, by how many.
    posts: BTreeMap<String, u32>,
    /// What was seen that must not be.
    pub(super) wrong: Vec<(Rule, String)>,
}

impl Sightings {
    pub(super) fn polled_us(&self, id: InstanceId) -> i64 {
        self.mailboxes.get(&id).map_or(0, |mailbox| mailbox.polled_us)
    }

    /// A process is gone, and with it what it was at.
    pub(super) fn forget(&mut self, life: &Arc<Life>) {
        for mailbox in self.mailboxes.values_mut() {
            mailbox.in_flight.retain(|(_, theirs)| !Arc::ptr_eq(theirs, life));
            mailbox.pollers.retain(|_, (_, theirs, _)| !Arc::ptr_eq(theirs, life));
        }
    }

    /// An invocation has ended.
    pub(super) fn ended(&mut self, number: u64) {
        for mailbox in self.mailboxes.values_mut() {
            mailbox.pollers.remove(&number);
            mailbox.read_us.remove(&number);
            mailbox.looks.remove(&number);
            mailbox.former.remove(&number);
        }
    }

    /// An invocation reads the mailbox's row: it knows what stands there, and may make so many requests without the lease.
    pub(super) fn reads(&mut self, id: InstanceId, number: u64, looks_count: usize, now_us: i64) {
        let mailbox = self.mailboxes.entry(id).or_default();
        mailbox.read_us.insert(number, now_us);
        let left = mailbox.looks.entry(number).or_default();
        // A poll reads the row again for its token: that takes no request from it, also where the instance is deleted by then.
        *left = looks_count.max(*left);
    }

    /// Somebody changed an instance, which is on or off since.
    pub(super) fn switched(&mut self, id: InstanceId, is_on: bool, now_us: i64) {
        let off_us = &mut self.mailboxes.entry(id).or_default().off_us;
        *off_us = if is_on { None } else { Some(off_us.unwrap_or(now_us)) };
    }

    /// Somebody who may wants the mailbox to be asked at once. What came into the row after they read it holds.
    pub(super) fn begins_anew(&mut self, id: InstanceId, number: u64) {
        let mailbox = self.mailboxes.entry(id).or_default();
        let read_us = mailbox.read_us.get(&number).copied().unwrap_or(0);
        if mailbox.known_us.is_none_or(|known_us| known_us <= read_us) {
            mailbox.wait_until_us = 0;
        }
    }

    /// An invocation takes the lease.
    pub(super) fn leases(&mut self, id: InstanceId, number: u64, now_us: i64) {
        let mailbox = self.mailboxes.entry(id).or_default();
        if mailbox.is_holders {
            mailbox.read_us.insert(number, now_us);
        }
        mailbox.former.remove(&number);
        mailbox.former.extend(mailbox.holder.replace(number).filter(|former| *former != number));
    }

    /// The mailbox's row says from now on that nobody asks before then. It may be for another reason, and for less
    /// long than somebody was told who could not store it.
    pub(super) fn waits(&mut self, id: InstanceId, until_us: i64, now_us: i64) {
        let mailbox = self.mailboxes.entry(id).or_default();
        if until_us + 2 * SKEW_US_MAX >= mailbox.wait_until_us {
            mailbox.known_us = mailbox.known_us.or(Some(now_us));
        }
    }

    /// Somebody begins to post a notification.
    fn posts(&mut self, id: InstanceId, name: &str, caller: &Caller, now_us: i64) {
        let off_us = self.mailboxes.get(&id).and_then(|mailbox| mailbox.off_us);
        if off_us.is_some_and(|off_us| off_us + CLAIMED_S * S < now_us) {
            let what = format!("{caller:?} posts {name} of {id}, which is switched off");
            self.wrong.push((Rule::HeldBack, what));
        }
        let count = self.posts.entry(name.to_owned()).or_default();
        *count += 1;
        if *count > 1 {
            self.wrong.push((Rule::OnePost, format!("{caller:?} posts {name}, which is being posted")));
        }
    }

    /// Somebody begins a request to the provider.
    fn begin(&mut self, id: InstanceId, caller: &Caller, life: &Arc<Life>, now_us: i64) {
        self.requests_count += 1;
        let mailbox = self.mailboxes.entry(id).or_default();
        mailbox.in_flight.push((caller.number, life.clone()));
        let polls =
            mailbox.in_flight.iter().filter(|(number, _)| mailbox.pollers.contains_key(number)).count();
        if caller.polls() {
            let poller = mailbox.pollers.entry(caller.number).or_insert((0, life.clone(), caller.what));
            poller.0 += 1;
            let count = poller.0;
            if count > REQUESTS_COUNT_MAX {
                self.wrong.push((Rule::Bounded, format!("an invocation makes {count} requests")));
            }
            if let Err(why) = mailbox.may_ask(caller.number) {
                self.wrong.push((Rule::OnePoller, format!("{caller:?} of {id} {why}")));
            }
        }
        if polls > IN_FLIGHT_COUNT_MAX {
            self.wrong.push((Rule::InFlight, format!("{polls} requests of polls of {id} are in flight")));
        }
        let read_us = mailbox.read_us.get(&caller.number).copied().unwrap_or(0);
        // Whoever signs in again may have another mailbox.
        let knows = mailbox.told.as_ref().is_some_and(|told| Arc::ptr_eq(told, life))
            || mailbox.known_us.is_some_and(|known_us| known_us < read_us);
        if knows && !caller.signs_in() && now_us + 2 * SKEW_US_MAX < mailbox.wait_until_us {
            let early_s = (mailbox.wait_until_us - now_us) / S;
            self.wrong.push((
                Rule::RetryAfter,
                format!("{caller:?} asks {early_s} s before a Retry-After has passed"),
            ));
        }
    }

    fn end(
        &mut self,
        id: InstanceId,
        (caller, life): (&Caller, &Arc<Life>),
        response: &Result<HttpResponse, HttpError>,
        now_us: i64,
    ) {
        let mailbox = self.mailboxes.entry(id).or_default();
        let Ok(response) = response else { return };
        if response.status == 200 && caller.polls() {
            mailbox.polled_us = now_us;
        }
        let header = response.headers.get("retry-after").and_then(|value| value.to_str().ok());
        if response.status == 429
            && !caller.signs_in()
            && let Some(seconds) = header.and_then(|value| value.parse::<i64>().ok())
        {
            mailbox.wait_until_us = mailbox.wait_until_us.max(now_us + seconds * S);
            mailbox.told = Some(life.clone());
            mailbox.is_holders = mailbox.holder == Some(caller.number);
            mailbox.known_us = None;
        }
    }
}

/// A request under way, also one that nobody waits for any more.
struct InFlight<'a> {
    wire: &'a CloudWire,
    mailbox: Option<InstanceId>,
    number: u64,
    /// The notification that is posted, if one is.
    posted: Option<String>,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut sightings = self.wire.tap.shared.sightings();
        if let Some(name) = &self.posted {
            *sightings.posts.entry(name.clone()).or_insert(1) -= 1;
        }
        let Some(id) = self.mailbox else { return };
        let mailbox = sightings.mailboxes.entry(id).or_default();
        if let Some(at) = mailbox.in_flight.iter().position(|(number, _)| *number == self.number) {
            mailbox.in_flight.swap_remove(at);
        }
    }
}

fn ends_watch(request: &HttpRequest<'_>) -> bool {
    request.url.ends_with("/stop")
        || request.method == Method::Delete && request.url.contains("/subscriptions/")
}

pub(super) struct CloudWire {
    inner: Arc<dyn Http>,
    tap: Arc<Tap>,
}

impl CloudWire {
    pub(super) fn new(inner: Arc<dyn Http>, tap: &Arc<Tap>) -> Self {
        CloudWire { inner, tap: tap.clone() }
    }

    /// Which mailbox the request is for, if it is for one: not a token, not a callback.
    fn mailbox(&self, caller: &Caller, url: &str) -> Option<InstanceId> {
        let is_provider = !url.contains("callback.test");
        let is_token = url.ends_with("/token");
        caller.instance.filter(|_| is_provider && !is_token)
    }
}

#[async_trait]
impl Http for CloudWire {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let shared = self.tap.shared.clone();
        let weather = shared.weather();
        let mut caller = self.tap.caller();
        if ends_watch(&request) {
            caller.what = ENDS_WATCH;
        }
        let timeout_us = i64::try_from(request.timeout_ms).unwrap() * MS;
        let mailbox = self.mailbox(&caller, &request.url);
        let slow_us = if weather.longest_s == 0 { SLOW_S * S } else { weather.longest_s * S };
        let longest = if shared.happens(weather.slow) { slow_us } else { 60 * MS };
        let there_us = shared.turns.draw(|random| random.i64(2 * MS..longest));
        if let Some(id) = mailbox {
            shared.sightings().begin(id, &caller, &self.tap.life, shared.turns.now_us());
        }
        let named = request.headers.iter().find(|(name, _)| *name == "elements-webhook-id");
        let posted = named.map(|(_, value)| value.clone());
        if let Some(name) = &posted {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let id = InstanceId::parse(&body["message"]["instanceId"].to_string()).unwrap();
            shared.sightings().posts(id, name, &caller, shared.turns.now_us());
        }
        let _in_flight = InFlight { wire: self, mailbox, number: caller.number, posted };
        shared.turns.wait(&self.tap.life, there_us.min(timeout_us)).await;
        let response = match there_us < timeout_us {
            true => at_once(self.inner.send(request)),
            false => Err(HttpError::Timeout),
        };
        self.tap.pause(MS, 20 * MS).await;
        let lost = shared.happens(weather.loses_answer / 2);
        let response = if lost { Err(HttpError::Broken("the answer was lost".into())) } else { response };
        if let Some(id) = mailbox {
            let now_us = shared.turns.now_us();
            shared.sightings().end(id, (&caller, &self.tap.life), &response, now_us);
        }
        response
    }
}
