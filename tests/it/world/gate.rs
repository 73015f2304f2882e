//! Where a process can die: before and after each thing it does to the world.

use app::ports::*;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connectors::{HttpError, HttpRequest, HttpResponse};
use domain::delivery::Subscription;
use domain::ids::{EventId, InstanceId, Sequence};
use domain::instance::{Account, Instance};
use domain::schedule::Timetable;
use domain::token::Session;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tokio::sync::Notify;

/// Once armed it counts what passes; at the count the process is dead, and nothing of it goes on.
#[derive(Default)]
pub(crate) struct Gate {
    /// Passages left; negative: not armed.
    left: AtomicI64,
    armed: AtomicBool,
    died: Notify,
    /// Turns that others get at each passage, beside the one they always get.
    lag: usize,
}

impl Gate {
    /// For a process that does everything more slowly than others.
    pub(crate) fn slow(lag: usize) -> Arc<Self> {
        Arc::new(Gate { lag, ..Gate::default() })
    }

    /// The process dies at the n-th passage from now.
    pub(crate) fn die_after(&self, passages: u64) {
        self.left.store(passages as i64, Ordering::SeqCst);
        self.armed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn heal(&self) {
        self.armed.store(false, Ordering::SeqCst);
    }

    /// Runs work until it ends (`Some`) or the process dies (`None`).
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.died.notified() => None,
        }
    }

    async fn pass(&self) {
        // Others get a turn here, so that polls that overlap really do.
        for _ in 0..=self.lag {
            tokio::task::yield_now().await;
        }
        if self.armed.load(Ordering::SeqCst) && self.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

macro_rules! gated {
    ($gated:ident, $port:ident, { $(async fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty;)* }) => {
        pub(crate) struct $gated {
            inner: Arc<dyn $port>,
            gate: Arc<Gate>,
        }

        impl $gated {
            pub(crate) fn new(inner: Arc<dyn $port>, gate: &Arc<Gate>) -> Self {
                $gated { inner, gate: gate.clone() }
            }
        }

        #[async_trait]
        impl $port for $gated {
            $(async fn $name(&self, $($arg: $type),*) -> $result {
                self.gate.pass().await;
                let result = self.inner.$name($($arg),*).await;
                self.gate.pass().await;
                result
            })*
        }
    };
}

gated!(GatedStore, Store, {
    async fn account(user: &LookupHash, organization: Option<&LookupHash>) -> Result<Option<Account>>;
    async fn insert_instance(new: &NewInstance) -> Result<Written>;
    async fn instance(id: InstanceId) -> Result<Option<Instance>>;
    async fn instance_by_token(token: &LookupHash) -> Result<Option<Instance>>;
    async fn instances(
        organization_id: u32,
        after: Option<InstanceId>,
        limit: usize,
    ) -> Result<Vec<Instance>>;
    async fn mailbox(id: InstanceId) -> Result<Option<Mailbox>>;
    async fn change_instance(change: &InstanceChange) -> Result<Written>;
    async fn purge_instance(id: InstanceId, limit: usize) -> Result<(u64, bool)>;
    async fn lease_session(
        id: InstanceId,
        version: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written>;
    async fn put_session(id: InstanceId, session: &Session) -> Result<Written>;
    async fn commit_poll(commit: &PollCommit) -> Result<Written>;
    async fn clear_outbox(id: InstanceId, resource: &str, sequences: &[Sequence]) -> Result<()>;
    async fn logged_events(id: InstanceId, events: &[EventId]) -> Result<HashSet<EventId>>;
    async fn claim_attempt(
        key: AttemptKey,
        by: Claimant,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Claim>;
    async fn finish_attempt(key: AttemptKey, outcome: &AttemptOutcome) -> Result<Written>;
    async fn reopen(id: InstanceId, sequence: Sequence, now: DateTime<Utc>) -> Result<Option<AttemptKey>>;
    async fn subscription(id: InstanceId) -> Result<Option<Subscription>>;
    async fn begin_release(
        id: InstanceId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Subscription>>;
    async fn next_queued(id: InstanceId) -> Result<Option<Notification>>;
    async fn end_release(id: InstanceId, generation: u64) -> Result<Written>;
    async fn pause_release(id: InstanceId, generation: u64) -> Result<()>;
    async fn notifications(id: InstanceId, page: LogPage) -> Result<Vec<Notification>>;
    async fn notification(id: InstanceId, event_id: &str) -> Result<Option<Notification>>;
    async fn notification_of(organization_id: u32, event_id: &str) -> Result<Option<Notification>>;
    async fn notification_at(mark: LogMark) -> Result<Option<Notification>>;
    async fn organization_log(organization_id: u32, page: OrganizationPage) -> Result<Vec<LogLine>>;
});

gated!(GatedVault, Vault, {
    async fn read(id: InstanceId) -> Result<Option<(Secrets, u64)>>;
    async fn write(id: InstanceId, secrets: &Secrets, version: u64) -> Result<Written>;
    async fn remove(id: InstanceId) -> Result<()>;
});

gated!(GatedSchedule, Schedule, {
    async fn put(id: InstanceId, timetable: Timetable, enabled: bool) -> Result<()>;
    async fn remove(id: InstanceId) -> Result<()>;
});

gated!(GatedQueue, Queue, {
    async fn send(jobs: &[(Job, DateTime<Utc>)]) -> Result<()>;
});

gated!(GatedHttp, Http, {
    async fn send(request: HttpRequest) -> std::result::Result<HttpResponse, HttpError>;
});
