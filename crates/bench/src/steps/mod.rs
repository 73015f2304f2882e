//! Inner steps alone: what is done to bytes, without a store, a socket or a clock.

mod answers;
mod reading;

use crate::allocations;
use crate::command_line::CommandLine;
use crate::instructions;
use crate::table::Row;
use chrono::{DateTime, Duration, Utc};
use connectors::{Call, ErrorKind};
use domain::envelope::{self, ReadableResource, Sender};
use domain::event::{Change, ChangeKind};
use domain::ids::InstanceId;
use domain::resource::ResourceConfig;
use domain::signature::{sign, sign_standard};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use std::hint::black_box;

/// Sunday, 22 November 2026, 12:00:00 UTC, µs.
pub(crate) const NOW_US: i64 = 1_795_348_800_000_000;
/// Bytes of a signed body, and how many are signed.
const SIGNED_BYTES: usize = 10_000;
const SIGNED_COUNT: usize = 1_000;
/// Configurations that are read and expanded, and answers that are classified.
const SMALL_COUNT: usize = 1_000;
/// Changes that become notifications.
const CHANGES_COUNT: usize = 250;
/// CPU time of a measurement, ms.
const MEASURED_MS: f64 = 300.0;

/// A piece of work that can be done again and again.
pub struct Step {
    /// What it is.
    pub name: &'static str,
    /// How much it reads or writes.
    pub bytes: usize,
    work: Box<dyn Fn()>,
}

impl Step {
    fn new(name: &'static str, bytes: usize, work: impl Fn() + 'static) -> Self {
        Step { name, bytes, work: Box::new(work) }
    }

    /// Does it once.
    pub fn run(&self) {
        (self.work)();
    }
}

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(NOW_US).unwrap()
}

/// All of them, with what they work on.
pub fn all() -> Vec<Step> {
    vec![reading::history_page(), reading::messages(), notifications(), signed(), expanded(), classified()]
}

/// Does one of them so many times.
pub fn repeat(number: usize, times: usize) {
    let steps = all();
    (0..times).for_each(|_| steps[number].run());
}

/// A row for each count of a step.
pub(crate) fn measured(step: &Step, line: &CommandLine) -> Vec<Row> {
    step.run();
    let allocated = allocations::of(|| step.run());
    let (began, mut rounds) = (cpu_ms(), 0.0);
    while cpu_ms() - began < MEASURED_MS {
        step.run();
        rounds += 1.0;
    }
    let took_ms = (cpu_ms() - began) / rounds;
    let row = |unit, value| Row::new(step.name, unit, value);
    let mut rows = vec![
        row("CPU-ms", took_ms),
        row("MB/s", step.bytes as f64 / 1e6 / (took_ms / 1e3)),
        row("allocations", allocated.count as f64),
        row("kB allocated", allocated.bytes as f64 / 1e3),
    ];
    let number = all().iter().position(|one| one.name == step.name).unwrap();
    rows.extend(instructions::of_step(line, number).map(|count| row("instructions", count)));
    rows
}

fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

fn notifications() -> Step {
    let change = |n: usize| Change {
        object_id: format!("18c00000000{n:05}"),
        shown_id: None,
        kind: ChangeKind::Created,
        version: n.to_string(),
        at: Some(now()),
        record: record(n),
        recheck: false,
        again: false,
    };
    let changes: Vec<Change> = (0..CHANGES_COUNT).map(change).collect();
    let bytes = changes.iter().map(|change| change.record.to_string().len()).sum();
    Step::new("250 changes to notifications", bytes, move || {
        let sender = Sender {
            instance: InstanceId::from_bytes([1, 2, 3, 4]),
            connector: "connector",
            hub: "general",
            account_id: 1,
            organization_id: 1,
            user_id: 1,
            name: "Bench",
            tags: &[],
        };
        let resource = ReadableResource { key: "messages", path: "messages", fields: &[] };
        black_box(envelope::build(&sender, resource, &changes, now(), 100_000));
    })
}

fn record(n: usize) -> Value {
    json!({
        "id": format!("18c00000000{n:05}"),
        "threadId": format!("18c00000000{n:05}"),
        "labelIds": ["UNREAD", "INBOX"],
        "snippet": "Please find the details below. The total is 42.00 EUR. See you on Thursday.",
        "subject": format!("Minutes of the meeting {n}"),
        "from": "Ada Lovelace <ada@analytical.example>",
        "historyId": n.to_string(),
        "sizeEstimate": 1_234,
    })
}

fn signed() -> Step {
    let body = record(1).to_string().repeat(SIGNED_BYTES / record(1).to_string().len() + 1);
    let body = body.as_bytes()[..SIGNED_BYTES].to_vec();
    Step::new("1,000 bodies of 10 kB signed twice", SIGNED_COUNT * SIGNED_BYTES, move || {
        for n in 0..SIGNED_COUNT {
            black_box(sign("bench-signature-key", &body));
            black_box(sign_standard(&["bench-signature-key"], "notification", n as i64, &body));
        }
    })
}

fn expanded() -> Step {
    let entry = json!({
        "url": "/hubs/general/messages?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
        "idField": "Id",
        "datesConfiguration": {
            "updatedAtField": "LastModifiedDateTime",
            "updatedAtFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
            "updatedAtTimezone": "GMT",
            "createdAtField": "CreatedDateTime",
            "createdAtFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
            "createdAtTimezone": "GMT",
        },
    });
    let bytes = entry.to_string().len() * SMALL_COUNT;
    Step::new("1,000 poller configurations read and expanded", bytes, move || {
        for _ in 0..SMALL_COUNT {
            let resource = ResourceConfig::parse("messages", &entry).unwrap();
            black_box(resource.read_at(now() - Duration::hours(1), now()).unwrap());
        }
    })
}

fn classified() -> Step {
    let connector = connectors::registry().remove(0);
    let body = json!({ "error": {
        "code": 403,
        "message": "User Rate Limit Exceeded. Rate of requests for user exceed configured project quota.",
        "errors": [{ "domain": "usageLimits", "reason": "userRateLimitExceeded", "message": "Rate Limit Exceeded" }],
        "status": "PERMISSION_DENIED",
    } });
    let body = body.to_string();
    let bytes = body.len() * SMALL_COUNT;
    let answers = answers::Answers::always(403, &body);
    Step::new("1,000 refusals classified", bytes, move || {
        for _ in 0..SMALL_COUNT {
            let call = call(&answers);
            let error = answers::finished(connector.ping(&call)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::RateLimited);
        }
    })
}

fn call(http: &answers::Answers) -> Call<'_> {
    Call {
        http,
        api_url: "https://provider.example",
        credential: "credential",
        now: now(),
        timeout_ms: 30_000,
        scratch: None,
        archive: None,
    }
}
