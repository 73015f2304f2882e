//! Notification rows: how they are written and read.

use super::key::{self, Key};
use super::packed::{self, Packed};
use super::row::{Row, bytes, expiry, json, number, text, time};
use super::table::{Index, KeyQuery, Table, Write};
use super::{staged, subscriptions};
use app::ports::{AttemptState, LogMark, NewNotification, Notification, Progress, Result, Rows};
use app::unreadable::readable;
use chrono::{DateTime, Duration};
use domain::delivery::{Attempt, Reached, Subscription, SubscriptionStatus};
use domain::ids::{EventId, InstanceId, NotificationName, Sequence};

/// Of a new one.
pub(super) const NO_ATTEMPTS: [Attempt; 0] = [];
/// Index of what is pending, in commit order.
const PENDING: Index = Index::local("pending");
/// Index by event id, with the events of each notification.
const BY_NAME: Index = Index::local("by-name");

/// A body, ready to be written.
pub(super) fn pack(id: InstanceId, new: &NewNotification, inline_max: usize) -> Result<Packed> {
    Packed::body(id, &format!("N#{}", key::digits(new.sequence)), &new.body, inline_max)
}

/// Stores a new notification whose sequence is not taken, in its organization's log too; one that is claimed is in no index.
pub(super) fn put(id: InstanceId, organization: u32, new: &NewNotification, packed: Packed) -> Result<Write> {
    let progress = if new.deliver { Progress::Pending } else { Progress::Logged };
    let name = text(named(&new.name.event_id, new.sequence));
    let log_of = text(key::log(organization, key::log_shard(id)));
    let mut attributes = vec![
        ("num", number(new.name.id)),
        ("title", text(&new.resource)),
        ("created", time(new.created_at)),
        ("progress", text(progress.text())),
        ("attempt", number(1)),
        ("round_start", number(0)),
        ("round_of", number(0)),
        ("attempts", json(&NO_ATTEMPTS)?),
        ("events_count", number(new.events.len())),
    ];
    if !new.events.is_empty() {
        let events: Vec<u8> = new.events.iter().flat_map(|event| *event.as_bytes()).collect();
        attributes.push(("events", bytes(events)));
    }
    match new.claimed_until {
        Some(until) => {
            let goes_at = new.created_at + Duration::days(staged::KEPT_DAYS);
            attributes.extend([("as_name", name), ("as_of", log_of)]);
            attributes.extend([("claimed_until", time(until)), ("expires", expiry(goes_at))]);
        }
        None => {
            attributes.extend([("name", name), ("log_of", log_of)]);
            attributes.push(("log_at", staged::log_at(id, new.sequence)));
            attributes.extend(new.deliver.then(|| ("pending", number(new.sequence.0))));
        }
    }
    if let Some(sighting) = &new.sighting {
        attributes.push(("sighting", json(sighting)?));
    }
    attributes.extend(new.expires_at.map(|at| ("expires", expiry(at))));
    attributes.extend(packed.into_attributes());
    Ok(Write::put(&Key::notification(id, new.sequence), attributes).when("attribute_not_exists(pk)"))
}

/// The indexes' sort key: the same event id may have been sent twice.
fn named(event_id: &str, sequence: Sequence) -> String {
    format!("{event_id}#{}", key::digits(sequence))
}

/// Where a row's attempts stand.
pub(super) fn standing(row: &Row) -> Result<AttemptState> {
    Ok(AttemptState {
        progress: Progress::parse(row.text("progress")?).ok_or_else(|| row.damaged("progress"))?,
        attempt: row.number("attempt")?,
        due_at: row.time_or_none("due")?,
        claimed_until: row.time_or_none("claimed_until")?,
    })
}

/// A release counts a new round for everything that is pending, without touching the rows: what was last
/// claimed before the release began is read as its round begins.
pub(super) fn begins_round(row: &Row, standing: &AttemptState, subscription: &Subscription) -> Result<bool> {
    let round_of: u64 = row.number("round_of")?;
    Ok(standing.progress == Progress::Pending
        && subscription.status == SubscriptionStatus::Releasing
        && round_of < subscription.generation)
}

/// The notification of a row.
pub(super) async fn read(
    table: &Table,
    id: InstanceId,
    row: &Row,
    subscription: &Subscription,
) -> Result<Notification> {
    let standing = standing(row)?;
    let begins_round = begins_round(row, &standing, subscription)?;
    let body =
        packed::unpack(table, "read a large body", id, row).await?.ok_or_else(|| row.damaged("a part"))?;
    let event_id = event_id(row)?;
    Ok(Notification {
        instance: id,
        sequence: key::sequence(row)?,
        name: NotificationName { id: row.number("num")?, event_id: event_id.to_owned() },
        resource: row.text("title")?.to_owned(),
        events: events(row)?,
        body,
        created_at: row.time("created")?,
        sighting: row.json_or_none("sighting")?,
        progress: standing.progress,
        attempt: standing.attempt,
        round_start: match begins_round {
            true => standing.attempt.saturating_sub(1),
            false => row.number("round_start")?,
        },
        due_at: standing.due_at.filter(|_| !begins_round),
        attempts: row.json("attempts")?,
        reached: Reached { callback: row.has("at_callback"), bus: row.has("at_bus") },
        expires_at: match row.number_or_none("expires")? {
            None => None,
            // Unless somebody names it.
            Some(_) if staged::is_staged(row) => None,
            Some(seconds) => {
                Some(DateTime::from_timestamp_secs(seconds).ok_or_else(|| row.damaged("expires"))?)
            }
        },
    })
}

