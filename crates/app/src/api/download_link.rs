//! A short-lived address of a content, for hosts whose interface can't answer with a long one.

use super::answer::Answered;
use super::download::Download;
use super::error::ApiError;
use crate::context::Context;
use crate::ports::PortError;
use axum::http::{HeaderValue, StatusCode};
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use domain::instance::Instance;
use serde::{Deserialize, Serialize};

/// Where links are followed.
pub(super) const PATH: &str = "/downloads";
/// How long one leads anywhere: a client follows it at once, and may have to begin again.
const VALID_MIN: i64 = 5;
/// What it is sealed for.
const PURPOSE: &str = "download";
const FIELD: &str = "link";

/// What the address says, sealed: nothing is stored of it, and nobody else can make one.
#[derive(Serialize, Deserialize)]
pub(super) struct DownloadLink {
    pub(super) instance: InstanceId,
    pub(super) organization_id: u32,
    /// Below the hub.
    pub(super) path: Vec<String>,
    until: DateTime<Utc>,
}

impl DownloadLink {
    /// For whoever may read this of the instance now.
    pub(super) fn new(app: &Context, instance: &Instance, path: Vec<String>) -> Self {
        let until = app.now() + Duration::minutes(VALID_MIN);
        DownloadLink { instance: instance.id, organization_id: instance.account.organization_id, path, until }
    }

    /// Sends the client there.
    pub(super) fn at(&self, app: &Context, address: &str) -> Answered<Download> {
        const CONTEXT: &str = "making the link of a download";
        let plain = serde_json::to_vec(self).map_err(|error| PortError::new(CONTEXT, error))?;
        let sealed = app.sealer.seal_for(PURPOSE, FIELD, &plain);
        let sealed = sealed.map_err(|error| PortError::new(CONTEXT, error))?;
        let location = HeaderValue::try_from(format!("{address}{PATH}/{sealed}"));
        let location = location.map_err(|error| PortError::new(CONTEXT, error))?;
        Ok(Download::Elsewhere(location))
    }

    /// Reads one that is still valid.
    pub(super) fn opened(app: &Context, sealed: &str) -> Answered<Self> {
        let plain = app.sealer.open_for(PURPOSE, FIELD, sealed).map_err(|_| ApiError::nothing_here())?;
        let link: Self = serde_json::from_slice(&plain).map_err(|_| ApiError::nothing_here())?;
        match app.now() < link.until {
            true => Ok(link),
            false => Err(ApiError::new(StatusCode::GONE, "this link has ended: request the content again")),
        }
    }

    /// Of a whole message, not of a file.
    pub(super) fn is_of_a_message(&self) -> bool {
        self.path.last().is_some_and(|last| last == "raw")
    }
}
