//! The way out of one poll, and what it depends on: the lease, the time that is left, and what the mailbox takes.
//!
//! A request that may not go is not sent ([`HttpError::NotSent`]). Connectors end their step there and keep what they
//! have, as they do when the provider limits; this module knows why.

use crate::config::FirstAttempts;
use crate::context::Context;
use crate::ports::{Mailbox, PollEnded, PortError, Result, Written};
use crate::refused_call::ProviderCall;
use crate::traffic::{Errand, Lane, Polling};
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use connectors::{Http, HttpError, HttpRequest, HttpResponse};
use domain::ids::InstanceId;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Mutex as AsyncMutex;

/// A lease outlives its poll's deadline by this, seconds: for a last commit, and for clocks that differ.
const LEASE_MARGIN_S: i64 = 15;
/// A request that would have less time than this is not sent, ms.
const REQUEST_MS_MIN: i64 = 2_000;
/// Requests that a poll makes for each resource without the lease, where it may commit without it: what changed, and the
/// one message that this names.
const LOOK_REQUESTS_MAX: u32 = 2;
/// How long after its row was read a poll goes beyond its first request without the lease, and commits so, seconds.
const LOOK_S: i64 = 10;
/// Kept before the deadline for storing what was read, ms.
const COMMIT_MS: i64 = 3_000;

/// Why a request was not sent.
pub(super) enum Halt {
    /// What is left of the poll's time does not do for another one.
    Deadline,
    /// Somebody else polls.
    Lost,
    /// The provider wants to be left alone until then.
    Limited(DateTime<Utc>),
    /// The lease could not be taken.
    Fault(PortError),
}

/// The right to poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    /// The lease was free when the mailbox was read: so many requests of a resource were made since.
    Look {
        fence: u64,
        asked_count: u32,
    },
    /// It has the lease of this fence.
    Held {
        fence: u64,
    },
    Lost,
}

/// The gate of one poll.
pub(super) struct Gate<'a> {
    app: &'a Context,
    id: InstanceId,
    deadline: DateTime<Utc>,
    /// Until when a look is as good as the lease for a small find; `None` where it never is.
    look_until: Option<DateTime<Utc>>,
    connector: &'static str,
    lane: Arc<Lane>,
    _polling: Polling,
    right: AsyncMutex<Right>,
    halt: Mutex<Option<Halt>>,
}

impl<'a> Gate<'a> {
    /// For a mailbox without a poller, as was read with this fence.
    pub(super) fn new(
        app: &'a Context,
        connector: &'static str,
        mailbox: &Mailbox,
        deadline: DateTime<Utc>,
        is_tick: bool,
    ) -> Self {
        let id = mailbox.instance.id;
        let lane = app.traffic.lane(id);
        lane.see_session(&mailbox.session);
        let fence = mailbox.poller.fence;
        let is_small_free = is_tick && app.config.first_attempts == FirstAttempts::AtOnce;
        Gate {
            app,
            id,
            deadline,
            look_until: is_small_free.then(|| app.now() + Duration::seconds(LOOK_S)),
            connector,
            _polling: lane.polls(),
            lane,
            right: AsyncMutex::new(Right::Look { fence, asked_count: 0 }),
            halt: Mutex::default(),
        }
    }

    /// Takes the lease unless it is held already; false if another polls by now, or polling must stop.
    pub(super) async fn hold(&self) -> Result<bool> {
        self.take(&mut *self.right.lock().await).await
    }

    /// The lease names the fence that the mailbox was read with, so of two pollers that read the same row one gets it;
    /// a poller that was frozen for minutes finds the fence moved and is out. Without it both would read on: the commit
    /// of one would be refused, but the provider would see eight requests of one mailbox at a time.
    async fn take(&self, right: &mut Right) -> Result<bool> {
        let Right::Look { fence, .. } = *right else { return Ok(*right != Right::Lost) };
        let now = self.app.now();
        let until = self.deadline.max(now) + Duration::seconds(LEASE_MARGIN_S);
        let taken = self.app.ports.store.begin_poll(self.id, fence, now, until).await?;
        *right = match taken {
            Written::Done => Right::Held { fence: fence + 1 },
            Written::Conflict | Written::Gone => Right::Lost,
        };
        Ok(taken == Written::Done)
    }

