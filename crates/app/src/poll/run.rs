//! A running poll: what it was given, and what it knows of the mailbox so far.

use super::ResourceReport;
use super::archive::ArchiveOf;
use super::gate::Gate;
use crate::context::Context;
use crate::ports::{
    InstanceChange, Mailbox, NewNotification, PollCommit, Result, SubscriptionChange, Written,
};
use crate::tokens::{Holder, NoToken};
use chrono::{DateTime, Utc};
use connectors::{Call, Connector, Scratch};
use domain::annex::AnnexPart;
use domain::backfill::is_running;
use domain::health_reading::Reading;
use domain::ids::Sequence;
use domain::instance::Instance;
use domain::resource::ResourceConfig;
use domain::schedule::Timetable;
use domain::state::ResourceState;
use domain::token::Session;
use domain::trace::TraceId;
use std::collections::HashMap;
use std::sync::Arc;

/// Notifications that the line of a poll names; beyond it those of its commits lead on.
const TOLD_COUNT_MAX: usize = 25;

/// Who wants a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PollTrigger {
    /// The schedule, which comes again by itself. If there is no poller it looks without the lease, and takes it when it
    /// finds something.
    Tick,
    /// A job: work that is left, the end of a back-off, a baseline.
    Wish,
    /// A client, who waits for what is found.
    Asked,
    /// A provider's notice, which came then. Notices come in crowds, so it takes the lease before it asks for anything.
    Hinted(DateTime<Utc>),
    /// Watches, for whose sake it is: it reads only if one was made anew.
    Kept,
}

/// A running poll.
pub(super) struct Run<'a> {
    pub(super) app: &'a Context,
    pub(super) mailbox: Mailbox,
    pub(super) connector: &'a Arc<dyn Connector>,
    pub(super) way: PollTrigger,
    pub(super) gate: Gate<'a>,
    pub(super) began_at: DateTime<Utc>,
    pub(super) deadline: DateTime<Utc>,
    /// Which poll of the timetable it is.
    pub(super) number: u64,
    /// Minutes between two polls of it.
    pub(super) interval_min: u32,
    /// The token of this poll, once it was needed.
    pub(super) token: Option<String>,
    /// The mailbox as a whole failed: no more provider calls in this poll.
    pub(super) stopped: Option<Stopped>,
    /// What the watches say of the instance's notices, as far as this poll looked.
    pub(super) push: Reading,
    /// Something was stored that may change when the next poll is due.
    pub(super) has_written: bool,
    /// What the connector keeps of the resource that is read.
    pub(super) scratch: Scratch,
    /// What leads from its lines to those of the notifications that it made.
    pub(super) trace: TraceId,
    /// Ids of these, the first ones.
    pub(super) told: Vec<String>,
    /// How many there are.
    pub(super) committed_count: usize,
    /// Names in outboxes, by their resource, of what was delivered: they go with the next write of its state.
    pub(super) told_names: HashMap<String, Vec<Sequence>>,
    /// What it is to deliver itself when the lease is given back.
    pub(super) unsent: Vec<Unsent>,
}

/// What one commit of a resource leaves to be delivered.
pub(super) struct Unsent {
    pub(super) resource: String,
    pub(super) sequences: Vec<Sequence>,
    /// Their ids.
    pub(super) event_ids: Vec<String>,
    /// Until when their first attempts are claimed, if this poll makes them.
    pub(super) claimed_until: Option<DateTime<Utc>>,
}

/// Why no resource of the mailbox can be read now.
#[derive(Debug, Clone)]
pub(super) struct Stopped {
    pub(super) error: String,
    pub(super) until: Option<DateTime<Utc>>,
}

