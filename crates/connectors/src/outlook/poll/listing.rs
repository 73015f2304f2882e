//! Whole listings of what has no dates: calendars, and the tree of folders.

use super::narrow;
use super::plan::Plan;
use crate::error::{Error, ErrorKind};
use crate::lenient;
use crate::outlook::api;
use crate::outlook::hub::next::{self, Repeated};
use crate::outlook::normalise::{Nulls, Row, pascal};
use crate::snapshot::{ListedObject, ListingPage, Pages};
use crate::{Call, REQUESTS_IN_FLIGHT_MAX};
use async_trait::async_trait;
use futures_util::future::try_join_all;
use serde_json::{Value, json};

/// Rows of a page.
const PAGE_SIZE: usize = 100;
/// Rows of one list that are left out because the provider can't show them.
const LEFT_OUT_COUNT_MAX: usize = 8;
/// Failures in a row, after which a list is read by its places.
const FAILURES_COUNT_MIN: u32 = 3;
/// Maximum pages of one folder's children, or of a flat list.
const PAGES_COUNT_MAX: usize = 100;
/// Maximum levels of folders, and folders with children: each of these is a request of every poll.
const DEPTH_MAX: usize = 50;
const PARENTS_MAX: usize = 500;

/// A resource that is compared whole.
pub(crate) struct Listing<'a> {
    call: &'a Call<'a>,
    plan: &'a Plan<'a>,
    /// It failed so often that it is worth to find out why.
    is_patient: bool,
}

/// Rows, how many could not be read, and what it took.
#[derive(Default)]
struct Level {
    rows: Vec<Value>,
    left_out: usize,
    requests: usize,
}

impl Level {
    fn add(&mut self, other: Level) {
        self.rows.extend(other.rows);
        self.left_out += other.left_out;
        self.requests += other.requests;
    }
}

impl<'a> Listing<'a> {
    /// `failures` is how often in a row it failed before; a baseline has nothing to wait for.
    pub(crate) fn new(call: &'a Call<'a>, plan: &'a Plan<'a>, failures: Option<u32>) -> Self {
        Listing { call, plan, is_patient: failures.is_none_or(|failures| failures >= FAILURES_COUNT_MIN) }
    }

    /// One list to its end. One that fails, and failed before, is read by the places of its rows.
    async fn list(&self, path: &str) -> Result<Level, Error> {
        let select = self.plan.selection.as_str();
        let mut request = self.first_request(PAGE_SIZE.to_string(), select);
        let mut level = Level::default();
        for _ in 0..PAGES_COUNT_MAX {
            let page = match self.page_of(path, &request).await {
                Err(error) if self.is_patient && narrow::is_of_content(&error) => {
                    return self.by_places(path, error).await;
                }
                page => page?,
            };
            level.requests += 1;
            level.rows.extend(page.value);
            let Some(link) = page.next_link else { return Ok(level) };
            let repeated = Repeated { select, filter: None };
            request = next::request(self.plan.entity, &next::of(&link, &repeated)?, &repeated)
                .map_err(|_| Error::new(ErrorKind::Malformed, "the provider's next link can't be read"))?;
        }
        Err(Error::new(ErrorKind::Rejected, "the provider's list does not end"))
    }

    fn first_request(&self, size: String, select: &str) -> Vec<(String, String)> {
        let mut request = vec![("$top".to_owned(), size)];
        request.push(("$select".to_owned(), select.to_owned()));
        if self.plan.entity.is_tree {
            request.push(("includeHiddenFolders".to_owned(), "true".to_owned()));
        }
        request
    }

    async fn page_of(&self, path: &str, request: &[(String, String)]) -> Result<api::ListReply, Error> {
        let query: Vec<(&str, &str)> =
            request.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        api::page(self.call, self.plan.entity, &api::url(self.call, path, &query)).await
    }

