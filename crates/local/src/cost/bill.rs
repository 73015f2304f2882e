//! The bill of a mailbox and month, line by line.

use super::data::{Assumed, Consumed, Counts, Data, Prices};
use super::question::{Question, Storage};
use super::ticks::PerPoll;
use serde::Serialize;
use std::fmt;

const MS_PER_S: f64 = 1000.0;
const S_PER_HOUR: f64 = 3600.0;
const BYTES_PER_GB: f64 = 1e9;
/// An idle poll writes the state after so many that only looked what was delivered.
const NAMED_POLLS_COUNT_MAX: u32 = 10;

/// Why something is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cause {
    IdlePolls,
    Notifications,
    AccessTokens,
    Push,
    Storage,
    Secrets,
    Stack,
}

impl Cause {
    pub(super) const ALL: [Cause; 7] = [
        Cause::IdlePolls,
        Cause::Notifications,
        Cause::AccessTokens,
        Cause::Push,
        Cause::Storage,
        Cause::Secrets,
        Cause::Stack,
    ];
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Cause::IdlePolls => "idle polls",
            Cause::Notifications => "notifications",
            Cause::AccessTokens => "access tokens",
            Cause::Push => "push",
            Cause::Storage => "storage",
            Cause::Secrets => "refresh tokens",
            Cause::Stack => "the stack itself",
        })
    }
}

/// Who is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Service {
    DynamoDb,
    Lambda,
    Scheduler,
    Sqs,
    ApiGateway,
    CloudWatch,
    SecretsManager,
}

impl Service {
    pub(super) const ALL: [Service; 7] = [
        Service::DynamoDb,
        Service::Lambda,
        Service::Scheduler,
        Service::Sqs,
        Service::ApiGateway,
        Service::CloudWatch,
        Service::SecretsManager,
    ];
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Service::DynamoDb => "DynamoDB",
            Service::Lambda => "Lambda",
            Service::Scheduler => "Scheduler",
            Service::Sqs => "SQS",
            Service::ApiGateway => "API Gateway",
            Service::CloudWatch => "CloudWatch",
            Service::SecretsManager => "Secrets Manager",
        })
    }
}

/// What one mailbox pays for one thing in a month.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Line {
    pub(super) cause: Cause,
    pub(super) service: Service,
    /// Of what.
    pub(super) unit: &'static str,
    pub(super) count: f64,
    pub(super) usd: f64,
}

/// Dollars of these lines.
pub(super) fn sum<'a>(lines: impl IntoIterator<Item = &'a Line>) -> f64 {
    lines.into_iter().fold(0.0, |all, line| all + line.usd)
}

/// What the lines of one bill are made of.
pub(super) struct Bill<'a> {
    pub(super) prices: &'a Prices,
    pub(super) assumed: &'a Assumed,
    pub(super) counts: &'a Counts,
    pub(super) question: &'a Question,
    pub(super) storage: Storage,
}

impl<'a> Bill<'a> {
    /// `None` if nobody counted what such a mailbox consumes.
    pub(super) fn of(
        data: &'a Data,
        question: &'a Question,
        connector: &str,
        storage: Storage,
    ) -> Option<Self> {
        let counts = data.counts.get(storage.name())?.get(connector)?;
        let is_counted = !question.push || counts.push.is_some();
        is_counted.then_some(Bill { prices: &data.prices, assumed: &data.assumed, counts, question, storage })
    }

    /// All that costs anything.
    pub(super) fn lines(&self) -> Vec<Line> {
        let causes = [
            self.idle_polls(),
            self.notifications(),
            self.access_tokens(),
            self.push(),
            self.storage(),
            self.secrets(),
            self.stack(),
        ];
        causes.into_iter().flatten().filter(|line| line.usd > 0.0).collect()
    }

    /// What can't be saved: the starts.
    pub(super) fn floor_usd(&self) -> f64 {
        self.prices.scheduler_start.of(self.polls_count() * self.per_poll().starts)
    }

    fn interval_min(&self) -> u32 {
        match self.question.push {
            true => self.question.interval.max(self.assumed.safety_poll_min),
            false => self.question.interval,
        }
    }

    fn per_poll(&self) -> PerPoll {
        PerPoll::of(self.question, self.assumed, self.interval_min())
    }