impl<'a> Run<'a> {
    /// Of a mailbox without a poller.
    pub(super) fn of(
        app: &'a Context,
        mailbox: Mailbox,
        connector: &'a Arc<dyn Connector>,
        way: PollTrigger,
        deadline: DateTime<Utc>,
        interval_min: u32,
    ) -> Self {
        let began_at = app.now();
        let trace = TraceId::of_poll(mailbox.instance.id, began_at);
        let number = Timetable::new(mailbox.instance.id, interval_min).number_at(began_at);
        let gate = Gate::new(app, connector.descriptor().key, &mailbox, deadline, way == PollTrigger::Tick);
        Run {
            app,
            mailbox,
            connector,
            way,
            gate,
            began_at,
            deadline,
            number,
            token: None,
            stopped: None,
            push: Reading::Unknown,
            has_written: false,
            scratch: Scratch::default(),
            trace,
            told: Vec::new(),
            committed_count: 0,
            told_names: HashMap::new(),
            interval_min,
            unsent: Vec::new(),
        }
    }

    /// Whether there is more to do than to look; if so, a tick takes the lease first.
    pub(super) fn has_work_left(&self) -> bool {
        let now = self.app.now();
        self.mailbox.resources.iter().any(|row| {
            let is_due = row.state.next_look().is_some_and(|due_at| due_at <= now);
            !row.outbox.is_empty() || row.state.cursor.is_none() || is_due || is_running(&row.state)
        })
    }

    /// The state of a resource as this poll knows it.
    pub(super) fn state_of(&self, resource: &str) -> Option<ResourceState> {
        let mut rows = self.mailbox.resources.iter();
        rows.find(|row| row.state.resource == resource && !row.removed).map(|row| row.state.clone())
    }

    /// Keeps a stored state for the rest of this poll.
    pub(super) fn remember(&mut self, state: &ResourceState) {
        self.told_names.remove(&state.resource);
        if let Some(row) = self.mailbox.resources.iter_mut().find(|row| row.state.resource == state.resource)
        {
            row.state = state.clone();
        }
    }

    /// Notes what was committed.
    pub(super) fn note_committed(&mut self, ids: &[String]) {
        self.committed_count += ids.len();
        let room = TOLD_COUNT_MAX.saturating_sub(self.told.len());
        self.told.extend(ids.iter().take(room).cloned());
    }

    /// From the id that a receiver has to the poll that found it.
    pub(super) fn log_committed(&self, resource: &str, ids: &[String]) {
        if ids.is_empty() {
            return;
        }
        tracing::info!(
            instance.id = self.mailbox.instance.id.get(),
            resource,
            trace.id = %self.trace,
            event.ids = ids.join(" "),
            "poll.committed"
        );
    }

    /// A back-off of the whole mailbox holds for this poll.
    pub(super) fn respect_backoff(&mut self) {
        let until = self.mailbox.session.backoff_until.filter(|until| *until > self.app.now());
        if let Some(until) = until {
            let error = "backing off: the provider asked for it, or failed".to_owned();
            self.stopped = Some(Stopped { error, until: Some(until) });
        }
    }

    /// Reports a resource that is not to be read now.
    pub(super) fn refuse_early(&self, state: &ResourceState, report: &mut ResourceReport) -> bool {
        let now = self.app.now();
        let (error, until) = match &self.stopped {
            Some(stopped) => (stopped.error.clone(), stopped.until),
            None if state.is_backing_off(now) => {
                let last = state.last_error.as_deref().unwrap_or("it failed");
                (format!("backing off: {last}"), state.backoff_until)
            }
            None => return false,
        };
        report.error = Some(error);
        report.is_wait = true;
        report.retry_after_s = until.map(|until| seconds_until(now, until));
        true
    }

    /// What is stored of a resource.
    pub(super) fn archive<'b>(&'b self, config: &'b ResourceConfig) -> ArchiveOf<'b> {
        ArchiveOf::new(self.app, self.mailbox.instance.id, &config.name)
    }

