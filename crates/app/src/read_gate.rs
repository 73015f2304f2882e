//! The way out of what is read of a mailbox beside its polls: clients' reads, and what a change of the instance tries.

use crate::context::Context;
use crate::ports::{Mailbox, Result};
use crate::refused_call::ProviderCall;
use crate::traffic::{Errand, Lane};
use async_trait::async_trait;
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use connectors::{Http, HttpError, HttpRequest, HttpResponse, HttpStream};
use domain::ids::InstanceId;
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Lets requests out as the mailbox's other traffic allows.
pub(crate) struct Gate<'a> {
    pub(crate) app: &'a Context,
    pub(crate) lane: Arc<Lane>,
    connector: &'static str,
    id: InstanceId,
    is_refused: AtomicBool,
    /// What answers may still hold, bytes.
    left: AtomicUsize,
    is_used_up: AtomicBool,
}

impl<'a> Gate<'a> {
    /// For the mailbox as its rows are now.
    pub(crate) fn of(app: &'a Context, mailbox: &Mailbox) -> Self {
        let lane = app.traffic.lane(mailbox.instance.id);
        lane.see(mailbox.poller.until);
        lane.see_session(&mailbox.session);
        let connector = app.connector(&mailbox.instance.connector);
        let connector = connector.map_or("", |connector| connector.descriptor().key);
        Gate {
            app,
            lane,
            connector,
            id: mailbox.instance.id,
            is_refused: AtomicBool::new(false),
            left: AtomicUsize::new(usize::MAX),
            is_used_up: AtomicBool::new(false),
        }
    }

    /// With so many bytes for all answers together, those aside that are read as they come.
    pub(crate) fn within(self, bytes: usize) -> Self {
        Gate { left: AtomicUsize::new(bytes), ..self }
    }

    /// The answers did not fit.
    pub(crate) fn is_used_up(&self) -> bool {
        self.is_used_up.load(Ordering::Relaxed)
    }

    /// Stores a Retry-After that was met on the way out: other processes know this mailbox by its rows alone.
    pub(crate) async fn store_limit(&self, mailbox: &Mailbox) -> Result<()> {
        let Some(until) = self.lane.limited_until(self.app.now()) else { return Ok(()) };
        if mailbox.session.backoff_until.is_some_and(|known| known >= until) {
            return Ok(());
        }
        self.app.hold_off(mailbox.instance.id, &mut mailbox.session.clone(), until).await
    }

    /// The provider refused a token, since this was asked last.
    pub(crate) fn is_refused(&self) -> bool {
        self.is_refused.swap(false, Ordering::Relaxed)
    }

    fn see(&self, asked: &ProviderCall, status: u16, headers: &HeaderMap) {
        self.app.signals.answered(self.connector, Some(status));
        asked.log(self.connector, Some(self.id.get()), status);
        self.lane.note(status, headers, self.app.now());
        if status == 401 {
            self.is_refused.store(true, Ordering::Relaxed);
        }
    }

    fn see_nothing(&self) {
        self.app.signals.answered(self.connector, None);
    }

    /// Until when no read may be made.
    pub(crate) fn waits_until(&self) -> Option<DateTime<Utc>> {
        let now = self.app.now();
        self.lane.limited_until(now).max(self.lane.reads_from(now))
    }
}

#[async_trait]
impl Http for Gate<'_> {
    async fn send(&self, request: HttpRequest<'_>) -> std::result::Result<HttpResponse, HttpError> {
        let _place = self.lane.enter(Errand::Read, self.app.now()).await;
        if self.waits_until().is_some() {
            return Err(HttpError::NotSent);
        }
        let asked = ProviderCall::of(&request);
        let (wanted, left) = (request.answer_bytes_max, self.left.load(Ordering::Relaxed));
        let request = HttpRequest { answer_bytes_max: wanted.min(left), ..request };
        let answer = self.app.ports.http.send(request).await.inspect_err(|_| self.see_nothing());
        if matches!(answer, Err(HttpError::TooLong(_))) && left < wanted {
            self.is_used_up.store(true, Ordering::Relaxed);
        }
        let response = answer?;
        let less = |left: usize| Some(left.saturating_sub(response.body.len()));
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.see(&asked, response.status, &response.headers);
        Ok(response)
    }

    async fn open(&self, request: HttpRequest<'_>) -> std::result::Result<HttpStream, HttpError> {
        let place = self.lane.enter(Errand::Read, self.app.now()).await;
        if self.waits_until().is_some() {
            return Err(HttpError::NotSent);
        }
        let asked = ProviderCall::of(&request);
        let answer = self.app.ports.http.open(request).await.inspect_err(|_| self.see_nothing())?;
        self.see(&asked, answer.status, &answer.headers);
        // The request is in flight until its last byte has come, or nobody wants it any more.
        let body = answer.body.map(move |piece| {
            let _in_flight = &place;
            piece
        });
        Ok(HttpStream { body: body.boxed(), ..answer })
    }
}