/// The notifications of these rows.
pub(super) async fn read_all(table: &Table, id: InstanceId, rows: Vec<Row>) -> Result<Vec<Notification>> {
    let Some(subscription) = subscriptions::get(table, id).await? else { return Ok(Vec::new()) };
    let subscription = subscriptions::read(&subscription)?;
    let mut notifications = Vec::new();
    for row in &rows {
        notifications.push(read(table, id, row, &subscription).await?);
    }
    Ok(notifications)
}

/// The same for a list, which those that can't be read are left out of.
pub(super) async fn read_listed(table: &Table, id: InstanceId, rows: Vec<Row>) -> Result<Rows<Notification>> {
    let Some(subscription) = subscriptions::get(table, id).await? else { return Ok(Rows::default()) };
    let subscription = subscriptions::read(&subscription)?;
    let mut notifications = Rows::default();
    for row in &rows {
        notifications.add(readable(read(table, id, row, &subscription).await)?);
    }
    Ok(notifications)
}

pub(super) fn event_id(row: &Row) -> Result<&str> {
    let name = row.text_or_none("as_name")?.map_or_else(|| row.text("name"), Ok)?;
    Ok(name.split_once('#').map_or(name, |(event_id, _)| event_id))
}

pub(super) fn events(row: &Row) -> Result<Vec<EventId>> {
    let (ids, _) = row.bytes("events")?.as_chunks::<16>();
    Ok(ids.iter().map(|id| EventId::from_bytes(*id)).collect())
}

/// What is pending after this sequence, in commit order.
pub(super) async fn pending(
    table: &Table,
    id: InstanceId,
    after: Option<Sequence>,
    limit: usize,
) -> Result<Vec<Sequence>> {
    // Sequences begin at one: zero is before all.
    let range = ("pending", "#sort > :from", number(after.map_or(0, |after| after.0)));
    let page = KeyQuery {
        index: Some(PENDING),
        range: Some(range),
        limit: Some(limit),
        ..KeyQuery::of(key::notifications(id))
    };
    table.query("read what is pending", page).await?.iter().map(key::sequence).collect()
}

/// What is pending before a place, newest first.
pub(super) async fn pending_before(
    table: &Table,
    id: InstanceId,
    before: Option<LogMark>,
    limit: usize,
) -> Result<Vec<Sequence>> {
    let range = before.map(|before| ("pending", "#sort < :from", number(before.sequence.0)));
    let page = KeyQuery {
        index: Some(PENDING),
        range,
        is_descending: true,
        limit: Some(limit),
        ..KeyQuery::of(key::notifications(id))
    };
    table.query("read what is pending", page).await?.iter().map(key::sequence).collect()
}

/// How many are pending.
pub(super) async fn pending_count(table: &Table, id: InstanceId) -> Result<u64> {
    let staged_count = staged::named(table, id).await?.len() as u64;
    let page = KeyQuery { index: Some(PENDING), ..KeyQuery::of(key::notifications(id)) };
    Ok(staged_count + table.count("count what is pending", page).await?)
}

/// Rows of an instance's notifications without their bodies.
pub(super) async fn standings(table: &Table, id: InstanceId, limit: usize) -> Result<Vec<Row>> {
    let page = KeyQuery {
        limit: Some(limit),
        only: Some("pk, sk, pending, staged"),
        ..KeyQuery::of(key::notifications(id))
    };
    table.query("read notifications", page).await
}

/// The newest with this event id.
pub(super) async fn named_so(table: &Table, id: InstanceId, event_id: &str) -> Result<Option<Sequence>> {
    let range = ("name", "begins_with(#sort, :from)", text(format!("{event_id}#")));
    let page = KeyQuery {
        index: Some(BY_NAME),
        range: Some(range),
        is_descending: true,
        limit: Some(1),
        ..KeyQuery::of(key::notifications(id))
    };
    table.query("look a notification up", page).await?.first().map(key::sequence).transpose()
}

/// All events of the log, read from the index, which holds little else.
pub(super) async fn all_events(table: &Table, id: InstanceId) -> Result<Vec<EventId>> {
    let mut rows = staged::named(table, id).await?;
    let page =
        KeyQuery { index: Some(BY_NAME), only: Some("events"), ..KeyQuery::of(key::notifications(id)) };
    rows.extend(table.query("look events up", page).await?);
    let events: Result<Vec<Vec<EventId>>> = rows.iter().map(events).collect();
    Ok(events?.into_iter().flatten().collect())
}
