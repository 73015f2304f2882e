//! Delivery attempts: claimed, finished, begun anew.

use super::DynamoStore;
use super::key::Key;
use super::notifications::{self, NO_ATTEMPTS};
use super::packed;
use super::pause::pause_before;
use super::row::{Row, expiry, json, number, text, time};
use super::table::{Table, Write, WritesEnded};
use super::{instance_rows, staged, subscriptions};
use app::ports::{
    AttemptKey, AttemptOutcome, AttemptState, Attempts, Claim, Claimant, PortError, Progress, Result, Written,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::delivery::{Attempt, Subscription, SubscriptionStatus, Verdict};
use domain::ids::{InstanceId, Sequence};
use domain::instance::Instance;
use std::collections::HashMap;

/// Attempts that a notification remembers; older ones make room. More than two rounds of the longest policy.
const ATTEMPTS_KEPT_MAX: usize = 50;
/// Looks at rows that change in between.
const LOOKS_COUNT_MAX: u32 = 10;

/// Of a row that may be claimed.
const CLAIMABLE: &str = "attempt = :attempt AND progress = :pending
     AND (attribute_not_exists(claimed_until) OR claimed_until <= :now)";

fn changes_too_fast(context: &'static str) -> PortError {
    PortError::new(context, "it kept changing")
}

/// What an attempt depends on, as it was at one look.
struct Look {
    instance: Instance,
    subscription: Subscription,
    notification: Row,
    standing: AttemptState,
}

impl Look {
    fn attempts(&self) -> Result<Vec<Attempt>> {
        self.notification.json("attempts")
    }
}

/// `None` if the instance is deleted or something is not there.
async fn look(
    table: &Table,
    context: &'static str,
    id: InstanceId,
    sequence: Sequence,
) -> Result<Option<Look>> {
    let keys = keys(id, sequence);
    let rows = table.get_many(context, &keys).await?;
    read(keys, rows)
}

/// The same, perhaps as it was a moment ago.
async fn glance(
    table: &Table,
    context: &'static str,
    id: InstanceId,
    sequence: Sequence,
) -> Result<Option<Look>> {
    let keys = keys(id, sequence);
    let rows = table.glance_many(context, &keys).await?;
    read(keys, rows)
}

fn keys(id: InstanceId, sequence: Sequence) -> [Key; 3] {
    [Key::config(id), Key::subscription(id), Key::notification(id, sequence)]
}

fn read(keys: [Key; 3], mut rows: HashMap<Key, Row>) -> Result<Option<Look>> {
    let [config, subscription, notification] = keys.each_ref().map(|key| rows.remove(key));
    let (Some(config), Some(subscription), Some(notification)) = (config, subscription, notification) else {
        return Ok(None);
    };
    if subscription.has("gone") {
        return Ok(None);
    }
    Ok(Some(Look {
        instance: instance_rows::read(&config)?,
        subscription: subscriptions::read(&subscription)?,
        standing: notifications::standing(&notification)?,
        notification,
    }))
}

/// Writes the claim, unless the row changed. A release's first claim begins the notification's round in the
/// row, too.
async fn mark(
    table: &Table,
    key: AttemptKey,
    by: Claimant,
    look: &Look,
    (now, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<bool> {
    // Distinguishes two claims of the same moment, and our own whose answer got lost.
    let claimant = fastrand::u64(..).to_string();
    let begins_round = notifications::begins_round(&look.notification, &look.standing, &look.subscription)?;
    let begins = match by {
        Claimant::Release { generation } if begins_round => Some(generation),
        _ => None,
    };
    let is_staged = staged::is_staged(&look.notification);
    let (mut set, mut remove) = ("SET claimed_until = :until, claimant = :claimant".to_owned(), Vec::new());
    if begins.is_some() {
        set.push_str(", round_of = :round, round_start = :start");
        remove.push("due");
    }
    // Only who committed it can claim it before it is one of the log's.
    if is_staged {
        set = format!("{set}, {}, pending = :sequence", staged::PUBLISHED);
        remove.extend([staged::UNSTAGED, "expires"]);
    }
    let remove = if remove.is_empty() { String::new() } else { format!(" REMOVE {}", remove.join(", ")) };
    let expression = format!("{set}{remove}");
    let mut write = Write::update(Key::notification(key.instance, key.sequence), expression)
        .when(CLAIMABLE)
        .with(":until", time(until))
        .with(":claimant", text(&claimant))
        .with(":attempt", number(key.attempt))
        .with(":pending", text(Progress::Pending.text()))
        .with(":now", time(now));
    if let Some(generation) = begins {
        write =
            write.with(":round", number(generation)).with(":start", number(key.attempt.saturating_sub(1)));
    }
    if is_staged {
        write = staged::publishing(write, key.instance, key.sequence)
            .when(format!("{CLAIMABLE} AND attribute_exists(staged)"))
            .with(":sequence", number(key.sequence.0));
    }
    Ok(match table.write("claim an attempt", write).await? {
        Ok(()) => true,
        Err(met) => met.is_some_and(|row| row.text("claimant").is_ok_and(|stored| stored == claimant)),
    })
}

/// The write of an outcome, which publishes a row that is staged.
fn decided(
    key: AttemptKey,
    outcome: &AttemptOutcome,
    mut attempts: Vec<Attempt>,
    is_staged: bool,
) -> Result<Write> {
    let mut set = "SET attempts = :attempts, progress = :progress, attempt = :next".to_owned();
    let is_pending = outcome.verdict != Verdict::Delivered;
    // What was reached stays so until a new round: it is only ever set here, and not where nothing is left to reach.
    let (at_callback, at_bus) = (is_pending && outcome.reached.callback, is_pending && outcome.reached.bus);
    if at_callback {
        set.push_str(", at_callback = :yes");
    }
    if at_bus {
        set.push_str(", at_bus = :yes");
    }
    if is_staged {
        set = format!("{set}, {}", staged::PUBLISHED);
    }
    if is_staged && is_pending {
        set.push_str(", pending = :sequence");
    }
    let unstaged = if is_staged { format!(", {}", staged::UNSTAGED) } else { String::new() };
    let next = key.attempt.saturating_add(1);
    let (expression, progress, attempt, value) = match outcome.verdict {
        Verdict::Delivered => {
            let expression =
                format!("{set}, expires = :value REMOVE claimed_until, claimant, due, pending{unstaged}");
            (expression, Progress::Delivered, key.attempt, Some(expiry(outcome.expires_at)))
        }
        Verdict::Retry(due_at) => {
            let expression = format!("{set}, due = :value REMOVE claimed_until, claimant, expires{unstaged}");
            (expression, Progress::Pending, next, Some(time(due_at)))
        }
        Verdict::Suspend => {
            let expression = format!("{set} REMOVE claimed_until, claimant, expires, due{unstaged}");
            (expression, Progress::Pending, next, None)
        }
    };
    attempts.push(outcome.attempt.clone());
    let surplus = attempts.len().saturating_sub(ATTEMPTS_KEPT_MAX);
    let mut write = Write::update(Key::notification(key.instance, key.sequence), expression)
        .when(unless_decided(is_staged))
        .with(":attempts", json(&&attempts[surplus..])?)
        .with(":progress", text(progress.text()))
        .with(":next", number(attempt))
        .with(":attempt", number(key.attempt))
        .with(":pending", text(Progress::Pending.text()));
    if at_callback || at_bus {
        write = write.with(":yes", text("y"));
    }
    if is_staged {
        write = staged::publishing(write, key.instance, key.sequence);
    }
    if is_staged && is_pending {
        write = write.with(":sequence", number(key.sequence.0));
    }
    Ok(match value {
        Some(value) => write.with(":value", value),
        None => write,
    })
}

/// An outcome's condition on the row.
fn unless_decided(is_staged: bool) -> String {
    let staged = if is_staged { "attribute_exists(staged)" } else { "attribute_not_exists(staged)" };
    format!("attempt = :attempt AND progress = :pending AND {staged}")
}

/// Parts expire with their notification, or not at all.
async fn expire_parts(
    table: &Table,
    id: InstanceId,
    notification: &Row,
    expires_at: Option<DateTime<Utc>>,
) -> Result<()> {
    for key in packed::parts_of(id, notification)? {
        let write = match expires_at {
            Some(at) => Write::update(key, "SET expires = :at").with(":at", expiry(at)),
            None => Write::update(key, "REMOVE expires"),
        };
        // A part that is gone is not made again.
        let _ = table.write("expire a part", write.when("attribute_exists(pk)")).await?;
    }
    Ok(())
}

/// The outcome of a first attempt, which follows on none: without a look at the notification. `None` if the row is not as
/// it is before one, or there may be no instance: then somebody has to look.
///
/// Whether the instance was deleted may be seen a moment late: the outcome is then one of the moment before. It makes no row,
/// and what follows from it looks again.
async fn finish_first(
    table: &Table,
    context: &'static str,
    key: AttemptKey,
    outcome: &AttemptOutcome,
) -> Result<Option<Written>> {
    let subscription = Key::subscription(key.instance);
    let seen = table.glance_many(context, std::slice::from_ref(&subscription)).await?;
    if seen.get(&subscription).is_none_or(|row| row.has("gone")) {
        return Ok(None);
    }
    // With a claim that was committed, it is the first thing that is written of the notification.
    let is_staged = outcome.by == Claimant::Committer;
    let write = decided(key, outcome, Vec::new(), is_staged)?
        .when(format!("{} AND attempts = :none", unless_decided(is_staged)))
        .with(":none", json(&NO_ATTEMPTS)?);
    let Ok(Some(notification)) = table.update(context, write).await? else { return Ok(None) };
    if outcome.verdict == Verdict::Delivered {
        expire_parts(table, key.instance, &notification, Some(outcome.expires_at)).await?;
    }
    Ok(Some(Written::Done))
}

#[async_trait]
impl Attempts for DynamoStore {
    async fn claim_attempt(
        &self,
        key: AttemptKey,
        by: Claimant,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Claim> {
        let table = &self.table;
        let context = "claim an attempt";
        // Until the claim that was committed ends nobody else changes the row. An instance or a callback that was switched off
        // this very moment has what was claimed a moment before. Whatever else a glance shows, or does not, is looked at.
        if by == Claimant::Committer
            && now < until
            && let Some(seen) = glance(table, context, key.instance, key.sequence).await?
            && seen.standing.is_claimed(key, by, until)
            && by.may_deliver(&seen.instance, &seen.subscription)
        {
            let read = notifications::read(table, key.instance, &seen.notification, &seen.subscription);
            return Ok(Claim::Yours(Box::new((read.await?, seen.instance))));
        }
        for round in 0..LOOKS_COUNT_MAX {
            pause_before(round).await;
            let Some(look) = look(table, context, key.instance, key.sequence).await? else {
                return Ok(Claim::Gone);
            };
            let is_claimed = look.standing.is_claimed(key, by, until);
            if !by.may_deliver(&look.instance, &look.subscription) {
                if is_claimed {
                    self.unclaim_attempt(key, until).await?;
                }
                let held = subscriptions::hold(table, key.instance).await?;
                if held.is_ok() || look.instance.disabled {
                    return Ok(Claim::Queued);
                }
                // It became active in between.
                continue;
            }
            if let Some(refusal) = look.standing.refusal(key, now).filter(|_| !is_claimed) {
                return Ok(refusal);
            }
            if is_claimed || mark(table, key, by, &look, (now, until)).await? {
                let read = notifications::read(table, key.instance, &look.notification, &look.subscription);
                return Ok(Claim::Yours(Box::new((read.await?, look.instance))));
            }
        }
        Err(changes_too_fast(context))
    }

    async fn unclaim_attempt(&self, key: AttemptKey, until: DateTime<Utc>) -> Result<()> {
        let table = &self.table;
        let write =
            Write::update(Key::notification(key.instance, key.sequence), "REMOVE claimed_until, claimant")
                .when("attempt = :attempt AND claimed_until = :until")
                .with(":attempt", number(key.attempt))
                .with(":until", time(until));
        // Refused: it is not that claim any more.
        table.write("give an attempt back", write).await.map(drop)
    }

    async fn finish_attempt(&self, key: AttemptKey, outcome: &AttemptOutcome) -> Result<Written> {
        let table = &self.table;
        let context = "finish an attempt";
        if key.attempt == 1
            && outcome.verdict != Verdict::Suspend
            && let Some(written) = finish_first(table, context, key, outcome).await?
        {
            return Ok(written);
        }
        for round in 0..LOOKS_COUNT_MAX {
            pause_before(round).await;
            let Some(look) = look(table, context, key.instance, key.sequence).await? else {
                return Ok(Written::Gone);
            };
            if look.standing.progress != Progress::Pending || look.standing.attempt != key.attempt {
                // Our own write, whose answer got lost, is not a conflict: what follows from it is ours to do.
                let is_ours = look.attempts()?.last() == Some(&outcome.attempt);
                if is_ours && outcome.verdict == Verdict::Delivered {
                    expire_parts(table, key.instance, &look.notification, Some(outcome.expires_at)).await?;
                }
                return Ok(if is_ours { Written::Done } else { Written::Conflict });
            }
            let is_staged = staged::is_staged(&look.notification);
            let mut writes = vec![decided(key, outcome, look.attempts()?, is_staged)?];
            if outcome.verdict == Verdict::Suspend
                && look.subscription.status != SubscriptionStatus::Suspended
            {
                let suspend =
                    subscriptions::suspend(key.instance, &look.subscription, outcome.reason.as_deref());
                writes.push(suspend);
            }
            if let WritesEnded::Refused(_) = table.transact(context, writes).await? {
                continue;
            }
            if outcome.verdict == Verdict::Delivered {
                let expires = Some(outcome.expires_at);
                expire_parts(table, key.instance, &look.notification, expires).await?;
            }
            return Ok(Written::Done);
        }
        Err(changes_too_fast(context))
    }

    async fn reopen(
        &self,
        id: InstanceId,
        sequence: Sequence,
        now: DateTime<Utc>,
    ) -> Result<Option<AttemptKey>> {
        let table = &self.table;
        let context = "reopen a notification";
        for round in 0..LOOKS_COUNT_MAX {
            pause_before(round).await;
            let Some(look) = look(table, context, id, sequence).await? else { return Ok(None) };
            if staged::is_staged(&look.notification) {
                staged::publish(table, id, sequence).await?;
                continue;
            }
            let before = look.standing;
            let attempt = match before.progress {
                // It may be under way: then its claim stands.
                Progress::Pending => before.attempt,
                Progress::Delivered => before.attempt.saturating_add(1),
                Progress::Dropped | Progress::Logged => return Ok(None),
            };
            expire_parts(table, id, &look.notification, None).await?;
            let set = "SET progress = :pending, attempt = :attempt, round_start = :start, due = :now,
                       pending = :sequence REMOVE expires, at_callback, at_bus";
            let write = Write::update(Key::notification(id, sequence), set)
                .when("attempt = :before AND progress = :progress")
                .with(":pending", text(Progress::Pending.text()))
                .with(":attempt", number(attempt))
                .with(":start", number(attempt.saturating_sub(1)))
                .with(":now", time(now))
                .with(":sequence", number(sequence.0))
                .with(":before", number(before.attempt))
                .with(":progress", text(before.progress.text()));
            if table.write(context, write).await?.is_ok() {
                return Ok(Some(AttemptKey { instance: id, sequence, attempt }));
            }
        }
        Err(changes_too_fast(context))
    }
}
