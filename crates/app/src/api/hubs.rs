//! Reading a mailbox through its instance: `GET /hubs/{hub}/{resource}`, whatever the hub is called.

use super::answer::{Answered, PagedList};
use super::answers::element::Ping;
use super::answers::moment::Moment;
use super::answers::record::Record;
use super::auth::Caller;
use super::download::{self, Download, Gathered, OpaqueFile, RawMessage};
use super::download_link::DownloadLink;
use super::error::ApiError;
use super::paging;
use super::query::Params;
use crate::access;
use crate::config::Downloads;
use crate::context::Context;
use crate::instances;
use crate::reading::{self, Failure, Open, Read};
use axum::Json;
use axum::extract::{Path, RawPathParams, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use connectors::hub::{
    Answer, CONTENT_BYTES_MAX, Content, Order, PAGE_RECORDS_MAX, PageWanted, Query, Records,
};
use domain::ceql;
use domain::instance::Instance;
use serde_json::Value;
use std::sync::Arc;

/// Parameters that the dialect gives a meaning.
const KNOWN: [&str; 6] = ["where", "fields", "orderBy", "page", "pageSize", "nextPage"];
/// Fields of one `orderBy` and of one `fields`.
const ORDERS_COUNT_MAX: usize = 5;
const FIELDS_COUNT_MAX: usize = 100;
/// Records of one page, bytes as they are sent. A function on Lambda answers at most 6 MB, and a page that the provider
/// gave can't be cut: its token is behind all of it.
const PAGE_BYTES_MAX: usize = 5_000_000;
/// The last page that can be asked for by its number.
const PAGE_MAX: u64 = 100_000;

/// A list: a resource, or what belongs to an object.
pub(super) async fn list(
    State(app): State<Arc<Context>>,
    caller: Caller,
    path: RawPathParams,
    params: Params,
) -> Answered<PagedList<Record>> {
    let asked = HubRequest::of(&app, &caller, &path, &params).await?;
    match asked.answer(&app).await? {
        Answer::Many(records) => asked.page(records),
        // What has an object in the place of a list has no list.
        Answer::One(_) => Err(ApiError::not_found("resource")),
    }
}

/// One object, or one thing that belongs to one.
pub(super) async fn one(
    State(app): State<Arc<Context>>,
    caller: Caller,
    path: RawPathParams,
    params: Params,
) -> Answered<Json<Record>> {
    let asked = HubRequest::of(&app, &caller, &path, &params).await?;
    match asked.answer(&app).await? {
        Answer::One(record) => Ok(Json(asked.shown(record))),
        Answer::Many(_) => Err(ApiError::not_found("resource")),
    }
}

/// The same without `/hubs/{hub}`, as the original takes it.
pub(super) async fn list_bare(
    State(app): State<Arc<Context>>,
    caller: Caller,
    path: RawPathParams,
    params: Params,
) -> Answered<PagedList<Record>> {
    below_a_hub(&caller)?;
    list(State(app), caller, path, params).await
}

/// The same for one object.
pub(super) async fn one_bare(
    State(app): State<Arc<Context>>,
    caller: Caller,
    path: RawPathParams,
    params: Params,
) -> Answered<Json<Record>> {
    below_a_hub(&caller)?;
    one(State(app), caller, path, params).await
}

/// A whole message, as its sender's program wrote it.
pub(super) async fn raw(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path((_, resource, object)): Path<(String, String, String)>,
) -> Answered<RawMessage> {
    downloaded(&app, &caller, vec![resource, object, "raw".to_owned()]).await.map(RawMessage)
}

/// What an attachment holds.
pub(super) async fn attachment(
    State(app): State<Arc<Context>>,
    caller: Caller,
    Path((_, resource, object, part)): Path<(String, String, String, String)>,
) -> Answered<OpaqueFile> {
    let path = vec![resource, object, "attachments".to_owned(), part, "content".to_owned()];
    downloaded(&app, &caller, path).await.map(OpaqueFile)
}

async fn downloaded(app: &Context, caller: &Caller, path: Vec<String>) -> Answered<Download> {
    let instance = read_by(app, caller, "content").await?;
    let content = opened(app, instance, &path).await?;
    let Downloads::Held { bytes_max, longer_at } = &app.config.downloads else {
        return Download::streamed(content);
    };
    let bytes_about = content.bytes_about.unwrap_or_default();
    match (Download::held(content, *bytes_max).await?, longer_at) {
        (Gathered::Whole(download), _) => Ok(download),
        (Gathered::TooLong, None) => Err(download::too_long(*bytes_max)),
        (Gathered::TooLong, Some(_)) if bytes_about > CONTENT_BYTES_MAX as u64 => {
            Err(download::too_long(CONTENT_BYTES_MAX))
        }
        (Gathered::TooLong, Some(address)) => DownloadLink::new(app, instance, path).at(app, address),
    }
}

/// What a link of [`downloaded`] leads to, as it comes. Whoever has the link is who asked for it.
pub(super) async fn linked(State(app): State<Arc<Context>>, Path(link): Path<String>) -> Answered<Response> {
    let link = DownloadLink::opened(&app, &link)?;
    let instance = access::instance_of_link(&app, link.organization_id, link.instance).await?;
    let instance = instance.ok_or_else(ApiError::no_instance)?;
    let download = Download::streamed(opened(&app, enabled(&instance)?, &link.path).await?)?;
    tracing::info!(instance.id = instance.id.get(), "download.begun");
    Ok(match link.is_of_a_message() {
        true => RawMessage(download).into_response(),
        false => OpaqueFile(download).into_response(),
    })
}

async fn opened(app: &Context, instance: &Instance, path: &[String]) -> Answered<Content> {
    reading::ask(app, instance, Open(path)).await.map_err(|failure| refused(app, failure))
}

/// Without an Element token there is nothing at an address that names no hub.
fn below_a_hub(caller: &Caller) -> Answered<()> {
    caller.element.as_ref().map(|_| ()).ok_or_else(ApiError::nothing_here)
}

/// What a client asks of a mailbox.
struct HubRequest<'a> {
    instance: &'a Instance,
    query: Query,
    keeps_nulls: bool,
}

