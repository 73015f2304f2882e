//! Whole listings of what has no dates: calendars, and the tree of folders.

use super::api;
use super::next::{self, Repeated};
use super::normalize::{Nulls, Row, pascal};
use super::plan::Plan;
use crate::error::{Error, Kind};
use crate::snapshot::{Listed, Page, Pages};
use crate::{Call, REQUESTS_IN_FLIGHT_MAX};
use async_trait::async_trait;
use futures_util::future::try_join_all;
use serde_json::{Value, json};

/// Rows of a page.
const PAGE_SIZE: &str = "100";
/// Pages of one folder's children, or of a flat list, at the most.
const PAGES_COUNT_MAX: usize = 100;
/// Levels of folders, and folders with children, at the most: each of these is a request of every poll.
const DEPTH_MAX: usize = 50;
const PARENTS_MAX: usize = 500;

/// A resource that is compared whole.
pub(super) struct Listing<'a> {
    call: &'a Call<'a>,
    plan: &'a Plan<'a>,
}

impl<'a> Listing<'a> {
    pub(super) fn new(call: &'a Call<'a>, plan: &'a Plan<'a>) -> Self {
        Listing { call, plan }
    }

    /// One list to its end, and how many requests that took.
    async fn list(&self, path: &str) -> Result<(Vec<Value>, usize), Error> {
        let select = self.plan.selection.as_str();
        let mut request = vec![("$top".to_owned(), PAGE_SIZE.to_owned())];
        request.push(("$select".to_owned(), select.to_owned()));
        if self.plan.entity.is_tree {
            request.push(("includeHiddenFolders".to_owned(), "true".to_owned()));
        }
        let mut rows = Vec::new();
        for count in 1..=PAGES_COUNT_MAX {
            let query: Vec<(&str, &str)> =
                request.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let page = api::page(self.call, self.plan.entity, &api::url(self.call, path, &query)).await?;
            rows.extend(page.value);
            let Some(link) = page.next_link else { return Ok((rows, count)) };
            let repeated = Repeated { select, filter: None };
            request = next::request(self.plan.entity, &next::of(&link, &repeated)?, &repeated)
                .map_err(|_| Error::new(Kind::Malformed, "the provider's next link can't be read"))?;
        }
        Err(Error::new(Kind::Rejected, "the provider's list does not end"))
    }

    /// All folders, level by level, and how many requests that took.
    async fn tree(&self) -> Result<(Vec<Value>, usize), Error> {
        let (mut rows, mut requests) = self.list(self.plan.path).await?;
        let mut parents = with_children(&rows);
        let mut parents_count = 0;
        for _ in 0..DEPTH_MAX {
            if parents.is_empty() {
                return Ok((rows, requests));
            }
            parents_count += parents.len();
            if parents_count > PARENTS_MAX {
                let reason =
                    format!("more than {PARENTS_MAX} folders have folders below them, too many to compare");
                return Err(Error::new(Kind::Rejected, reason));
            }
            let mut below = Vec::new();
            for some in parents.chunks(REQUESTS_IN_FLIGHT_MAX) {
                let paths: Vec<String> = some
                    .iter()
                    .map(|id| format!("{}/{}/childFolders", self.plan.path, api::encoded(id)))
                    .collect();
                for found in try_join_all(paths.iter().map(|path| self.children(path))).await? {
                    requests += found.1;
                    below.extend(found.0);
                }
            }
            parents = with_children(&below);
            rows.extend(below);
        }
        Err(Error::new(Kind::Rejected, format!("folders are nested deeper than {DEPTH_MAX} levels")))
    }

    /// A folder that is gone by now has no children.
    async fn children(&self, path: &str) -> Result<(Vec<Value>, usize), Error> {
        match self.list(path).await {
            Err(error) if error.kind == Kind::NotFound => Ok((Vec::new(), 1)),
            listed => listed,
        }
    }

    fn listed(&self, object: Value) -> Option<Listed> {
        let row = Row::new(object, self.plan.entity, "", 0)?;
        if !self.plan.conditions.allow(&row) {
            return None;
        }
        let state: Vec<&Value> =
            self.plan.entity.state.iter().filter_map(|field| row.object.get(field)).collect();
        let id = row.object.get("id")?.as_str()?.to_owned();
        Some(Listed { id, state: json!(state).to_string(), record: pascal(&row.object, Nulls::Drop) })
    }
}

#[async_trait]
impl Pages for Listing<'_> {
    async fn page(&self, after: Option<&Value>) -> Result<Page, Error> {
        if after.is_some() {
            return Ok(Page { objects: Vec::new(), next: None });
        }
        let (rows, requests) = match self.plan.entity.is_tree {
            true => self.tree().await?,
            false => self.list(self.plan.path).await?,
        };
        let objects = rows.into_iter().filter_map(|object| self.listed(object)).collect();
        // Several requests see several moments: an object that moves meanwhile may be in none of them. A second,
        // empty page says so, and what is missing is not yet gone.
        Ok(Page { objects, next: (requests > 1).then_some(Value::Null) })
    }

    fn gone(&self, id: &str) -> Value {
        json!({ "Id": id })
    }
}

fn with_children(folders: &[Value]) -> Vec<String> {
    let has_children = |folder: &&Value| folder["childFolderCount"].as_u64().is_some_and(|count| count > 0);
    folders.iter().filter(has_children).filter_map(|folder| Some(folder["id"].as_str()?.to_owned())).collect()
}
