//! How many connections there is room for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Maximum connections: more than the applications and browsers of one process keep open. Each may hold 32 kB
/// of a head that is arriving.
const CONNECTIONS_COUNT_MAX: u64 = 1024;
/// Descriptors that are asked for, where the system's usual limit is lower: deliveries, polls, files of the database,
/// connections.
const DESCRIPTORS_COUNT: u64 = 8192;

/// Asks the system for enough descriptors, and leaves half of what there is to files, providers and callbacks.
pub(super) fn connections_count_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let now = limit.current.unwrap_or(u64::MAX);
    let wanted = DESCRIPTORS_COUNT.min(limit.maximum.unwrap_or(u64::MAX));
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    let given = if now < wanted && setrlimit(Resource::Nofile, raised).is_ok() { wanted } else { now };
    usize::try_from((given / 2).clamp(1, CONNECTIONS_COUNT_MAX)).unwrap_or(1)
}