impl<'a> HubRequest<'a> {
    async fn of(app: &Context, caller: &'a Caller, path: &RawPathParams, params: &Params) -> Answered<Self> {
        let instance = read_by(app, caller, "records").await?;
        let below = path.iter().filter(|(name, _)| *name != "hub").map(|(_, value)| value);
        let segments = below.flat_map(|value| value.split('/')).map(str::to_owned).collect();
        let query = query(segments, params)?;
        Ok(HubRequest { instance, query, keeps_nulls: !instances::understood(app, instance)?.1.filter_nulls })
    }

    async fn answer(&self, app: &Context) -> Answered<Answer> {
        let answer = reading::ask(app, self.instance, Read(&self.query)).await;
        answer.map_err(|failure| refused(app, failure))
    }

    fn shown(&self, record: Value) -> Record {
        Record(shown(record, self.keeps_nulls))
    }

    fn page(&self, read: Records) -> Answered<PagedList<Record>> {
        let size =
            self.query.page_size.and_then(|size| usize::try_from(size).ok()).unwrap_or(read.records.len());
        let records: Vec<Record> = read.records.into_iter().map(|record| self.shown(record)).collect();
        let bytes: usize = records.iter().map(|one| paging::answer_bytes(&one.0.to_string(), 1)).sum();
        if bytes > PAGE_BYTES_MAX {
            let rule = "gives a page of more than 5 MB: request fewer records or `fields`";
            return Err(ApiError::rule("pageSize", rule));
        }
        Ok(PagedList { total: read.total, ..PagedList::new(records, size, read.next) })
    }
}

/// Whether the mailbox answers.
pub(super) async fn ping(State(app): State<Arc<Context>>, caller: Caller) -> Answered<Json<Ping>> {
    let instance = enabled(caller.element()?)?;
    reading::ask(&app, instance, reading::Ping).await.map_err(|failure| refused(&app, failure))?;
    Ok(Json(Ping { date_time: Moment::of(app.now()), endpoint: instance.connector.clone() }))
}

/// The instance whose mailbox is read. Applications read on end; a person who looks at somebody's mail is noted before.
async fn read_by<'a>(app: &Context, caller: &'a Caller, what: &str) -> Answered<&'a Instance> {
    let instance = enabled(caller.element()?)?;
    if caller.is_in_session {
        reading::note(app, &caller.by, instance, what).await?;
    }
    Ok(instance)
}

/// The instance, unless it is switched off.
fn enabled(instance: &Instance) -> Answered<&Instance> {
    match instance.disabled {
        true => Err(ApiError::forbidden("the instance is disabled")),
        false => Ok(instance),
    }
}

