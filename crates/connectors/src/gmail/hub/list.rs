//! A page of messages, threads or drafts: a list of ids, and a few reads at a time for what they stand for.

use super::format;
use super::object;
use super::part::Fields;
use super::search::Search;
use crate::error::{Error, ErrorKind};
use crate::gmail::api::{self, Listing};
use crate::gmail::poll::plan::Format;
use crate::gmail::poll::snapshots;
use crate::hub::{Order, PageWanted, Query, ReadError, Records};
use crate::lenient;
use crate::{Call, REQUESTS_IN_FLIGHT_MAX};
use domain::ceql::{Expr, Truth};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

/// Default number of records of a page: each is a request.
const PAGE_SIZE_DEFAULT: u32 = 20;
/// Maximum records of a page.
const PAGE_SIZE_MAX: u32 = 100;
/// The same where texts are read: a page is in memory whole.
const PAGE_SIZE_FULL_MAX: u32 = 20;
/// Earlier pages that are walked for their tokens.
const PAGES_SKIPPED_MAX: u32 = 50;
/// Longest page token taken from a client, bytes; Google's have some twenty digits.
const TOKEN_BYTES_MAX: usize = 512;
/// What changed messages are listed from, where the client does not say.
const CHANGED_WITHIN_H: i64 = 24;

/// A collection of which Gmail lists the ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collection {
    Messages,
    /// Messages that came in lately, wherever they are now.
    Changed,
    Threads,
    Drafts,
}

impl Collection {
    /// By the name of its resource.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "messages" => Collection::Messages,
            "changed-messages" => Collection::Changed,
            "threads" => Collection::Threads,
            "drafts" => Collection::Drafts,
            _ => return None,
        })
    }

    /// Its name in the API.
    pub(super) fn path(self) -> &'static str {
        match self {
            Collection::Messages | Collection::Changed => "messages",
            Collection::Threads => "threads",
            Collection::Drafts => "drafts",
        }
    }

    /// Parameters with which an object is read. Google refuses those that a call does not have.
    pub(super) fn parameters(self, format: Format) -> Vec<(&'static str, &'static str)> {
        let mut parameters = format.query();
        if self == Collection::Drafts {
            parameters.retain(|(name, _)| *name == "format");
        }
        parameters
    }

    /// What lists contain without reading an object.
    fn listed_fields(self) -> &'static [&'static str] {
        match self {
            Collection::Messages | Collection::Changed => &["id", "threadId"],
            Collection::Threads => &["id", "historyId", "snippet"],
            Collection::Drafts => &["id"],
        }
    }
}

/// Reads a page.
pub(super) async fn page(
    call: &Call<'_>,
    collection: Collection,
    query: &Query,
) -> Result<Records, ReadError> {
    check_order(&query.order_by)?;
    let fields = Fields::parse(&query.fields)?;
    let format = format(query, Format::Metadata)?;
    let (search, filters) = conditions(call, collection, query)?;
    let size = page_size(query, format)?;
    let q = search.q();
    let listing = Listing {
        collection: collection.path(),
        q: q.as_deref(),
        label_ids: &search.label_ids,
        include_spam_trash: collection == Collection::Changed
            || query.parameter("includeSpamTrash") == Some("true"),
        size,
    };
    let Some(token) = token_of(call, &listing, query).await? else { return Ok(Records::default()) };
    let listed = api::list(call, &listing, token.as_deref())
        .await
        .map_err(|error| refused(error, token.as_deref()))?;
    let is_told =
        fields.are_among(collection.listed_fields()) && search.bounds.is_empty() && filters.is_empty();
    let records = match is_told {
        true => listed.entries,
        false => hydrate(call, collection, format, &listed.entries).await?,
    };
    let records = records.into_iter().filter(|record| {
        search.allows(record) && filters.iter().all(|filter| filter.matches(record) == Truth::Yes)
    });
    let records = records.map(|record| fields.of(record)).collect();
    let next = listed.next_page_token.map(|token| json!({ "token": token, "size": size }));
    Ok(Records { records, next, total: None })
}

/// Gmail lists newest first, and in no other order.
fn check_order(order_by: &[Order]) -> Result<(), ReadError> {
    let is_newest_first = |order: &Order| {
        let is_date = super::search::DATE_FIELDS.iter().any(|name| name.eq_ignore_ascii_case(&order.field));
        is_date && order.is_descending
    };
    match order_by {
        [] => Ok(()),
        [order] if is_newest_first(order) => Ok(()),
        _ => Err(ReadError::rule(
            "orderBy",
            "Gmail lists newest first: only `internalDate desc` or `date desc`",
        )),
    }
}

