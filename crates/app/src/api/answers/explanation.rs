//! Why something was not sent.

use super::moment::Moment;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// The decision of polls and deliveries, made once more over what is stored and what the provider shows now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "basis": "today's configuration", "notRead": null,
    "objects": [{
        "objectType": "messages", "objectId": "18c1f0a2b3c4d5e6", "decision": "beforeBaseline", "at": super::AT,
        "arrivedAt": "2026-11-22T11:38:12Z", "lastCompletePoll": super::AT, "eventId": null,
    }],
}))]
pub(in crate::api) struct Explanation {
    /// Under what it is decided.
    pub(in crate::api) basis: String,
    /// At most ten of each of five resources. Empty: nothing that is polled can be looked for in this way.
    pub(in crate::api) objects: Vec<ExplainedObject>,
    /// Why the provider was not asked, or did not answer.
    pub(in crate::api) not_read: Option<String>,
}

/// What became of one object, or why nothing did.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct ExplainedObject {
    pub(in crate::api) object_type: String,
    /// None where nothing was found of what was looked for.
    pub(in crate::api) object_id: Option<String>,
    pub(in crate::api) decision: DecisionName,
    /// Since when or until when, where the decision has a time.
    pub(in crate::api) at: Option<Moment>,
    /// At the provider.
    pub(in crate::api) arrived_at: Option<Moment>,
    /// When the last poll began that read all there was.
    pub(in crate::api) last_complete_poll: Option<Moment>,
    /// Of the newest notification of it.
    pub(in crate::api) event_id: Option<String>,
}

/// delivered (at), retrying (due at), sending, queued, dropped, reportedEarlier: it was told. disabled, eventsOff,
/// needsSignIn, backingOff (until): nothing of the mailbox is. noBaseline, beforeBaseline (taken at), draft,
/// outsideConditions, waitingForContent (tried at), cameAndWent: it is not, or not yet. notShown: the provider does not
/// show it, or not any more. notPolledYet: the next poll will tell it. shownLate: the provider shows it, and did not to
/// the last poll. forgotten: it is older than the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) enum DecisionName {
    Delivered,
    Retrying,
    Sending,
    Queued,
    Dropped,
    ReportedEarlier,
    Disabled,
    EventsOff,
    NeedsSignIn,
    BackingOff,
    NoBaseline,
    BeforeBaseline,
    Draft,
    OutsideConditions,
    WaitingForContent,
    CameAndWent,
    NotShown,
    NotPolledYet,
    ShownLate,
    Forgotten,
}
