//! What an operator's Prometheus reads, at an address of its own: the interface is public, and these numbers are not.

mod standing;
mod text;

use crate::jobs::Jobs;
use crate::sqlite::SqliteStore;
use app::App;
use app::ports::{Clock, Result};
use app::signals::{Metric, Readings, Timed};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use chrono::{DateTime, Duration, Utc};
use std::sync::Arc;
use tokio::sync::Mutex;

/// What is read of the database is kept so long, seconds: whoever asks more often counts nothing again.
const KEPT_S: i64 = 30;

/// The numbers of a process, and how to get them.
#[derive(Clone)]
pub struct Metrics {
    app: App,
    store: SqliteStore,
    jobs: Arc<Jobs>,
    clock: Arc<dyn Clock>,
    kept: Arc<Mutex<Option<Counted>>>,
}

/// What was read of the database.
struct Counted {
    at: DateTime<Utc>,
    metrics: Vec<Metric>,
}

impl Metrics {
    /// Of the process that these make up.
    pub fn new(app: App, store: SqliteStore, jobs: Arc<Jobs>, clock: Arc<dyn Clock>) -> Self {
        Metrics { app, store, jobs, clock, kept: Arc::default() }
    }

    /// `GET /metrics`.
    pub fn router(self) -> Router {
        Router::new().route("/metrics", get(answer)).with_state(self)
    }

    /// All of them now, in Prometheus's text format.
    ///
    /// # Errors
    ///
    /// The database could not be read.
    pub async fn text(&self) -> Result<String> {
        Ok(text::of(&self.all().await?))
    }

    /// What is timed.
    pub(crate) fn timed(&self) -> Vec<Timed<'_>> {
        self.app.signals().timed().into_iter().chain(self.store.timed()).collect()
    }

    /// All of them now.
    ///
    /// # Errors
    ///
    /// The database could not be read.
    pub(crate) async fn all(&self) -> Result<Vec<Metric>> {
        let mut metrics = self.app.signals().read();
        metrics.push(latency(self.store.timed()));
        let now = self.clock.now();
        // One reader at a time: the others find what it read.
        let mut kept = self.kept.lock().await;
        let is_fresh = |one: &Counted| (now - one.at).abs() < Duration::seconds(KEPT_S);
        if !kept.as_ref().is_some_and(is_fresh) {
            *kept = Some(Counted { at: now, metrics: standing::count(self, now).await? });
        }
        metrics.extend(kept.iter().flat_map(|one| one.metrics.clone()));
        Ok(metrics)
    }
}

fn latency(timed: [Timed<'_>; 2]) -> Metric {
    let (name, help) = (timed[0].name, timed[0].help);
    let all = timed.map(|Timed { labels, histogram, .. }| histogram.read(labels));
    Metric { name, help, readings: Readings::Histograms(all.into()) }
}

async fn answer(State(metrics): State<Metrics>) -> Response {
    match metrics.text().await {
        Ok(text) => ([(CONTENT_TYPE, text::TYPE)], text).into_response(),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "metrics.failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