    fn polls_count(&self) -> f64 {
        self.assumed.hours_per_month * 60.0 / f64::from(self.interval_min())
    }

    fn days(&self) -> f64 {
        self.assumed.hours_per_month / 24.0
    }

    fn notifications_count(&self) -> f64 {
        self.days() * f64::from(self.question.notifications_per_day)
    }

    fn idle_polls(&self) -> Vec<Line> {
        let (prices, polls) = (self.prices, self.polls_count());
        let mut of = Lines::new(Cause::IdlePolls);
        let per_poll = self.per_poll();
        let starts = polls * per_poll.starts;
        of.add(Service::Scheduler, "starts", starts, prices.scheduler_start.of(starts));
        let requests = polls * per_poll.requests;
        of.add(Service::Lambda, "requests", requests, prices.lambda_request.of(requests));
        self.time(&mut of, polls, per_poll.ms, self.assumed.poll_gb);
        self.consume(&mut of, polls, self.counts.idle_poll);
        self.consume(&mut of, polls * per_poll.letters, self.counts.tick_letter);
        self.consume(&mut of, self.heartbeats_count(), self.counts.heartbeat);
        self.log(&mut of, polls * self.assumed.log_bytes_per_idle_poll);
        of.lines
    }

    /// At most: whatever else is written spares one.
    fn heartbeats_count(&self) -> f64 {
        let polls_between = self.assumed.heartbeat_min.div_ceil(self.interval_min());
        self.polls_count() / f64::from(polls_between.max(1))
    }

    /// At most: idle polls until the next write of the state, or all that find nothing. A look of the poll that finds the next
    /// notification is counted with that.
    fn named_polls_count(&self) -> f64 {
        let polls_each = self.assumed.heartbeat_min.div_ceil(self.interval_min()).min(NAMED_POLLS_COUNT_MAX);
        let idle_count = (self.polls_count() - self.notifications_count()).max(0.0);
        (self.notifications_count() * f64::from(polls_each)).min(idle_count)
    }

    fn notifications(&self) -> Vec<Line> {
        let count = self.notifications_count();
        let mut of = Lines::new(Cause::Notifications);
        self.consume(&mut of, count, self.counts.notification);
        self.consume(&mut of, self.named_polls_count(), self.counts.named_poll);
        // By the poll that found it.
        self.time(&mut of, count, self.assumed.deliver_ms, self.assumed.poll_gb);
        let line_bytes = self.assumed.log_bytes_per_notification + self.assumed.log_bytes_per_span;
        self.log(&mut of, count * line_bytes);
        self.log(&mut of, self.sums_count() * self.assumed.log_bytes_per_sums);
        of.lines
    }

    /// A mailbox's share of the lines in which processes tell their sums: at most one for each notification, and one for each
    /// interval of each process.
    fn sums_count(&self) -> f64 {
        let (assumed, mailboxes) = (self.assumed, self.question.mailboxes as f64);
        let month_s = assumed.hours_per_month * S_PER_HOUR;
        let found = self.notifications_count();
        let busy_s = (self.polls_count() * self.per_poll().ms + found * assumed.deliver_ms) / MS_PER_S;
        let processes = (busy_s * mailboxes / month_s * assumed.processes_per_busy).ceil().max(1.0);
        found.min(processes * month_s / assumed.sums_every_s / mailboxes)
    }

    fn access_tokens(&self) -> Vec<Line> {
        let count = self.assumed.hours_per_month * self.assumed.tokens_per_hour;
        let mut of = Lines::new(Cause::AccessTokens);
        self.consume(&mut of, count, self.counts.access_token);
        self.consume(&mut of, self.days() * self.assumed.refresh_tokens_per_day, self.counts.refresh_token);
        of.lines
    }

    /// A notice for each notification, at least, and grants and watches that are kept.
    fn push(&self) -> Vec<Line> {
        let mut of = Lines::new(Cause::Push);
        let Some(counts) = self.counts.push.filter(|_| self.question.push) else { return of.lines };
        let notices = self.notifications_count();
        let grants = counts.grant.map_or(0.0, |_| self.days() * self.assumed.grants_per_day);
        let rings = notices + grants;
        of.add(Service::ApiGateway, "requests", rings, self.prices.http_api_request.of(rings));
        self.run(&mut of, rings, self.assumed.notice_ms, self.assumed.api_gb);
        self.run(&mut of, notices, self.assumed.poll_ms, self.assumed.poll_gb);
        self.run(&mut of, grants, self.assumed.grant_ms, self.assumed.poll_gb);
        self.consume(&mut of, notices, counts.notice);
        self.consume(&mut of, grants, counts.grant.unwrap_or_default());
        let renewals = self.days() * self.assumed.renewals_per_day;
        self.consume(&mut of, renewals, counts.renewal.unwrap_or_default());
        of.lines
    }

