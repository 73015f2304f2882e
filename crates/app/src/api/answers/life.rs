//! Stages of a change's life.

use super::moment::Moment;
use domain::life::StageKind;
use schemars::JsonSchema;
use serde::Serialize;

/// A stage of a change's life.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct LifeStage {
    pub(in crate::api) stage: StageName,
    /// With milliseconds.
    pub(in crate::api) date: Moment,
    /// Since the stage before. Below zero where two clocks disagree.
    pub(in crate::api) after_ms: Option<i64>,
    /// Of `sent`, `refused` and `taken`.
    pub(in crate::api) attempt: Option<u32>,
}

/// arrived: at the provider, by its clock; notShown: the last poll without it, so that it became visible between this
/// and `seen`; announced: a notice that led to the poll; seen: an answer showed it; committed: stored; then each attempt,
/// sent and refused or taken by the callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) enum StageName {
    Arrived,
    NotShown,
    Announced,
    Seen,
    Committed,
    Sent,
    Refused,
    Taken,
}

impl From<StageKind> for StageName {
    fn from(kind: StageKind) -> Self {
        match kind {
            StageKind::Arrived => StageName::Arrived,
            StageKind::NotShown => StageName::NotShown,
            StageKind::Announced => StageName::Announced,
            StageKind::Seen => StageName::Seen,
            StageKind::Committed => StageName::Committed,
            StageKind::Sent => StageName::Sent,
            StageKind::Refused => StageName::Refused,
            StageKind::Taken => StageName::Taken,
        }
    }
}