    /// The same list in smaller and smaller parts, down to a row that is left out. Many of those are no rows, but an
    /// outage: that is the error.
    async fn by_places(&self, path: &str, failed: Error) -> Result<Level, Error> {
        let mut level = Level { requests: 1, ..Level::default() };
        let (mut place, mut size) = (0, PAGE_SIZE / 4);
        while level.requests < PAGES_COUNT_MAX {
            let mut request = self.first_request(size.to_string(), self.plan.selection.as_str());
            request.push(("$skip".to_owned(), place.to_string()));
            level.requests += 1;
            match self.page_of(path, &request).await {
                Ok(page) => {
                    let count = page.value.len();
                    level.rows.extend(page.value);
                    if count < size {
                        return Ok(level);
                    }
                    (place, size) = (place + count, (size * 2).min(PAGE_SIZE));
                }
                Err(error) if !narrow::is_of_content(&error) => return Err(error),
                Err(_) if size > 1 => size = (size / 4).max(1),
                Err(_) if level.left_out >= LEFT_OUT_COUNT_MAX => return Err(failed),
                Err(_) => {
                    level.left_out += 1;
                    place += 1;
                }
            }
        }
        Err(failed)
    }

    /// All folders, level by level.
    async fn tree(&self) -> Result<Level, Error> {
        let mut all = self.list(self.plan.path).await?;
        let mut parents = with_children(&all.rows);
        let mut parents_count = 0;
        for _ in 0..DEPTH_MAX {
            if parents.is_empty() {
                return Ok(all);
            }
            parents_count += parents.len();
            if parents_count > PARENTS_MAX {
                let reason =
                    format!("more than {PARENTS_MAX} folders have folders below them, too many to compare");
                return Err(Error::new(ErrorKind::Rejected, reason));
            }
            let mut below = Level::default();
            for some in parents.chunks(REQUESTS_IN_FLIGHT_MAX) {
                let paths: Vec<String> = some
                    .iter()
                    .map(|id| format!("{}/{}/childFolders", self.plan.path, api::encoded(id)))
                    .collect();
                let found = try_join_all(paths.iter().map(|path| self.children(path))).await?;
                found.into_iter().for_each(|level| below.add(level));
            }
            parents = with_children(&below.rows);
            all.add(below);
        }
        Err(Error::new(ErrorKind::Rejected, format!("folders are nested deeper than {DEPTH_MAX} levels")))
    }

    /// A folder that is gone by now has no children.
    async fn children(&self, path: &str) -> Result<Level, Error> {
        match self.list(path).await {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Level { requests: 1, ..Level::default() }),
            listed => listed,
        }
    }

    fn listed(&self, row: &Row) -> ListedObject {
        let state: Vec<&Value> =
            self.plan.entity.state.iter().filter_map(|field| row.object.get(field)).collect();
        let record = pascal(&row.object, Nulls::Drop);
        ListedObject { id: row.id().to_owned(), state: json!(state).to_string(), record }
    }
}

#[async_trait]
impl Pages for Listing<'_> {
    async fn page(&self, after: Option<&Value>) -> Result<ListingPage, Error> {
        if after.is_some() {
            return Ok(ListingPage { objects: Vec::new(), next: None, left_out: 0 });
        }
        let found = match self.plan.entity.is_tree {
            true => self.tree().await?,
            false => self.list(self.plan.path).await?,
        };
        let rows = found.rows.into_iter().map(|object| Row::new(object, self.plan.entity, "", 0));
        let (readable, odd): (Vec<Row>, Vec<Row>) = rows.partition(Row::is_readable);
        let allowed = readable.iter().filter(|row| self.plan.conditions.allow(row));
        let objects = allowed.map(|row| self.listed(row)).collect();
        // Several requests see several moments: an object that moves meanwhile may be in none of them. A second,
        // empty page says so, and what is missing is not yet gone.
        let left_out = found.left_out + odd.len();
        Ok(ListingPage { objects, next: (found.requests > 1).then_some(Value::Null), left_out })
    }

    async fn one(&self, id: &str) -> Result<Option<ListedObject>, Error> {
        let path = format!("{}/{}", self.plan.path, api::encoded(id));
        let url = api::url(self.call, &path, &[("$select", self.plan.selection.as_str())]);
        let row = Row::new(api::object(self.call, self.plan.entity, &url).await?, self.plan.entity, "", 0);
        if !row.is_readable() {
            return Err(Error::malformed("an object of a list", "it has no id"));
        }
        Ok(self.plan.conditions.allow(&row).then(|| self.listed(&row)))
    }

    fn gone(&self, id: &str) -> Value {
        json!({ "Id": id })
    }
}

fn with_children(folders: &[Value]) -> Vec<String> {
    let has_children = |folder: &&Value| folder["childFolderCount"].as_u64().is_some_and(|count| count > 0);
    folders
        .iter()
        .filter(has_children)
        .filter_map(|folder| Some(lenient::id_of(folder)?.to_owned()))
        .collect()
}
