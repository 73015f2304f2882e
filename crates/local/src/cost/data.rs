//! What the model is made of: prices, what tests count, and what is assumed. The files are in `infra/cost`.

use serde::Deserialize;
use std::collections::BTreeMap;

/// What AWS charges.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prices {
    pub(super) date: String,
    pub(super) region: String,
    pub(super) dynamodb_write_unit: Price,
    pub(super) dynamodb_read_unit: Price,
    pub(super) dynamodb_gb_month_with_backup: Price,
    pub(super) scheduler_start: Price,
    pub(super) lambda_request: Price,
    pub(super) lambda_arm64_gb_s: Price,
    pub(super) http_api_request: Price,
    pub(super) sqs_fair_request: Price,
    pub(super) log_gb: Price,
    pub(super) alarm_month: Price,
    pub(super) metric_month: Price,
    pub(super) secret_month: Price,
    pub(super) secret_request: Price,
}

/// Without free tiers and reductions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    usd: f64,
    /// What so many cost.
    per: f64,
    /// Where that is said.
    #[allow(dead_code)] // for who reads the file
    source: String,
}

impl Price {
    /// Dollars for so many.
    pub(super) fn of(&self, count: f64) -> f64 {
        count * self.usd / self.per
    }
}

/// What one of something consumes: `crates/aws/tests/emulator/counts.rs` counts it.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Consumed {
    pub(super) write_units: f64,
    pub(super) read_units: f64,
    pub(super) queue_requests: f64,
    pub(super) secret_requests: f64,
    #[allow(dead_code)] // nobody charges for them
    provider_requests: f64,
}

/// Of a mailbox of one connector.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counts {
    pub(super) idle_poll: Consumed,
    pub(super) heartbeat: Consumed,
    /// Found, committed, and taken by its callback at the first attempt.
    pub(super) notification: Consumed,
    /// More of an idle poll, as long as the outbox names what was delivered.
    pub(super) named_poll: Consumed,
    pub(super) access_token: Consumed,
    /// Handing out 25 members of a tick.
    pub(super) tick_letter: Consumed,
    /// What is more where the refresh token that came along is stored.
    pub(super) refresh_token: Consumed,
    pub(super) push: Option<CountsOfPush>,
    pub(super) stored: BytesKept,
}

/// Bytes of rows with their entries in indexes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BytesKept {
    /// All rows of a mailbox that was just connected.
    pub(super) mailbox_bytes: f64,
    /// What a message of it adds, where each is remembered.
    pub(super) known_bytes: f64,
    /// A delivered notification.
    pub(super) notification_bytes: f64,
    /// What leads to it by its object.
    pub(super) search_bytes: f64,
}

/// Of a mailbox whose changes are pushed.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CountsOfPush {
    /// A notice, and the poll that it leads to.
    pub(super) notice: Consumed,
    /// A grant that the provider wants renewed, with its reminder.
    pub(super) grant: Option<Consumed>,
    /// A watch that a poll renews.
    pub(super) renewal: Option<Consumed>,
}

/// By connector, by where refresh tokens are.
pub(super) type CountsByStorage = BTreeMap<String, BTreeMap<String, Counts>>;

/// What no test counts. `infra/check.py` compares what the template says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Assumed {
    pub(super) hours_per_month: f64,
    pub(super) poll_gb: f64,
    pub(super) poll_ms: f64,
    pub(super) grant_ms: f64,
    pub(super) deliver_ms: f64,
    pub(super) tick_ms: f64,
    pub(super) tick_window_s: u32,
    pub(super) tick_polls_at_once: f64,
    pub(super) api_gb: f64,
    pub(super) notice_ms: f64,
    pub(super) tokens_per_hour: f64,
    pub(super) safety_poll_min: u32,
    pub(super) heartbeat_min: u32,
    pub(super) grants_per_day: f64,
    pub(super) renewals_per_day: f64,
    pub(super) refresh_tokens_per_day: f64,
    pub(super) log_bytes_per_idle_poll: f64,
    pub(super) log_bytes_per_notification: f64,
    /// What the span of an invocation adds to that, of which X-Ray has one in twenty.
    pub(super) log_bytes_per_span: f64,
    /// A line of a process's sums, and how often it writes one at the most.
    pub(super) log_bytes_per_sums: f64,
    pub(super) sums_every_s: f64,
    /// Processes that there are for each that is busy, on average.
    pub(super) processes_per_busy: f64,
    pub(super) messages_per_mailbox: f64,
    pub(super) days_per_notification: f64,
    pub(super) days_per_search: f64,
    pub(super) secrets: f64,
    pub(super) alarms: f64,
    pub(super) metrics: f64,
    pub(super) empty_receives_per_month: f64,
}

/// Everything.
#[derive(Debug, Clone)]
pub(super) struct Data {
    pub(super) prices: Prices,
    pub(super) counts: CountsByStorage,
    pub(super) assumed: Assumed,
}

impl Data {
    /// As this program was built.
    pub(super) fn built_in() -> serde_json::Result<Self> {
        Ok(Data {
            prices: serde_json::from_str(include_str!("../../../../infra/cost/prices.json"))?,
            counts: serde_json::from_str(include_str!("../../../../infra/cost/counts.json"))?,
            assumed: serde_json::from_str(include_str!("../../../../infra/cost/assumed.json"))?,
        })
    }
}
