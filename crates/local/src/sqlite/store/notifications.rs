//! Notification rows: how they are written and read.

use crate::sqlite::columns::{
    damaged, from_json, instance_id, kind_bit, micros, time, time_or_none, to_json,
};
use crate::sqlite::readable::{OfRow as _, readable};
use app::ports::{AttemptState, NewNotification, Notification, Progress, Rows};
use domain::delivery::Reached;
use domain::ids::{EventId, InstanceId, NotificationName, Sequence};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};

/// Where a row of [`select_notifications`] is, for what can't even be named by [`notification`].
pub(super) const NOTIFICATION: (&str, usize) = ("notifications", 1);

/// A query for notifications of instance `?1`, to be ended by a condition on `n`. Its rows are read by
/// [`notification`].
macro_rules! select_notifications {
    ($tail:literal) => {
        concat!(
            "SELECT n.instance_id, n.sequence, n.number, n.event_id, n.resource, b.events, b.body,
                 n.created_at_us, n.progress, n.attempt, n.round_start, n.due_at_us, n.attempts,
                 n.expires_at_us, s.status = 'releasing' AND n.round_generation < s.generation,
                 n.reached_callback, n.reached_bus, n.sighting
             FROM notifications n
             JOIN bodies b ON b.row_id = n.row_id
             JOIN subscriptions s ON s.instance_id = ?1
             WHERE n.instance_id = ?1 ",
            $tail
        )
    };
}
pub(super) use select_notifications;

/// Which of these were delivered.
pub(super) fn delivered(conn: &Connection, id: InstanceId, sequences: &[Sequence]) -> Result<Vec<Sequence>> {
    let mut one = conn.prepare_cached(
        "SELECT 1 FROM notifications WHERE instance_id = ?1 AND sequence = ?2 AND progress = ?3",
    )?;
    let mut delivered = Vec::new();
    for sequence in sequences {
        if one.exists((id.get(), sequence.0, Progress::Delivered.text()))? {
            delivered.push(*sequence);
        }
    }
    Ok(delivered)
}

pub(super) fn is_taken(conn: &Connection, id: InstanceId, number: Sequence) -> Result<bool> {
    conn.prepare_cached("SELECT 1 FROM notifications WHERE instance_id = ?1 AND sequence = ?2")?
        .exists((id.get(), number.0))
}

pub(super) fn insert(
    conn: &Connection,
    organization_id: u32,
    id: InstanceId,
    new: &NewNotification,
) -> Result<()> {
    let progress = if new.deliver { Progress::Pending } else { Progress::Logged };
    let row_id = conn
        .prepare_cached(
            "INSERT INTO notifications (instance_id, sequence, number, event_id, resource, created_at_us,
                 progress, attempt, round_start, round_generation, attempts, expires_at_us, organization_id,
                 sighting, events_count, kinds, subjects, claim_until_us)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, 0, 0, '[]', ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .insert(params![
            id.get(),
            new.sequence.0,
            new.name.id,
            new.name.event_id,
            new.resource,
            micros(new.created_at),
            progress.text(),
            new.expires_at.map(micros),
            organization_id,
            new.sighting.as_ref().map(to_json).transpose()?,
            new.events.len(),
            new.gist.as_ref().map(|gist| gist.kinds.iter().fold(0, |all, kind| all | kind_bit(*kind))),
            new.gist.as_ref().and_then(|gist| gist.subjects.as_ref()),
            new.claimed_until.map(micros),
        ])?;
    let events: Vec<u8> = new.events.iter().flat_map(|event| *event.as_bytes()).collect();
    conn.prepare_cached("INSERT INTO bodies (row_id, events, body) VALUES (?1, ?2, ?3)")?
        .execute((row_id, events, &new.body))?;
    let mut log = conn.prepare_cached(
        "INSERT INTO events (instance_id, event, sequence) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?;
    for event in &new.events {
        log.execute((id.get(), event.as_bytes(), new.sequence.0))?;
    }
    let mut index = conn.prepare_cached(
        "INSERT INTO objects (object, sequence, instance_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?;
    for object in &new.objects {
        index.execute((object, new.sequence.0, id.get()))?;
    }
    Ok(())
}

/// Where a row's attempts stand, and the attempts as a JSON list.
pub(super) fn standing(
    conn: &Connection,
    id: InstanceId,
    number: Sequence,
) -> Result<Option<(AttemptState, String)>> {
    conn.prepare_cached(
        "SELECT progress, attempt, due_at_us, claim_until_us, attempts
         FROM notifications WHERE instance_id = ?1 AND sequence = ?2",
    )?
    .query_row((id.get(), number.0), |row| {
        let standing = AttemptState {
            progress: progress(row.get_ref(0)?.as_str()?)?,
            attempt: row.get(1)?,
            due_at: time_or_none(row.get(2)?)?,
            claimed_until: time_or_none(row.get(3)?)?,
        };
        Ok((standing, row.get(4)?))
    })
    .optional()
    .of_row("notifications", format_args!("{id} {}", number.0))
}

pub(super) fn get(conn: &Connection, id: InstanceId, number: Sequence) -> Result<Option<Notification>> {
    conn.prepare_cached(select_notifications!("AND n.sequence = ?2"))?
        .query_row((id.get(), number.0), notification)
        .optional()
}

/// The same for a list, which one that can't be read is left out of.
pub(super) fn listed(conn: &Connection, id: InstanceId, number: Sequence) -> Result<Rows<Notification>> {
    let mut statement = conn.prepare_cached(select_notifications!("AND n.sequence = ?2"))?;
    readable((&mut statement, (id.get(), number.0)), 1, NOTIFICATION, notification)
}

/// Reads a row of [`select_notifications`].
///
/// A release counts a new round for everything that is pending, without touching the rows: what was last
/// claimed before the release began is read as its round begins.
pub(super) fn notification(row: &Row<'_>) -> Result<Notification> {
    let (id, number): (i64, i64) = (row.get(0)?, row.get(1)?);
    read(row).of_row("notifications", format_args!("{id} {number}"))
}

fn read(row: &Row<'_>) -> Result<Notification> {
    let progress = progress(row.get_ref(8)?.as_str()?)?;
    let attempt: u32 = row.get(9)?;
    let begins_round = progress == Progress::Pending && row.get(14)?;
    Ok(Notification {
        instance: instance_id(row.get(0)?),
        sequence: Sequence(row.get(1)?),
        name: NotificationName { id: row.get(2)?, event_id: row.get(3)? },
        resource: row.get(4)?,
        events: events(row.get_ref(5)?.as_blob()?),
        body: row.get(6)?,
        created_at: time(row.get(7)?)?,
        sighting: row.get_ref(17)?.as_str_or_null()?.map(from_json).transpose()?,
        progress,
        attempt,
        round_start: if begins_round { attempt.saturating_sub(1) } else { row.get(10)? },
        due_at: if begins_round { None } else { time_or_none(row.get(11)?)? },
        attempts: from_json(row.get_ref(12)?.as_str()?)?,
        reached: Reached { callback: row.get(15)?, bus: row.get(16)? },
        expires_at: time_or_none(row.get(13)?)?,
    })
}

fn events(bytes: &[u8]) -> Vec<EventId> {
    let (ids, _) = bytes.as_chunks::<16>();
    ids.iter().map(|id| EventId::from_bytes(*id)).collect()
}

pub(super) fn progress(text: &str) -> Result<Progress> {
    Progress::parse(text).ok_or_else(|| damaged(Type::Text, "not a progress"))
}
