//! Requests to the Gmail API and their replies.

use super::cursor::HistoryId;
use super::error::{classify, of_object};
use crate::Call;
use crate::error::Error;
use crate::google;
use crate::http::BodyStream;
use crate::lenient::{self, Each};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Records in one page of history: the API's maximum,
/// <https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list>.
pub(super) const HISTORY_PAGE_SIZE: usize = 500;
/// Maximum messages in one page of a catch-up's listing.
pub(super) const LIST_PAGE_SIZE: usize = 100;
/// All labels of a mailbox come at once, and take a dozen times as much in memory. A mailbox has at most 10,000,
/// <https://developers.google.com/workspace/gmail/api/guides/labels>, with names of at most 225 characters.
const LABELS_BYTES_MAX: usize = 6 * 1024 * 1024;
/// What history replies are masked down to.
const HISTORY_FIELDS: &str = "historyId,nextPageToken,history(id,messagesAdded/message(id,threadId,labelIds),\
    messagesDeleted/message(id,threadId,labelIds),labelsAdded(labelIds,message(id,threadId,labelIds)),\
    labelsRemoved(labelIds,message(id,threadId,labelIds)))";

/// A user's profile.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Profile {
    #[serde(default)]
    pub(super) email_address: String,
    pub(super) history_id: HistoryId,
}

/// A page of history.
pub(super) struct HistoryPage {
    pub(super) history: Vec<Record>,
    pub(super) next_page_token: Option<String>,
    pub(super) history_id: Option<HistoryId>,
}

/// The same as it comes. An idle mailbox has no `history`; a page may have none and yet a next one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPage {
    #[serde(default)]
    history: Vec<Value>,
    #[serde(default)]
    next_page_token: Option<String>,
    #[serde(default)]
    history_id: Option<HistoryId>,
}

impl RawPage {
    /// Reads each record by itself. One without an id has no place of its own: it counts with the record behind it,
    /// behind the last with the position that the page names, so that it is reported once.
    fn read(self) -> Result<HistoryPage, Error> {
        let RawPage { history, next_page_token, history_id } = self;
        let (mut records, mut nameless_count) = (Vec::new(), 0);
        for value in history {
            match Record::deserialize(value) {
                Ok(record) => {
                    let nameless_count = std::mem::take(&mut nameless_count);
                    records.push(Record { nameless_count, ..record });
                }
                Err(_) => nameless_count += 1,
            }
        }
        // That position is where all pages end.
        let last_id = records.last().map(|last: &Record| last.id);
        let end = history_id.filter(|end| next_page_token.is_none() && last_id < Some(*end));
        match (nameless_count, end, records.last_mut()) {
            (0, ..) => {}
            (_, Some(id), _) => records.push(Record { id, nameless_count, ..Record::default() }),
            (_, _, Some(last)) => last.nameless_count += nameless_count,
            (_, _, None) => return Err(Error::malformed("history", "no record has an id")),
        }
        Ok(HistoryPage { history: records, next_page_token, history_id })
    }
}

/// One record of history.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) id: HistoryId,
    #[serde(default)]
    pub(super) messages_added: Each<Entry>,
    #[serde(default)]
    pub(super) messages_deleted: Each<Entry>,
    #[serde(default)]
    pub(super) labels_added: Each<Entry>,
    #[serde(default)]
    pub(super) labels_removed: Each<Entry>,
    /// Records before it that have no id.
    #[serde(skip)]
    nameless_count: usize,
}

impl Record {
    fn lists(&self) -> [&Each<Entry>; 4] {
        [&self.messages_added, &self.messages_deleted, &self.labels_added, &self.labels_removed]
    }

    /// How many messages it names, counting repetitions.
    pub(super) fn entries_count(&self) -> usize {
        self.lists().iter().map(|list| list.entries.len()).sum()
    }

    /// How many entries it has that can't be identified.
    pub(super) fn odd_count(&self) -> usize {
        self.nameless_count + self.lists().iter().map(|list| list.odd_count).sum::<usize>()
    }
}

/// A message that a record speaks of, and the labels that came or went.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) message: Message,
    #[serde(default)]
    pub(super) label_ids: Each<String>,
}

/// A message as records name it; the labels, if given, are those after the change.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    #[serde(deserialize_with = "lenient::named")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "lenient::if_named")]
    pub(super) thread_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::if_readable")]
    pub(super) label_ids: Option<Vec<String>>,
    /// The last record that changed it, if a list gives it.
    #[serde(default, deserialize_with = "lenient::if_readable")]
    pub(super) history_id: Option<HistoryId>,
}

/// A page of messages, or threads, that may have changed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListPage {
    #[serde(default, alias = "threads")]
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

