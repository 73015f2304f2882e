//! Lanes of jobs: what stands in one, and how its jobs go.

use app::ports::Job;
use domain::ids::InstanceId;

/// The classes of jobs: an instance has a lane of each, so that a slow callback does not hold up polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Delivery attempts: a few of one instance at a time.
    Deliver,
    /// A release: it waits for its callback most of its time, so not many of an organization at a time.
    Release,
    /// A step of a bulk action: one of an organization at a time, and few at all, so that everything else goes on.
    Bulk,
    /// A health event: an attempt like others, but of no notification.
    Tell,
    /// Everything else: one of an instance at a time.
    Other,
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 5] = [Class::Deliver, Class::Release, Class::Bulk, Class::Tell, Class::Other];

    /// As it is stored and told.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Class::Deliver => "deliver",
            Class::Release => "release",
            Class::Bulk => "bulk",
            Class::Tell => "tell",
            Class::Other => "other",
        }
    }

    /// The class of a job.
    pub fn of(job: &Job) -> Self {
        match job {
            Job::Deliver(_) => Class::Deliver,
            Job::Release(_) => Class::Release,
            Job::Bulk { .. } => Class::Bulk,
            Job::Tell { .. } => Class::Tell,
            Job::Poll(_) | Job::Hinted { .. } | Job::Purge(_) | Job::Settle { .. } => Class::Other,
        }
    }
}

/// A lane: the jobs of one class of one instance, by its number; bulk actions and what is told to an
/// organization have one for each organization.
pub(super) type LaneId = (Class, u32);

/// The lane of a job.
pub(super) fn lane_of(job: &Job) -> LaneId {
    let number = match job {
        Job::Bulk { organization_id, .. } | Job::Tell { organization_id, instance: None, .. } => {
            *organization_id
        }
        Job::Tell { instance: Some(id), .. } => id.get(),
        _ => job.instance().map_or(0, InstanceId::get),
    };
    (Class::of(job), number)
}

/// How a job that was done went, for its lane: what comes next has the same receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// The lane is proven: it goes at full width.
    Well,
    /// The job did its work, but the attempt in it failed or took long: one job at a time until one goes well.
    Badly,
}