    /// Another resource begins: its first requests are free as well.
    pub(super) async fn next_resource(&self) {
        if let Right::Look { asked_count, .. } = &mut *self.right.lock().await {
            *asked_count = 0;
        }
    }

    /// A tick that did not need the lease so far, and not long since it was free.
    pub(super) async fn looks_still(&self) -> bool {
        matches!(*self.right.lock().await, Right::Look { .. }) && self.is_fresh()
    }

    fn is_fresh(&self) -> bool {
        self.look_until.is_some_and(|until| self.app.now() < until)
    }

    /// Another was first: what this poll knows of the mailbox is old.
    pub(super) async fn lose(&self) {
        let mut right = self.right.lock().await;
        if let Right::Look { .. } = *right {
            *right = Right::Lost;
        }
    }

    /// Another polls, or polling must stop.
    pub(super) async fn is_lost(&self) -> bool {
        *self.right.lock().await == Right::Lost
    }

    /// The provider throttles the mailbox, as this process learned.
    pub(super) fn is_limited(&self) -> bool {
        self.lane.limited_until(self.app.now()).is_some()
    }

    /// Gives the lease back; `None` where there was none.
    pub(super) async fn end(&self) -> Result<Option<PollEnded>> {
        let Right::Held { fence } = *self.right.lock().await else { return Ok(None) };
        self.app.ports.store.end_poll(self.id, fence).await.map(Some)
    }

    /// Why the last request was not sent.
    pub(super) fn halted(&self) -> Halt {
        self.halt.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(Halt::Deadline)
    }

    /// Time for one request at this moment, ms.
    fn left_ms(&self) -> i64 {
        (self.deadline - self.app.now()).num_milliseconds() - COMMIT_MS
    }

    async fn ask_right(&self) -> std::result::Result<(), Halt> {
        let mut right = self.right.lock().await;
        let free_max = if self.is_fresh() { LOOK_REQUESTS_MAX } else { 1 };
        if let Right::Look { asked_count, .. } = &mut *right
            && *asked_count < free_max
        {
            *asked_count += 1;
            return Ok(());
        }
        match self.take(&mut right).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Halt::Lost),
            Err(error) => Err(Halt::Fault(error)),
        }
    }

    fn ask_time(&self) -> std::result::Result<(), Halt> {
        if let Some(until) = self.lane.limited_until(self.app.now()) {
            return Err(Halt::Limited(until));
        }
        if self.left_ms() < REQUEST_MS_MIN { Err(Halt::Deadline) } else { Ok(()) }
    }

    fn not_sent(&self, why: Halt) -> HttpError {
        *self.halt.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        HttpError::NotSent
    }
}

#[async_trait]
impl Http for Gate<'_> {
    async fn send(&self, mut request: HttpRequest<'_>) -> std::result::Result<HttpResponse, HttpError> {
        self.ask_time().map_err(|why| self.not_sent(why))?;
        self.ask_right().await.map_err(|why| self.not_sent(why))?;
        let _place = self.lane.enter(Errand::Poll, self.app.now()).await;
        // Waiting for a place took time, and others may have been throttled.
        self.ask_time().map_err(|why| self.not_sent(why))?;
        let left_ms = u64::try_from(self.left_ms()).unwrap_or(0);
        let is_cut = left_ms < request.timeout_ms;
        request.timeout_ms = request.timeout_ms.min(left_ms);
        let asked = ProviderCall::of(&request);
        match self.app.ports.http.send(request).await {
            // Our own time was over, not the provider's.
            Err(HttpError::Timeout) if is_cut => Err(self.not_sent(Halt::Deadline)),
            Ok(response) => {
                self.app.signals.answered(self.connector, Some(response.status));
                asked.log(self.connector, Some(self.id.get()), response.status);
                self.lane.note(response.status, &response.headers, self.app.now());
                Ok(response)
            }
            failed => {
                self.app.signals.answered(self.connector, None);
                failed
            }
        }
    }
}