/// What is searched for, and what is looked for in the records that were found.
fn conditions(
    call: &Call<'_>,
    collection: Collection,
    query: &Query,
) -> Result<(Search, Vec<Expr>), ReadError> {
    let conjuncts = query.condition.clone().map(Expr::conjuncts).unwrap_or_default();
    // A draft's id and its message's are no search; drafts are few.
    let is_own = |conjunct: &Expr| {
        collection == Collection::Drafts
            && snapshots::check_fields(conjunct, &snapshots::DRAFT_FIELDS).is_ok()
    };
    let (filters, conjuncts): (Vec<Expr>, Vec<Expr>) = conjuncts.into_iter().partition(is_own);
    let mut search = Search::of(conjuncts, collection != Collection::Changed)
        .map_err(|rule| ReadError::rule("where", rule))?;
    match collection {
        Collection::Drafts if !search.label_ids.is_empty() => {
            return Err(ReadError::rule("where", "drafts can't be listed by `labelIds`"));
        }
        Collection::Changed => {
            if !search.has_lower_bound() {
                let since = call.now - chrono::Duration::hours(CHANGED_WITHIN_H);
                search.terms.push(format!("after:{}", since.timestamp()));
            }
            // Polls do not report drafts either.
            search.terms.push("-in:drafts".to_owned());
        }
        _ => {}
    }
    // Only messages say when they came in.
    if matches!(collection, Collection::Threads | Collection::Drafts) {
        search.bounds.clear();
    }
    Ok((search, filters))
}

fn page_size(query: &Query, format: Format) -> Result<u32, ReadError> {
    let max = if format == Format::Full { PAGE_SIZE_FULL_MAX } else { PAGE_SIZE_MAX };
    let former = match &query.page {
        PageWanted::After(place) => place["size"].as_u64().and_then(|size| u32::try_from(size).ok()),
        PageWanted::Number(_) => None,
    };
    match query.page_size.or(former).unwrap_or(PAGE_SIZE_DEFAULT) {
        0 => Err(ReadError::rule("pageSize", "must be at least 1")),
        // Each record is read by itself: more of them come with the next page.
        size => Ok(size.min(max)),
    }
}

/// The token of the page that is asked for; `Some(None)` is the first, `None` lies behind the last.
async fn token_of(
    call: &Call<'_>,
    listing: &Listing<'_>,
    query: &Query,
) -> Result<Option<Option<String>>, ReadError> {
    let number = match &query.page {
        PageWanted::After(place) => {
            let token = place["token"].as_str().filter(|token| token.len() <= TOKEN_BYTES_MAX);
            return match token {
                Some(token) => Ok(Some(Some(token.to_owned()))),
                None => Err(ReadError::rule("nextPage", "is not a page of this list")),
            };
        }
        PageWanted::Number(number) => number.saturating_sub(1),
    };
    if number > PAGES_SKIPPED_MAX {
        let rule = format!("must be at most {}: go on with `nextPage`", PAGES_SKIPPED_MAX + 1);
        return Err(ReadError::rule("page", rule));
    }
    let mut token = None;
    for _ in 0..number {
        token = api::list_token(call, listing, token.as_deref()).await?;
        if token.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(token))
}

/// A list is refused for its token: the rest of the request is ours.
fn refused(error: Error, token: Option<&str>) -> ReadError {
    match error.kind {
        ErrorKind::Rejected
            if token.is_some() && error.provider_message.as_deref() != Some("insufficientPermissions") =>
        {
            ReadError::rule("nextPage", "Gmail no longer knows this page: begin again")
        }
        _ => ReadError::Provider(error),
    }
}

/// Reads what the entries stand for, in their order; what is gone since is left out. One that is refused or can't be
/// understood, while others can be read, is shown as it was listed.
async fn hydrate(
    call: &Call<'_>,
    collection: Collection,
    format: Format,
    entries: &[Value],
) -> Result<Vec<Value>, Error> {
    let named = entries.iter().filter_map(|entry| Some((entry, lenient::id_of(entry)?.to_owned())));
    let named: Vec<(&Value, String)> = named.collect();
    let ids: Vec<String> = named.iter().map(|(_, id)| id.clone()).collect();
    let reads = futures_util::stream::iter(ids)
        .map(|id| async move { object(call, collection.path(), &id, &collection.parameters(format)).await });
    let mut reads = std::pin::pin!(reads.buffered(REQUESTS_IN_FLIGHT_MAX));
    let (mut records, mut failure, mut answered) = (Vec::new(), None, false);
    for (entry, _) in &named {
        match reads.next().await {
            Some(Ok(record)) => {
                answered = true;
                records.push(record);
            }
            Some(Err(error)) if error.kind == ErrorKind::NotFound => answered = true,
            // A passing failure fails the page: asking again returns all of it.
            Some(Err(error)) if matches!(error.kind, ErrorKind::ObjectRefused | ErrorKind::Malformed) => {
                records.push(incomplete(entry));
                failure = Some(error);
            }
            Some(Err(error)) => return Err(error),
            None => break,
        }
    }
    match failure {
        Some(error) if !answered => Err(error),
        _ => Ok(records),
    }
}

/// What a list contains of an object, marked as incomplete.
fn incomplete(entry: &Value) -> Value {
    let mut shown = entry.clone();
    shown["carillonRecordIncomplete"] = true.into();
    shown
}
