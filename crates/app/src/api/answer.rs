//! What handlers answer, as types: a handler that answers something else than is described does not compile.

use super::error::ApiError;
use super::paging;
use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

/// What comes back when all is well.
pub(super) trait Answer: IntoResponse {
    const STATUS: u16 = 200;
    /// It comes with the headers of a page.
    const PAGE: Paging = Paging::Never;

    /// The type of its body.
    const MEDIA_TYPE: &'static str = "application/json";

    /// Of its body; `None` for an empty one.
    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema>;

    /// What may come back instead of an error where the provider failed or asked for a pause.
    fn failure(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }
}

/// Whether an answer comes with the headers of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paging {
    Never,
    /// The headers count what is no list, or come with a list alone.
    Sometimes,
    Always,
}

impl<T: Serialize + JsonSchema> Answer for Json<T> {
    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemas.subschema_for::<T>())
    }
}

/// It is done, and there is nothing to say.
pub(super) struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::OK.into_response()
    }
}

impl Answer for Done {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }
}

/// It has begun and goes on.
pub(super) struct Accepted<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self.0)).into_response()
    }
}

impl<T: Serialize + JsonSchema> Answer for Accepted<T> {
    const STATUS: u16 = 202;

    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemas.subschema_for::<T>())
    }
}

/// A page of a list.
pub(super) struct PagedList<T> {
    pub(super) records: Vec<T>,
    /// Records of the whole list, where that is known.
    pub(super) total: Option<u64>,
    /// Records of a page.
    pub(super) size: usize,
    /// Where the next page goes on, if there may be one.
    pub(super) next: Option<Value>,
    /// How far back a search looked that ended before its page was full.
    pub(super) searched_to: Option<DateTime<Utc>>,
    /// Rows that it lacks, since they can't be read.
    pub(super) unreadable_count: usize,
}

impl<T> PagedList<T> {
    pub(super) fn new(records: Vec<T>, size: usize, next: Option<Value>) -> Self {
        PagedList { records, total: None, size, next, searched_to: None, unreadable_count: 0 }
    }

    /// The same without so many rows that can't be read.
    pub(super) fn lacking(self, unreadable_count: usize) -> Self {
        PagedList { unreadable_count, ..self }
    }

    /// Its headers, and what it lists.
    pub(super) fn parts(self) -> (HeaderMap, Vec<T>) {
        let mut headers = paging::headers(self.records.len(), self.total, self.size, self.next);
        if let Some(at) = self.searched_to {
            paging::say_searched_to(&mut headers, at);
        }
        paging::say_unreadable(&mut headers, self.unreadable_count);
        (headers, self.records)
    }
}

impl<T: Serialize> IntoResponse for PagedList<T> {
    fn into_response(self) -> Response {
        let (headers, records) = self.parts();
        (headers, Json(records)).into_response()
    }
}

impl<T: Serialize + JsonSchema> Answer for PagedList<T> {
    const PAGE: Paging = Paging::Always;

    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemas.subschema_for::<Vec<T>>())
    }
}

/// One record that is told a page at a time.
pub(super) struct PagedRecord<T> {
    pub(super) record: T,
    /// What the record lists.
    pub(super) count: usize,
    pub(super) size: usize,
    pub(super) next: Option<Value>,
    /// Rows that it does not count, since they can't be read.
    pub(super) unreadable_count: usize,
}

impl<T: Serialize> IntoResponse for PagedRecord<T> {
    fn into_response(self) -> Response {
        let mut headers = paging::headers(self.count, None, self.size, self.next);
        paging::say_unreadable(&mut headers, self.unreadable_count);
        (headers, Json(self.record)).into_response()
    }
}

impl<T: Serialize + JsonSchema> Answer for PagedRecord<T> {
    const PAGE: Paging = Paging::Sometimes;

    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemas.subschema_for::<T>())
    }
}

/// What a handler gives back.
pub(super) type Answered<A> = Result<A, ApiError>;
