//! Actions on many instances.

use super::moment::Moment;
use domain::bulk::{self, BulkAction, BulkNote, BulkOutcome, BulkTally, RetryKind};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// An action on many instances, and how far it is. What is done is counted in `unit`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "id": "01a1f0c6a3b1d2e4", "action": "disable", "status": "running", "unit": "instances",
    "selection": { "filter": { "tags": ["Docs"] } }, "selected": 300, "instances": 298, "finished": 120,
    "done": 119, "skipped": 3, "failed": 0,
    "reasons": [{ "outcome": "skipped", "reason": "it is disabled already", "count": 3 }],
    "notes": [{ "instanceId": 4711, "eventId": null, "outcome": "skipped", "reason": "it is disabled already" }],
    "userId": 1, "requestedDate": super::AT, "updatedDate": super::AT, "endedDate": null,
    "addTags": null, "removeTags": null, "from": null, "to": null, "deliveries": null, "resources": null,
}))]
pub(in crate::api) struct Bulk {
    pub(in crate::api) id: String,
    /// enable, disable, delete, tag, release, retry or backfill.
    pub(in crate::api) action: &'static str,
    pub(in crate::api) status: BulkStatus,
    pub(in crate::api) unit: BulkUnit,
    /// How the instances were named: the filter, or how many ids.
    pub(in crate::api) selection: Map<String, Value>,
    /// Instances that were named when it was asked for.
    pub(in crate::api) selected: u64,
    /// Those of them that there was something to be done to.
    pub(in crate::api) instances: usize,
    /// Those of these that it is done with.
    pub(in crate::api) finished: usize,
    pub(in crate::api) done: u64,
    /// Left as they were, those included that nothing was to be done to.
    pub(in crate::api) skipped: u64,
    /// Tried and refused.
    pub(in crate::api) failed: u64,
    /// Of what was skipped or failed, at most 20 of each, and the rest together.
    pub(in crate::api) reasons: Vec<BulkReason>,
    /// The first 50 that were skipped or failed.
    pub(in crate::api) notes: Vec<BulkRemark>,
    /// Who asked.
    pub(in crate::api) user_id: u32,
    pub(in crate::api) requested_date: Moment,
    /// When something of it was stored last.
    pub(in crate::api) updated_date: Moment,
    /// It is kept for seven days after it.
    pub(in crate::api) ended_date: Option<Moment>,
    pub(in crate::api) add_tags: Option<Vec<String>>,
    pub(in crate::api) remove_tags: Option<Vec<String>>,
    pub(in crate::api) from: Option<Moment>,
    pub(in crate::api) to: Option<Moment>,
    pub(in crate::api) deliveries: Option<Vec<String>>,
    pub(in crate::api) resources: Option<Vec<String>>,
}

/// running; done: each was looked at; cancelled: somebody stopped it; givenUp: it was not done after a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) enum BulkStatus {
    Running,
    Done,
    Cancelled,
    GivenUp,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::api) enum BulkUnit {
    Instances,
    Notifications,
}

/// Why so many were skipped or failed.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::api) struct BulkReason {
    /// skipped or failed.
    pub(in crate::api) outcome: &'static str,
    pub(in crate::api) reason: String,
    pub(in crate::api) count: u64,
}

/// Why one was skipped or failed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct BulkRemark {
    pub(in crate::api) instance_id: u32,
    /// Of the notification, where it is about one.
    pub(in crate::api) event_id: Option<String>,
    /// skipped or failed.
    pub(in crate::api) outcome: &'static str,
    pub(in crate::api) reason: String,
}

/// What an action would be about.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "action": "disable", "unit": "instances", "selected": 300, "instances": 298, "affected": 298,
    "reasons": [{ "outcome": "skipped", "reason": "it is disabled already", "count": 2 }], "notes": [],
}))]
pub(in crate::api) struct BulkPreview {
    /// enable, disable, delete, tag, release, retry or backfill.
    pub(in crate::api) action: &'static str,
    pub(in crate::api) unit: BulkUnit,
    /// Instances that are named.
    pub(in crate::api) selected: u64,
    /// Those of them that there is something to be done to.
    pub(in crate::api) instances: usize,
    /// How much would be done, in `unit`: what `expected` is compared with.
    pub(in crate::api) affected: u64,
    /// Why nothing would be done to the others.
    pub(in crate::api) reasons: Vec<BulkReason>,
    /// The first 50 of the others.
    pub(in crate::api) notes: Vec<BulkRemark>,
}

