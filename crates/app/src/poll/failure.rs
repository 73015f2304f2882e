//! What a failed step means for the resource, the mailbox and the instance.

use super::ResourceReport;
use super::run::{Run, Stopped, seconds_until};
use super::step::Failure;
use crate::instances::now_needs_sign_in;
use crate::ports::{Result, Written};
use crate::tokens::NoToken;
use chrono::{DateTime, Duration, Utc};
use connectors::oauth::{TokenError, TokenErrorKind};
use connectors::{Error, ErrorKind};
use domain::schedule::backoff;
use domain::state::ResourceState;

impl Run<'_> {
    /// Stores a failure: the cursor stays, the resource backs off, and what concerns the mailbox stops the
    /// others too. Says whether there is more to do now, because nothing failed and only the time was over.
    ///
    /// Only the lease's holder does: however many polls meet the same failure, it counts once.
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
        report.is_wait = matches!(&failure, Failure::Provider(error) if error.kind == ErrorKind::RateLimited);
        report.retry_after_s = until.map(|until| seconds_until(now, until));
        let Some(until) = until else { return Ok(false) };
        let mut next = state.clone().failed(error, until, now);
        next.version += 1;
        let commit = self.commit_of(next, Vec::new(), Vec::new());
        if self.app.ports.store.commit_poll(&commit).await? == Written::Done {
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
        let until = now + backoff(state.failures + 1, error.pause(), seed);
        match error.kind {
            // Whatever the provider says for how long, it says to the whole mailbox.
            ErrorKind::RateLimited | ErrorKind::Unavailable
                if error.kind == ErrorKind::RateLimited || error.retry_after_s.is_some() =>
            {
                self.stop(error.message.clone(), Some(until));
                let id = self.mailbox.instance.id;
                self.has_written = true;
                self.app.hold_off(id, &mut self.mailbox.session, until).await?;
            }
            ErrorKind::Unauthorized => {
                self.stop(error.message.clone(), Some(until));
                let mut is_for_good = false;
                self.change_session(|session| {
                    session.note_refusal(now);
                    session.backoff_until = session.backoff_until.max(Some(until));
                    is_for_good = session.is_refused_for_good(now);
                    if is_for_good {
                        // A mailbox that was sent to sign in and continues without it begins again.
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

    /// A person has to sign in again: polling stops, and the instance says why.
    async fn needs_sign_in(&mut self, reason: &str) -> Result<()> {
        let reason = format!("sign in again: {reason}");
        self.mailbox.instance = now_needs_sign_in(self.app, &self.mailbox.instance, &reason).await?;
        tracing::warn!(instance.id = self.mailbox.instance.id.get(), reason, "instance.needs_sign_in");
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
