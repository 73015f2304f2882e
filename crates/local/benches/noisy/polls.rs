//! Polls: an organization whose provider is slow or hangs, and the timetable of another.

use crate::process;
use crate::row::Row;
use crate::seen::load;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use doubles::FaultKind;
use futures_util::future::join_all;
use scenarios::{Callback, Mailbox, Organization, Outside, Platform as _};
use std::time::{Duration, Instant};

/// Mailboxes of the noisy organization, polled every minute. Half of them are never answered, half of them after
/// [`SLOW_MS`]: together they would take twice as many places as there are.
const HANGING_COUNT: usize = 240;
const SLOW_MS: u64 = 20_000;
const SILENT_MS: u64 = 86_400_000;
/// Of the quiet one, so that two ticks come in a second.
const QUIET_COUNT: usize = 120;
/// Its mail comes so long before a tick, s.
const BEFORE_TICK_S: i64 = 3;
const LOOK_EVERY: Duration = Duration::from_millis(20);
const WATCHED_ALONE: Duration = Duration::from_secs(30);
/// Until the noise has all places that it can get.
const SETTLING: Duration = Duration::from_secs(30);
const WATCHED: Duration = Duration::from_secs(60);
const LATE_MS_MAX: f64 = 1_000.0;

pub(crate) async fn rows() -> Vec<Row> {
    let platform = process::platform().await;
    let outside = platform.outside();
    let (noisy, quiet) = (Organization::new(&platform).await, Organization::new(&platform).await);
    let mut ticking = join_all((0..QUIET_COUNT).map(|n| Ticking::new(outside, &quiet, n))).await;
    let noise: Vec<Mailbox> =
        (0..HANGING_COUNT).map(|n| Mailbox::gmail(outside, &format!("noisy-{n}"))).collect();
    let callback = Callback::new(outside, "noisy");
    join_all(noise.iter().map(|mailbox| noisy.client.connect(mailbox, &callback))).await;
    println!("{HANGING_COUNT} mailboxes whose provider will be slow or hang, at load {}", load());
    watch(outside, &mut ticking, Duration::from_secs(BEFORE_TICK_S.unsigned_abs())).await;
    let alone = watch(outside, &mut ticking, WATCHED_ALONE).await;
    for (n, mailbox) in noise.iter().enumerate() {
        let ms = if n % 2 == 0 { SILENT_MS } else { SLOW_MS };
        mailbox.double().fail_account(mailbox.address(), FaultKind::Slow { ms });
    }
    watch(outside, &mut ticking, SETTLING).await;
    let beside = watch(outside, &mut ticking, WATCHED).await;
    Row::percentiles("tick to callback beside hanging polls, ms", (&alone, &beside), LATE_MS_MAX).into()
}

/// A mailbox that gets a mail shortly before each of its ticks.
struct Ticking {
    mailbox: Mailbox,
    callback_path: String,
    timetable: Timetable,
    /// The tick that has to tell the mail that waits.
    due: Option<DateTime<Utc>>,
}

impl Ticking {
    async fn new(outside: &Outside, organization: &Organization, n: usize) -> Self {
        let name = format!("quiet-{n}");
        let mailbox = Mailbox::gmail(outside, &name);
        let id = organization.client.connect(&mailbox, &Callback::new(outside, &name)).await.id;
        let id = InstanceId::from_bytes(u32::try_from(id).unwrap().to_be_bytes());
        let timetable = Timetable::new(id, 1);
        Ticking { mailbox, callback_path: format!("/{name}"), timetable, due: None }
    }

    fn deliver_before_its_tick(&mut self, now: DateTime<Utc>) {
        let due = self.timetable.next_after(now);
        if self.due.is_none() && (due - now).num_seconds() < BEFORE_TICK_S {
            self.mailbox.deliver();
            self.due = Some(due);
        }
    }
}

/// How late what came was told, counted from its tick, ms. What is late still counts as if it came at the end.
async fn watch(outside: &Outside, ticking: &mut [Ticking], duration: Duration) -> Vec<f64> {
    let (began, mut late) = (Instant::now(), Vec::new());
    while began.elapsed() < duration {
        let now = now();
        ticking.iter_mut().for_each(|one| one.deliver_before_its_tick(now));
        for received in outside.receiver.take() {
            let told = ticking.iter_mut().find(|one| one.callback_path == received.path);
            let Some(due) = told.and_then(|one| one.due.take()) else { continue };
            late.push((received.at_us - due.timestamp_micros()) as f64 / 1000.0);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let end = now();
    let waiting = ticking.iter().filter_map(|one| one.due).map(|due| (end - due).num_milliseconds() as f64);
    late.extend(waiting.filter(|ms| *ms > LATE_MS_MAX));
    late
}

#[allow(clippy::disallowed_methods)] // real time is what is measured
fn now() -> DateTime<Utc> {
    Utc::now()
}