    fn storage(&self) -> Vec<Line> {
        let (assumed, stored) = (self.assumed, self.counts.stored);
        let per_day = f64::from(self.question.notifications_per_day);
        let kept = stored.notification_bytes * assumed.days_per_notification
            + stored.search_bytes * assumed.days_per_search;
        let mailbox = stored.mailbox_bytes + stored.known_bytes * assumed.messages_per_mailbox;
        let gb = (mailbox + per_day * kept) / BYTES_PER_GB;
        let mut of = Lines::new(Cause::Storage);
        of.add(Service::DynamoDb, "GB with backup", gb, self.prices.dynamodb_gb_month_with_backup.of(gb));
        of.lines
    }

    fn secrets(&self) -> Vec<Line> {
        let mut of = Lines::new(Cause::Secrets);
        if self.storage == Storage::SecretsManager {
            of.add(Service::SecretsManager, "secrets", 1.0, self.prices.secret_month.of(1.0));
        }
        of.lines
    }

    /// What is paid once, by all mailboxes together.
    fn stack(&self) -> Vec<Line> {
        let share = 1.0 / self.question.mailboxes as f64;
        let (prices, assumed) = (self.prices, self.assumed);
        let receives = assumed.empty_receives_per_month * share;
        let mut of = Lines::new(Cause::Stack);
        of.add(
            Service::SecretsManager,
            "secrets",
            assumed.secrets * share,
            prices.secret_month.of(assumed.secrets * share),
        );
        of.add(
            Service::CloudWatch,
            "alarms",
            assumed.alarms * share,
            prices.alarm_month.of(assumed.alarms * share),
        );
        of.add(
            Service::CloudWatch,
            "metrics",
            assumed.metrics * share,
            prices.metric_month.of(assumed.metrics * share),
        );
        of.add(Service::Sqs, "empty receives", receives, prices.sqs_fair_request.of(receives));
        of.lines
    }

    fn run(&self, of: &mut Lines, count: f64, ms: f64, gb: f64) {
        of.add(Service::Lambda, "requests", count, self.prices.lambda_request.of(count));
        self.time(of, count, ms, gb);
    }

    fn time(&self, of: &mut Lines, count: f64, ms: f64, gb: f64) {
        let gb_s = count * ms / MS_PER_S * gb;
        of.add(Service::Lambda, "GB·s", gb_s, self.prices.lambda_arm64_gb_s.of(gb_s));
    }

    fn consume(&self, of: &mut Lines, count: f64, each: Consumed) {
        let prices = self.prices;
        let (written, read) = (count * each.write_units, count * each.read_units);
        let (queued, secret) = (count * each.queue_requests, count * each.secret_requests);
        of.add(Service::DynamoDb, "write units", written, prices.dynamodb_write_unit.of(written));
        of.add(Service::DynamoDb, "read units", read, prices.dynamodb_read_unit.of(read));
        of.add(Service::Sqs, "requests", queued, prices.sqs_fair_request.of(queued));
        of.add(Service::SecretsManager, "requests", secret, prices.secret_request.of(secret));
    }

    fn log(&self, of: &mut Lines, bytes: f64) {
        let gb = bytes / BYTES_PER_GB;
        of.add(Service::CloudWatch, "GB of log", gb, self.prices.log_gb.of(gb));
    }
}

/// Lines of one cause, each unit once.
struct Lines {
    cause: Cause,
    lines: Vec<Line>,
}

impl Lines {
    fn new(cause: Cause) -> Self {
        Lines { cause, lines: Vec::new() }
    }

    fn add(&mut self, service: Service, unit: &'static str, count: f64, usd: f64) {
        match self.lines.iter_mut().find(|line| line.service == service && line.unit == unit) {
            Some(line) => {
                line.count += count;
                line.usd += usd;
            }
            None => self.lines.push(Line { cause: self.cause, service, unit, count, usd }),
        }
    }
}