fn query(path: Vec<String>, params: &Params) -> Result<Query, ApiError> {
    if path.iter().any(String::is_empty) {
        return Err(ApiError::not_found("resource"));
    }
    let condition = params.text("where").filter(|condition| !condition.trim().is_empty());
    let condition = condition.map(ceql::parse).transpose();
    let condition = condition.map_err(|error| ApiError::rule("where", &error.to_string()))?;
    let page_size = params.number("pageSize", 1, PAGE_RECORDS_MAX.into())?;
    let number = params.number("page", 0, PAGE_MAX)?.unwrap_or(1).max(1);
    Ok(Query {
        path,
        condition,
        fields: fields(params)?,
        order_by: order_by(params)?,
        page_size: page_size.and_then(|size| u32::try_from(size).ok()),
        page: match paging::after(params)? {
            Some(after) => PageWanted::After(after),
            None => PageWanted::Number(u32::try_from(number).unwrap_or(1)),
        },
        parameters: params.others(&KNOWN),
    })
}

fn fields(params: &Params) -> Result<Vec<String>, ApiError> {
    let text = params.text("fields").unwrap_or_default();
    let fields: Vec<String> =
        text.split(',').map(str::trim).filter(|field| !field.is_empty()).map(str::to_owned).collect();
    match fields.len() {
        0..=FIELDS_COUNT_MAX => Ok(fields),
        _ => Err(ApiError::rule("fields", &format!("has more than {FIELDS_COUNT_MAX} fields"))),
    }
}

/// `LastModifiedDateTime desc, Subject`.
fn order_by(params: &Params) -> Result<Vec<Order>, ApiError> {
    let text = params.text("orderBy").unwrap_or_default();
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() > ORDERS_COUNT_MAX {
        return Err(ApiError::rule("orderBy", &format!("has more than {ORDERS_COUNT_MAX} fields")));
    }
    parts.into_iter().map(order).collect()
}

fn order(part: &str) -> Result<Order, ApiError> {
    let rule = || ApiError::rule("orderBy", "must be fields, each optionally followed by `asc` or `desc`");
    let words: Vec<&str> = part.split_whitespace().collect();
    let (field, is_descending) = match words[..] {
        [field] => (field, false),
        [field, direction] if direction.eq_ignore_ascii_case("asc") => (field, false),
        [field, direction] if direction.eq_ignore_ascii_case("desc") => (field, true),
        _ => return Err(rule()),
    };
    Ok(Order { field: field.to_owned(), is_descending })
}

/// A record without the fields that have no value, unless the instance keeps them.
fn shown(record: Value, keeps_nulls: bool) -> Value {
    match record {
        record if keeps_nulls => record,
        Value::Object(object) => object
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, shown(value, keeps_nulls)))
            .collect(),
        Value::Array(items) => items.into_iter().map(|item| shown(item, keeps_nulls)).collect(),
        other => other,
    }
}

fn refused(app: &Context, failure: Failure) -> ApiError {
    match failure {
        Failure::Read(error) => error.into(),
        Failure::NoToken(error) if reading::needs_sign_in(&error) => {
            ApiError::forbidden("the mailbox's owner must sign in again")
        }
        Failure::NoToken(error) => ApiError::new(StatusCode::BAD_GATEWAY, error.message),
        Failure::Refreshing => ApiError::too_many("the access token is being refreshed", Some(1)),
        Failure::BackingOff { until } => {
            let wait_ms = (until - app.now()).num_milliseconds().max(0);
            let wait_s = u64::try_from((wait_ms + 999) / 1000).unwrap_or(1);
            ApiError::too_many("the provider asked for a pause", Some(wait_s))
        }
        Failure::TooMany => ApiError::too_many(reading::TOO_MANY, Some(1)),
        Failure::TooLong => {
            let rule = "makes the provider answer with more than 24 MB: request fewer records or `fields`";
            ApiError::rule("pageSize", rule)
        }
        Failure::Gone => ApiError::no_instance(),
        Failure::Port(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_without_a_value_are_left_out_unless_they_are_kept() {
        let record = json!({ "a": null, "b": { "c": null, "d": [null, { "e": null }] } });
        assert_eq!(shown(record.clone(), false), json!({ "b": { "d": [null, {}] } }));
        assert_eq!(shown(record.clone(), true), record);
    }

    #[test]
    fn an_order_is_fields_with_directions() {
        let read = |text: &str| order_by(&Params::parse(&format!("orderBy={text}")).ok()?).ok();
        let expected = vec![
            Order { field: "a".to_owned(), is_descending: true },
            Order { field: "b.c".to_owned(), is_descending: false },
        ];
        assert_eq!(read("a+DESC,+b.c"), Some(expected));
        assert_eq!(read("a+down"), None);
        assert_eq!(read("a,b,c,d,e,f"), None);
    }
}