    /// What the connector needs for its requests.
    pub(super) fn call<'b>(&'b self, token: &'b str) -> Call<'b> {
        Call {
            http: &self.gate,
            api_url: self.app.config.endpoints.url(&self.connector.descriptor().api),
            credential: token,
            now: self.app.now(),
            timeout_ms: self.app.config.provider_timeout_ms,
            scratch: Some(&self.scratch),
            archive: None,
        }
    }

    /// The mailbox's access token; `refused` asks for another one than before.
    pub(super) async fn token(&mut self, refused: bool) -> std::result::Result<String, NoToken> {
        let is_fresh = self.mailbox.session.is_fresh(self.app.now());
        if let Some(token) = self.token.as_ref().filter(|_| !refused && is_fresh) {
            return Ok(token.clone());
        }
        let holder = Holder::of(&self.mailbox.instance, self.connector);
        let refused = self.token.as_deref().filter(|_| refused);
        let token = self.app.access_token(&holder, &mut self.mailbox.session, refused).await?;
        self.token = Some(token.clone());
        Ok(token)
    }

    /// The mailbox answers again: its failures are forgotten.
    pub(super) async fn recovered(&mut self) -> Result<()> {
        let session = &self.mailbox.session;
        // An unexpired wait arrived after what we read: in another process, or at the end of this very step.
        let now = self.app.now();
        let waits = session.backoff_until.is_some_and(|until| until > now) || self.gate.is_limited();
        let is_well =
            waits || (session.backoff_until.is_none() && session.failures == 0 && session.refused == 0);
        if (is_well && self.mailbox.instance.application_error.is_none()) || !self.gate.hold().await? {
            return Ok(());
        }
        if self.mailbox.instance.application_error.is_some() {
            self.application_error(None).await?;
        }
        if is_well {
            return Ok(());
        }
        self.change_session(|session| {
            session.backoff_until = None;
            session.failures = 0;
            session.forget_refusals();
        })
        .await
    }

    pub(super) async fn change_session(&mut self, change: impl FnOnce(&mut Session)) -> Result<()> {
        let mut next = self.mailbox.session.clone();
        change(&mut next);
        next.version += 1;
        let id = self.mailbox.instance.id;
        self.has_written = true;
        self.app.replace_session(id, &mut self.mailbox.session, next).await
    }

    /// Changes the instance's row; a concurrent change wins.
    pub(super) async fn change_instance(&mut self, change: impl FnOnce(&mut Instance)) -> Result<()> {
        let mut instance = self.mailbox.instance.clone();
        change(&mut instance);
        instance.version += 1;
        let change = InstanceChange {
            instance,
            put_states: Vec::new(),
            remove_resources: Vec::new(),
            subscription: SubscriptionChange::Keep,
            session: None,
            audit: None,
            spends: None,
        };
        if self.app.ports.store.change_instance(&change).await? == Written::Done {
            self.mailbox.instance = change.instance;
        }
        Ok(())
    }

    /// A fault of the application's credentials: shown, but not the mailbox's fault.
    pub(super) async fn application_error(&mut self, error: Option<String>) -> Result<()> {
        if self.mailbox.instance.application_error == error {
            return Ok(());
        }
        self.change_instance(|instance| instance.application_error = error).await
    }

    /// This state and these notifications as one commit of this mailbox.
    pub(super) fn commit_of(
        &self,
        state: ResourceState,
        notifications: Vec<NewNotification>,
        annex: Vec<AnnexPart>,
    ) -> PollCommit {
        let instance = &self.mailbox.instance;
        let resource = state.resource.clone();
        PollCommit {
            instance: instance.id,
            organization_id: instance.account.organization_id,
            state,
            notifications,
            annex,
            told: self.told_names.get(&resource).cloned().unwrap_or_default(),
        }
    }
}

/// How long that is, in seconds.
pub(super) fn seconds_until(now: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
    // Rounded up: a client that waits so long does not come too early.
    u64::try_from(((until - now).num_milliseconds() + 999) / 1000).unwrap_or(0)
}
