//! What a resource's configuration asks of this connector, at a certain time.

use crate::descriptor::Polling;
use crate::error::{Error, ErrorKind};
use crate::outlook::api;
use crate::outlook::descriptor::DESCRIPTOR;
use crate::outlook::normalise::conditions::Conditions;
use crate::outlook::normalise::entity::{Entity, List};
use crate::outlook::normalise::field::Can;
use crate::outlook::normalise::selection::{self, Selection};
use crate::{Call, Window};
use chrono::{DateTime, Utc};
use domain::resource::ResourceConfig;

/// A part of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListPart {
    /// Its first second.
    pub(crate) from: i64,
    /// The second before which it ends, if any.
    pub(crate) until: Option<i64>,
    /// Maximum rows.
    pub(crate) size: usize,
    /// Rows passed over before.
    pub(crate) skip: usize,
    /// Only what the walk needs of each row.
    pub(crate) is_bare: bool,
}

impl ListPart {
    /// A page that begins with a second.
    pub(crate) fn first(from: i64, size: usize) -> Self {
        ListPart { from, until: None, size, skip: 0, is_bare: false }
    }
}

/// What to read, and how.
pub(crate) struct Plan<'a> {
    pub(crate) resource: &'a ResourceConfig,
    pub(crate) polling: Polling,
    pub(crate) entity: &'static Entity,
    /// The list below the mailbox.
    pub(crate) path: &'static str,
    /// The time that the list is read in the order of.
    pub(crate) ordered_by: &'static str,
    /// The second before which it ends, if any.
    pub(crate) until: Option<i64>,
    pub(crate) conditions: Conditions,
    pub(crate) selection: Selection,
}

impl<'a> Plan<'a> {
    /// `since` is where the walk looks back to: templates must not look less far. The error is the broken rule.
    pub(crate) fn of(
        resource: &'a ResourceConfig,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Self, String> {
        let read = resource.read_at(since, now)?;
        let polled = DESCRIPTOR.resource(&read.resource).filter(|found| found.polling != Polling::Never);
        let Some((polled, list)) = polled.and_then(|found| Some((found, List::named(found.name)?))) else {
            return Err(format!("`{}` is not a resource that Outlook polls", read.resource));
        };
        let entity = list.entity;
        let by_provider = (polled.polling == Polling::Dates).then_some(Can::Walk);
        let conditions = Conditions::parse(entity, read.conditions, by_provider)?;
        let selection = Selection::new(entity, &read.fields, resource, conditions.roots())?;
        Ok(Plan {
            resource,
            polling: polled.polling,
            entity,
            path: list.graph,
            ordered_by: "lastModifiedDateTime",
            until: None,
            conditions,
            selection,
        })
    }

    pub(crate) fn at_poll(
        resource: &'a ResourceConfig,
        since: DateTime<Utc>,
        call: &Call<'_>,
    ) -> Result<Self, Error> {
        Self::of(resource, since, call.now)
            .map_err(|rule| Error::new(ErrorKind::Rejected, format!("the url is broken: {rule}")))
    }

    /// The plan for a window. Resources without dates have none.
    pub(crate) fn for_window(
        resource: &'a ResourceConfig,
        window: Window,
        call: &Call<'_>,
    ) -> Result<Self, Error> {
        let mut plan = Self::at_poll(resource, window.from, call)?;
        if plan.polling != Polling::Dates {
            return Err(Error::new(
                ErrorKind::Rejected,
                format!("`{}` can't be read again by time", resource.name),
            ));
        }
        plan.ordered_by = plan.entity.refilled_by;
        // Filters go by whole seconds: the one that the window ends in belongs to it.
        let part = i64::from(window.to.timestamp_subsec_nanos() > 0);
        plan.until = Some(window.to.timestamp() + part);
        Ok(plan)
    }

    /// The request for the row that was changed last.
    pub(crate) fn newest_url(&self, call: &Call<'_>) -> String {
        let filter = format!("{} ge {}", self.ordered_by, api::instant(0));
        let order = format!("{} desc", self.ordered_by);
        let query = [
            ("$filter", filter.as_str()),
            ("$orderby", order.as_str()),
            ("$top", "1"),
            ("$select", &selection::bare(self.entity)),
        ];
        api::url(call, self.path, &query)
    }

    /// The request for a part of the list.
    pub(crate) fn url(&self, call: &Call<'_>, part: &ListPart) -> String {
        // The ordered property comes first in the filter: anything else is refused as inefficient.
        let mut filter = format!("{} ge {}", self.ordered_by, api::instant(part.from));
        if let Some(until) = [self.until, part.until].into_iter().flatten().min() {
            filter.push_str(&format!(" and {} lt {}", self.ordered_by, api::instant(until)));
        }
        if !self.conditions.filter().is_empty() {
            filter.push_str(&format!(" and {}", self.conditions.filter()));
        }
        let bare = part.is_bare.then(|| selection::bare(self.entity));
        let (size, skip) = (part.size.to_string(), part.skip.to_string());
        let mut query =
            vec![("$filter", filter.as_str()), ("$orderby", self.ordered_by), ("$top", size.as_str())];
        query.extend((part.skip > 0).then_some(("$skip", skip.as_str())));
        query.push(("$select", bare.as_deref().unwrap_or(self.selection.as_str())));
        api::url(call, self.path, &query)
    }
}