impl BulkUnit {
    pub(in crate::api) fn of(action: &BulkAction) -> Self {
        match action {
            BulkAction::Retry { .. } => BulkUnit::Notifications,
            _ => BulkUnit::Instances,
        }
    }
}

impl From<bulk::BulkStatus> for BulkStatus {
    fn from(status: bulk::BulkStatus) -> Self {
        match status {
            bulk::BulkStatus::Running => BulkStatus::Running,
            bulk::BulkStatus::Done => BulkStatus::Done,
            bulk::BulkStatus::Cancelled => BulkStatus::Cancelled,
            bulk::BulkStatus::GivenUp => BulkStatus::GivenUp,
        }
    }
}

pub(in crate::api) fn reasons(tally: &BulkTally) -> Vec<BulkReason> {
    let shown = |(outcome, count): &(BulkOutcome, u64)| {
        let (outcome, reason) = in_words(outcome);
        BulkReason { outcome, reason, count: *count }
    };
    tally.others.iter().map(shown).collect()
}

pub(in crate::api) fn remarks(tally: &BulkTally) -> Vec<BulkRemark> {
    let shown = |note: &BulkNote| {
        let (outcome, reason) = in_words(&note.outcome);
        BulkRemark { instance_id: note.instance.get(), event_id: note.event_id.clone(), outcome, reason }
    };
    tally.notes.iter().map(shown).collect()
}

fn in_words(outcome: &BulkOutcome) -> (&'static str, String) {
    match outcome {
        BulkOutcome::Done => ("done", String::new()),
        BulkOutcome::Skipped(reason) => ("skipped", reason.clone()),
        BulkOutcome::Failed(reason) => ("failed", reason.clone()),
    }
}

impl From<bulk::Bulk> for Bulk {
    fn from(bulk: bulk::Bulk) -> Self {
        let mut shown = Bulk {
            id: bulk.id.to_string(),
            action: bulk.action.text(),
            status: bulk.status.into(),
            unit: BulkUnit::of(&bulk.action),
            selection: bulk.selection.as_object().cloned().unwrap_or_default(),
            selected: bulk.selected,
            instances: bulk.instances,
            finished: bulk.position.finished,
            done: bulk.tally.done,
            skipped: bulk.tally.skipped(),
            failed: bulk.tally.failed(),
            reasons: reasons(&bulk.tally),
            notes: remarks(&bulk.tally),
            user_id: bulk.account.user_id,
            requested_date: Moment::of(bulk.asked_at),
            updated_date: Moment::of(bulk.updated_at),
            ended_date: bulk.ended_at.map(Moment::of),
            add_tags: None,
            remove_tags: None,
            from: None,
            to: None,
            deliveries: None,
            resources: None,
        };
        match bulk.action {
            BulkAction::Enable | BulkAction::Disable | BulkAction::Delete => {}
            BulkAction::Tag { add, remove } => {
                (shown.add_tags, shown.remove_tags) = (Some(add), Some(remove));
            }
            BulkAction::Release { from, to } => {
                (shown.from, shown.to) = (from.map(Moment::of), to.map(Moment::of));
            }
            BulkAction::Retry { from, to, of } => {
                (shown.from, shown.to) = (Some(Moment::of(from)), Some(Moment::of(to)));
                let text = |kind: RetryKind| match kind {
                    RetryKind::Delivered => "delivered".to_owned(),
                    RetryKind::Undelivered => "undelivered".to_owned(),
                };
                shown.deliveries = Some(of.into_iter().map(text).collect());
            }
            BulkAction::Backfill { from, to, resources } => {
                (shown.from, shown.to) = (Some(Moment::of(from)), Some(Moment::of(to)));
                shown.resources = Some(resources);
            }
        }
        shown
    }
}
