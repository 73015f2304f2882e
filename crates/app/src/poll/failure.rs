//! What a failed step means for the resource, the mailbox and the instance.

use super::gate::Halt;
use super::resource::Failure;
use super::{ResourceReport, Run, Stopped};
use crate::instances::{mailbox_digest, now_needs_sign_in};
use crate::ports::{InstanceChange, Result, SubscriptionChange};
use crate::tokens::{Holder, NoToken};
use chrono::{DateTime, Duration, Utc};
use connectors::oauth::{TokenError, TokenErrorKind};
use connectors::{Call, Error, Kind};
use domain::instance::Instance;
use domain::schedule::backoff;
use domain::state::ResourceState;
use domain::token::Session;

impl Run<'_> {
    /// The state of a resource as this poll knows it.
    pub(super) fn state_of(&self, resource: &str) -> Option<ResourceState> {
        let mut rows = self.mailbox.resources.iter();
        rows.find(|row| row.state.resource == resource && !row.removed).map(|row| row.state.clone())
    }

    /// Keeps a stored state for the rest of this poll.
    pub(super) fn remember(&mut self, state: &ResourceState) {
        if let Some(row) = self.mailbox.resources.iter_mut().find(|row| row.state.resource == state.resource)
        {
            row.state = state.clone();
        }
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

    /// What the connector needs for its requests.
    pub(super) fn call<'b>(&'b self, token: &'b str) -> Call<'b> {
        Call {
            http: &self.gate,
            api_url: self.app.config.endpoints.url(&self.connector.descriptor().api),
            credential: token,
            now: self.app.now(),
            timeout_ms: self.app.config.provider_timeout_ms,
            scratch: Some(&self.scratch),
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

    /// What an error of a connector means here: where nothing was sent, the gate knows why.
    pub(super) fn failure(&self, error: Error) -> Result<Failure> {
        if error.kind != Kind::Halted {
            return Ok(Failure::Provider(error));
        }
        match self.gate.halted() {
            Halt::Deadline => Ok(Failure::Late),
            Halt::Lost => Ok(Failure::Lost),
            Halt::Fault(error) => Err(error),
            Halt::Limited(until) => {
                let mut error = Error::new(Kind::RateLimited, "the provider wants to be left alone");
                error.retry_after_s = Some(seconds_until(self.app.now(), until));
                Ok(Failure::Provider(error))
            }
        }
    }

    /// After a step that ended early: a refused token is refreshed, and the poll goes on; anything else is a
    /// failure.
    pub(super) async fn passes(&mut self, error: Error) -> Result<Option<Failure>> {
        if error.kind != Kind::Unauthorized {
            return self.failure(error).map(Some);
        }
        match self.token(true).await {
            Ok(_) => Ok(None),
            Err(NoToken::Port(error)) => Err(error),
            Err(failure) => Ok(Some(Failure::Token(failure))),
        }
    }

    /// Stores a failure: the cursor stays, the resource backs off, and what concerns the mailbox stops the
    /// others too. Says whether there is more to do now, because nothing failed and only the time was over.
    ///
    /// Only whoever has the lease does: however many polls meet the same failure, it counts once.
    pub(super) async fn failed(
        &mut self,
        state: &mut ResourceState,
        failure: Failure,
        report: &mut ResourceReport,
    ) -> Result<bool> {
        if matches!(failure, Failure::Late) {
            return Ok(true);
        }
        if matches!(failure, Failure::Lost) || !self.gate.hold().await? {
            return Ok(false);
        }
        let until = match &failure {
            Failure::Provider(error) => self.provider_failed(state, error).await?,
            Failure::Token(error) => self.token_failed(error).await?,
            Failure::Late | Failure::Lost => None,
        };
        let error = in_words(&failure);
        let now = self.app.now();
        report.error = Some(error.clone());
        report.is_wait = matches!(&failure, Failure::Provider(error) if error.kind == Kind::RateLimited);
        report.retry_after_s = until.map(|until| seconds_until(now, until));
        let Some(until) = until else { return Ok(false) };
        let mut next = state.clone().failed(error, until, now);
        next.version += 1;
        let commit = self.commit_of(next, Vec::new());
        if self.app.ports.store.commit_poll(&commit).await? == crate::ports::Written::Done {
            *state = commit.state;
            self.remember(state);
            self.has_written = true;
        }
        Ok(false)
    }

    async fn provider_failed(
        &mut self,
        state: &ResourceState,
        error: &Error,
    ) -> Result<Option<DateTime<Utc>>> {
        let now = self.app.now();
        let seed = u64::from(self.mailbox.instance.id.get());
        let until = now + backoff(state.failures + 1, error.retry_after_s, seed);
        match error.kind {
            // Whatever the provider says for how long, it says to the whole mailbox.
            Kind::RateLimited | Kind::Unavailable
                if error.kind == Kind::RateLimited || error.retry_after_s.is_some() =>
            {
                self.stop(error.message.clone(), Some(until));
                let id = self.mailbox.instance.id;
                self.has_written = true;
                self.app.hold_off(id, &mut self.mailbox.session, until).await?;
            }
            Kind::Unauthorized => {
                self.stop(error.message.clone(), Some(until));
                let mut is_for_good = false;
                self.change_session(|session| {
                    session.note_refusal(now);
                    session.backoff_until = session.backoff_until.max(Some(until));
                    is_for_good = session.is_refused_for_good(now);
                    if is_for_good {
                        // Whoever is sent to sign in and goes on without begins again.
                        session.forget_refusals();
                        session.backoff_until = None;
                    }
                })
                .await?;
                if is_for_good {
                    self.needs_sign_in("the provider refuses fresh access tokens").await?;
                    return Ok(None);
                }
            }
            _ => {}
        }
        Ok(Some(until))
    }

    async fn token_failed(&mut self, error: &NoToken) -> Result<Option<DateTime<Utc>>> {
        let now = self.app.now();
        match error {
            NoToken::Refused(TokenError { kind: TokenErrorKind::InvalidGrant, message, .. }) => {
                self.stop(message.clone(), None);
                self.needs_sign_in(message).await?;
                Ok(None)
            }
            NoToken::Refused(error) => {
                if error.kind == TokenErrorKind::InvalidClient {
                    self.application_error(Some(error.message.clone())).await?;
                }
                let until = self.mailbox.session.backoff_until.unwrap_or(now + Duration::seconds(1));
                self.stop(error.message.clone(), Some(until));
                Ok(Some(until))
            }
            NoToken::Waiting | NoToken::Port(_) => {
                let until = now + Duration::seconds(2);
                self.stop("another poll is refreshing the access token".to_owned(), Some(until));
                Ok(Some(until))
            }
        }
    }

    fn stop(&mut self, error: String, until: Option<DateTime<Utc>>) {
        self.stopped = Some(Stopped { error, until });
    }

    /// The mailbox answers again: its failures are forgotten.
    pub(super) async fn recovered(&mut self) -> Result<()> {
        let session = &self.mailbox.session;
        // A wait that is not over was told after what we read: to somebody else, or in the end of this very step.
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

    async fn change_session(&mut self, change: impl FnOnce(&mut Session)) -> Result<()> {
        let mut next = self.mailbox.session.clone();
        change(&mut next);
        next.version += 1;
        let id = self.mailbox.instance.id;
        self.has_written = true;
        self.app.replace_session(id, &mut self.mailbox.session, next).await
    }

    /// A person has to sign in again: polling stops, and the instance says why.
    async fn needs_sign_in(&mut self, reason: &str) -> Result<()> {
        let reason = format!("sign in again: {reason}");
        self.mailbox.instance = now_needs_sign_in(self.app, &self.mailbox.instance, &reason).await?;
        tracing::warn!(instance.id = self.mailbox.instance.id.get(), reason, "instance.needs_sign_in");
        Ok(())
    }

    /// A fault of the application's credentials: shown, and no fault of the mailbox.
    async fn application_error(&mut self, error: Option<String>) -> Result<()> {
        if self.mailbox.instance.application_error == error {
            return Ok(());
        }
        self.change_instance(|instance| instance.application_error = error).await
    }

    /// A baseline that a job takes tells whose mailbox it is, if the creation could not.
    pub(super) async fn belongs_to(&mut self, identity: &str) -> Result<()> {
        if !self.mailbox.instance.mailbox_digest.is_empty() {
            return Ok(());
        }
        let digest = mailbox_digest(identity);
        self.change_instance(|instance| instance.mailbox_digest = digest).await
    }

    /// Changes the instance's row; if somebody else does at the same time, theirs stays.
    async fn change_instance(&mut self, change: impl FnOnce(&mut Instance)) -> Result<()> {
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
        };
        if self.app.ports.store.change_instance(&change).await? == crate::ports::Written::Done {
            self.mailbox.instance = change.instance;
        }
        Ok(())
    }
}

fn in_words(failure: &Failure) -> String {
    match failure {
        Failure::Provider(error) => error.message.clone(),
        Failure::Token(NoToken::Refused(error)) => error.message.clone(),
        Failure::Token(NoToken::Waiting | NoToken::Port(_)) => {
            "another poll is refreshing the access token".to_owned()
        }
        Failure::Late | Failure::Lost => "the poll ended".to_owned(),
    }
}

fn seconds_until(now: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
    // Rounded up: a client that waits so long does not come too early.
    u64::try_from(((until - now).num_milliseconds() + 999) / 1000).unwrap_or(0)
}