pub(super) async fn profile(call: &Call<'_>) -> Result<Profile, Error> {
    get(call, "profile", &[("fields", "emailAddress,historyId")]).await
}

pub(super) async fn history(
    call: &Call<'_>,
    after: HistoryId,
    page: Option<&str>,
) -> Result<HistoryPage, Error> {
    let (after, size) = (after.to_string(), HISTORY_PAGE_SIZE.to_string());
    let mut query =
        vec![("startHistoryId", after.as_str()), ("maxResults", &size), ("fields", HISTORY_FIELDS)];
    query.extend(page.map(|page| ("pageToken", page)));
    get::<RawPage>(call, "history", &query).await?.read()
}

/// Lists messages received since then, or threads of such messages; spam and trash included.
pub(super) async fn list_since(
    call: &Call<'_>,
    collection: &str,
    since_s: i64,
    size: usize,
    page: Option<&str>,
) -> Result<ListPage, Error> {
    let fields = match collection {
        "threads" => "threads(id,historyId),nextPageToken",
        _ => "messages(id,threadId),nextPageToken",
    };
    let (q, size) = (format!("after:{since_s}"), size.to_string());
    let mut query =
        vec![("q", q.as_str()), ("includeSpamTrash", "true"), ("maxResults", &size), ("fields", fields)];
    query.extend(page.map(|page| ("pageToken", page)));
    get(call, collection, &query).await
}

/// A listing of a collection, newest first.
pub(super) struct Listing<'a> {
    /// `messages`, `threads` or `drafts`.
    pub(super) collection: &'static str,
    pub(super) q: Option<&'a str>,
    pub(super) label_ids: &'a [String],
    pub(super) include_spam_trash: bool,
    /// Entries of a page: at most 500.
    pub(super) size: u32,
}

/// A page of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entries {
    /// What they have beside an id depends on the collection.
    #[serde(default, alias = "messages", alias = "threads", alias = "drafts")]
    pub(super) entries: Vec<Value>,
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

/// Reads a page of a listing.
pub(super) async fn list(
    call: &Call<'_>,
    listing: &Listing<'_>,
    page: Option<&str>,
) -> Result<Entries, Error> {
    listed(call, listing, page, &[]).await
}

/// Reads only where the next page of a listing begins.
pub(super) async fn list_token(
    call: &Call<'_>,
    listing: &Listing<'_>,
    page: Option<&str>,
) -> Result<Option<String>, Error> {
    let page = listed(call, listing, page, &[("fields", "nextPageToken")]).await?;
    Ok(page.next_page_token)
}

async fn listed(
    call: &Call<'_>,
    listing: &Listing<'_>,
    page: Option<&str>,
    more: &[(&str, &str)],
) -> Result<Entries, Error> {
    let size = listing.size.to_string();
    let mut query = vec![("maxResults", size.as_str())];
    query.extend(listing.q.map(|q| ("q", q)));
    query.extend(listing.label_ids.iter().map(|id| ("labelIds", id.as_str())));
    query.extend(listing.include_spam_trash.then_some(("includeSpamTrash", "true")));
    query.extend(page.map(|page| ("pageToken", page)));
    query.extend(more);
    get(call, listing.collection, &query).await
}

/// All labels: there are no pages of them.
pub(super) async fn labels(call: &Call<'_>) -> Result<Vec<Value>, Error> {
    #[derive(Deserialize)]
    struct Labels {
        #[serde(default)]
        labels: Vec<Value>,
    }
    let path = "gmail/v1/users/me/labels";
    let reply = google::get_within(call, path, &[], LABELS_BYTES_MAX, classify).await;
    reply.map(|reply: Labels| reply.labels)
}

/// Reads one object of a collection, as it will be in `raw`. The id may be one that a client made up.
pub(super) async fn object(
    call: &Call<'_>,
    collection: &str,
    id: &str,
    query: &[(&str, &str)],
) -> Result<Value, Error> {
    let id = google::path_of(id)?;
    get(call, &format!("{collection}/{id}"), query).await.map_err(of_object)
}

/// Opens what belongs to a message, as it comes: JSON with one long member.
pub(super) async fn open(call: &Call<'_>, path: &str, query: &[(&str, &str)]) -> Result<BodyStream, Error> {
    google::open(call, &format!("gmail/v1/users/me/{path}"), query, classify).await.map_err(of_object)
}

async fn get<T: DeserializeOwned>(call: &Call<'_>, path: &str, query: &[(&str, &str)]) -> Result<T, Error> {
    google::get(call, &format!("gmail/v1/users/me/{path}"), query, classify).await
}
