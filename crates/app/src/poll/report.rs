//! What a poll did, for its caller.

/// How a poll ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollOutcome {
    /// It looked at the resources.
    Polled(PollReport),
    /// Somebody else polls the mailbox just now, and was asked to look again.
    Busy,
    /// No such instance.
    NotFound,
    /// The instance is not polled, for this reason.
    NotPolled(String),
}

/// What was found, resource by resource in the configured order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PollReport {
    /// By the name of the resource, in order.
    pub resources: Vec<(String, ResourceReport)>,
    /// Unfinished work goes on as a job.
    pub more: bool,
}

/// What was found of one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceReport {
    /// The provider was read.
    pub read: bool,
    /// The position moved: something was there, even if it came to no change.
    pub moved: bool,
    /// Changes the provider showed.
    pub changes: usize,
    /// Events made of them.
    pub events: usize,
    /// Notifications committed.
    pub notifications: usize,
    /// What went wrong, in words.
    pub error: Option<String>,
    /// The provider was left alone, or asked to be; otherwise it failed.
    pub is_wait: bool,
    /// When it makes sense to try again, seconds.
    pub retry_after_s: Option<u64>,
}
