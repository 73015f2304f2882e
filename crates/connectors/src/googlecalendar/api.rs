//! Requests to the Calendar API and their replies.

use super::error::{classify, of_object};
use crate::Call;
use crate::error::Error;
use crate::google;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Events of a page: the API's default. An event with hundreds of attendees has tens of kilobytes, so that more would
/// be an answer of unknown size; and a page is a step's worth.
pub(super) const PAGE_SIZE: u32 = 250;
/// Events of a page at the most, for clients: the API's maximum.
/// <https://developers.google.com/workspace/calendar/api/v3/reference/events/list>
pub(super) const PAGE_SIZE_MAX: u32 = 2500;

/// A page of a poll at the most. It takes a dozen times as much in memory, and one that is longer is asked for in parts.
const PAGE_BYTES_MAX: usize = 6 * 1024 * 1024;

/// A page of events. The last one alone has a sync token.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventsPage {
    #[serde(default)]
    pub(super) items: Vec<Value>,
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
    #[serde(default)]
    pub(super) next_sync_token: Option<String>,
}

/// Reads a page of the primary calendar's events.
pub(super) async fn events(call: &Call<'_>, query: &[(&str, &str)]) -> Result<EventsPage, Error> {
    get(call, "calendars/primary/events", query).await
}

/// The same for a poll, whose process may be a small one.
pub(super) async fn bounded_events(call: &Call<'_>, query: &[(&str, &str)]) -> Result<EventsPage, Error> {
    google::get_within(call, "calendars/primary/events", query, PAGE_BYTES_MAX, classify).await
}

/// Reads one event. The id may be one that a client made up.
pub(super) async fn event(call: &Call<'_>, id: &str) -> Result<Value, Error> {
    let id = google::path_of(id)?;
    get(call, &format!("calendars/primary/events/{id}"), &[]).await.map_err(of_object)
}

/// The primary calendar's id, which is its owner's address.
pub(super) async fn calendar_id(call: &Call<'_>) -> Result<Option<String>, Error> {
    #[derive(Deserialize)]
    struct Calendar {
        #[serde(default)]
        id: Option<String>,
    }
    let calendar: Calendar = get(call, "calendars/primary", &[("fields", "id")]).await?;
    Ok(calendar.id.map(|id| id.to_ascii_lowercase()))
}

async fn get<T: DeserializeOwned>(call: &Call<'_>, path: &str, query: &[(&str, &str)]) -> Result<T, Error> {
    google::get(call, path, query, classify).await
}
