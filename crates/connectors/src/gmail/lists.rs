//! Labels and drafts: no history tells of them, so that polls compare all of them with what they were.

use super::api::{self, Listing};
use super::plan::{Plan, Watched};
use crate::Call;
use crate::error::Error;
use crate::snapshot::{Listed, Page, Pages};
use async_trait::async_trait;
use domain::ceql::{Expr, Truth};
use serde_json::{Value, json};

/// Fields of a label in a list; counts are told only of a single one.
pub(super) const LABEL_FIELDS: [&str; 6] =
    ["id", "name", "messageListVisibility", "labelListVisibility", "type", "color"];
/// Fields of a draft in a list.
pub(super) const DRAFT_FIELDS: [&str; 2] = ["id", "message"];
/// Drafts of a page: the API's maximum.
const DRAFTS_PAGE_SIZE: u32 = 500;

/// Every field of a condition has to be one that records have.
pub(super) fn check_fields(condition: &Expr, known: &[&str]) -> Result<(), String> {
    let is_known = |field: &str| {
        let root = field.split('.').next().unwrap_or(field);
        known.iter().any(|known| known.eq_ignore_ascii_case(root))
    };
    match condition.fields().into_iter().find(|field| !is_known(field)) {
        Some(field) => Err(format!("there is no filter on `{field}`, only on {}", known.join(", "))),
        None => Ok(()),
    }
}

/// Checks a condition of a resource's url; the error is the broken rule.
pub(super) fn check(watched: Watched, condition: &Expr) -> Result<(), String> {
    let known = if watched == Watched::Labels { &LABEL_FIELDS[..] } else { &DRAFT_FIELDS };
    check_fields(condition, known).map_err(|rule| format!("where: {rule}"))
}

/// All labels or drafts that the conditions allow.
pub(super) struct Lists<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) plan: &'a Plan,
}

#[async_trait]
impl Pages for Lists<'_> {
    async fn page(&self, after: Option<&Value>) -> Result<Page, Error> {
        let (records, next) = match self.plan.watched {
            Watched::Drafts => {
                let listing = Listing {
                    collection: "drafts",
                    q: None,
                    label_ids: &[],
                    include_spam_trash: false,
                    size: DRAFTS_PAGE_SIZE,
                };
                let page = api::list(self.call, &listing, after.and_then(Value::as_str)).await?;
                (page.entries, page.next_page_token.map(Value::String))
            }
            // Google's own labels are always there: without them it is no list, and nothing is deleted for it.
            _ => match api::labels(self.call).await? {
                labels if labels.is_empty() => return Err(Error::malformed("list of labels", "it is empty")),
                labels => (labels, None),
            },
        };
        let is_wanted = |record: &Value| self.plan.filter.iter().all(|one| one.matches(record) == Truth::Yes);
        let records = records.into_iter().filter(is_wanted);
        let listed: Vec<Option<Listed>> = records.map(|record| self.listed(record)).collect();
        let left_out = listed.iter().filter(|one| one.is_none()).count();
        Ok(Page { objects: listed.into_iter().flatten().collect(), next, left_out })
    }

    fn gone(&self, id: &str) -> Value {
        json!({ "id": id })
    }
}

impl Lists<'_> {
    fn listed(&self, record: Value) -> Option<Listed> {
        let id = record["id"].as_str()?.to_owned();
        let state = match self.plan.watched {
            // Each save of a draft makes another message of it.
            Watched::Drafts => record["message"]["id"].as_str()?.to_owned(),
            _ => json!(LABEL_FIELDS.map(|field| &record[field])).to_string(),
        };
        Some(Listed { id, state, record })
    }
}
