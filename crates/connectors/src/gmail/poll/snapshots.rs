//! Labels and drafts: history does not cover them, so polls compare their lists with the previous ones.

use crate::Call;
use crate::error::Error;
use crate::gmail::api::{self, Listing};
use crate::lenient;
use crate::snapshot::{self, ListingPage, Pages};
use crate::values::Holds;
use async_trait::async_trait;
use domain::ceql::{Expr, Truth};
use domain::resource::HubRead;
use serde_json::{Value, json};

/// Fields of a label in a list; counts are available only for a single one.
pub(crate) const LABEL_FIELDS: [&str; 6] =
    ["id", "name", "messageListVisibility", "labelListVisibility", "type", "color"];
/// Fields of a draft in a list.
pub(crate) const DRAFT_FIELDS: [&str; 2] = ["id", "message"];
/// Drafts of a page: the API's maximum,
/// <https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts/list>.
const DRAFTS_PAGE_SIZE: u32 = 500;

/// Every field of a condition has to be one that records have.
pub(crate) fn check_fields(condition: &Expr, known: &[&str]) -> Result<(), String> {
    let is_known = |field: &str| {
        let root = field.split('.').next().unwrap_or(field);
        known.iter().any(|known| known.eq_ignore_ascii_case(root))
    };
    match condition.fields().into_iter().find(|field| !is_known(field)) {
        Some(field) => Err(format!("there is no filter on `{field}`, only on {}", known.join(", "))),
        None => Ok(()),
    }
}

/// What fields of labels and drafts hold beside texts. The error is the rule that one is compared by a part.
pub(crate) fn held(field: &str) -> Result<Option<Holds>, String> {
    let part = |part| Err(format!("`{field}` has parts, and is compared by one of them, as `{part}`"));
    match field.to_ascii_lowercase().as_str() {
        "type" => Ok(Some(Holds::Spelt(&["system", "user"]))),
        "messagelistvisibility" => Ok(Some(Holds::Spelt(&["show", "hide"]))),
        "labellistvisibility" => Ok(Some(Holds::Spelt(&["labelShow", "labelShowIfUnread", "labelHide"]))),
        "color" => part("color.backgroundColor"),
        "message" => part("message.threadId"),
        _ => Ok(None),
    }
}

/// The lists that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Labels,
    Drafts,
}

impl List {
    fn fields(self) -> &'static [&'static str] {
        match self {
            List::Labels => &LABEL_FIELDS,
            List::Drafts => &DRAFT_FIELDS,
        }
    }

    /// One record, as the list has it.
    async fn one(self, call: &Call<'_>, id: &str) -> Result<Value, Error> {
        match self {
            List::Drafts => api::object(call, "drafts", id, &[("format", "minimal")]).await,
            List::Labels => api::object(call, "labels", id, &[]).await,
        }
    }

    /// What makes one state of a record differ from another.
    fn state(self, record: &Value) -> Option<String> {
        match self {
            // Each save of a draft makes another message of it.
            List::Drafts => Some(record["message"]["id"].as_str()?.to_owned()),
            List::Labels => Some(json!(LABEL_FIELDS.map(|field| &record[field])).to_string()),
        }
    }

    async fn page(
        self,
        call: &Call<'_>,
        after: Option<&Value>,
    ) -> Result<(Vec<Value>, Option<Value>), Error> {
        match self {
            List::Drafts => {
                let listing = Listing {
                    collection: "drafts",
                    q: None,
                    label_ids: &[],
                    include_spam_trash: false,
                    size: DRAFTS_PAGE_SIZE,
                };
                let page = api::list(call, &listing, after.and_then(Value::as_str)).await?;
                Ok((page.entries, page.next_page_token.map(Value::String)))
            }
            // Google's own labels are always there: a list without them is invalid, and deletes nothing.
            List::Labels => match api::labels(call).await? {
                labels if labels.is_empty() => Err(Error::malformed("list of labels", "it is empty")),
                labels => Ok((labels, None)),
            },
        }
    }
}

/// A list, and what its records must fulfil.
pub(crate) struct FilteredList {
    list: List,
    filter: Vec<Expr>,
}

impl FilteredList {
    /// The error is the broken rule.
    pub(crate) fn of(list: List, read: &HubRead) -> Result<Self, String> {
        if read.parameter("format").is_some() {
            return Err(format!(
                "`format` is for messages and threads, `{}` are reported as they are listed",
                read.resource
            ));
        }
        for condition in &read.conditions {
            check_fields(condition, list.fields()).map_err(|rule| format!("where: {rule}"))?;
        }
        Ok(FilteredList { list, filter: read.conditions.clone() })
    }

    fn holds(&self, record: &Value) -> bool {
        self.filter.iter().all(|condition| condition.matches(record) == Truth::Yes)
    }
}

/// All of a list that the conditions allow.
pub(crate) struct FilteredPages<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) wanted: &'a FilteredList,
}

#[async_trait]
impl Pages for FilteredPages<'_> {
    async fn page(&self, after: Option<&Value>) -> Result<ListingPage, Error> {
        let (records, next) = self.wanted.list.page(self.call, after).await?;
        let records = records.into_iter().filter(|record| self.wanted.holds(record));
        let objects: Vec<Option<snapshot::ListedObject>> =
            records.map(|record| self.object(record)).collect();
        let left_out = objects.iter().filter(|one| one.is_none()).count();
        Ok(ListingPage { objects: objects.into_iter().flatten().collect(), next, left_out })
    }

    async fn one(&self, id: &str) -> Result<Option<snapshot::ListedObject>, Error> {
        let record = self.wanted.list.one(self.call, id).await?;
        match self.wanted.holds(&record) {
            false => Ok(None),
            true => {
                let odd = || Error::malformed("an object of a list", "it has no id or no state");
                self.object(record).map(Some).ok_or_else(odd)
            }
        }
    }

    fn gone(&self, id: &str) -> Value {
        json!({ "id": id })
    }
}

impl FilteredPages<'_> {
    fn object(&self, record: Value) -> Option<snapshot::ListedObject> {
        let id = lenient::id_of(&record)?.to_owned();
        let state = self.wanted.list.state(&record)?;
        Some(snapshot::ListedObject { id, state, record })
    }
}
