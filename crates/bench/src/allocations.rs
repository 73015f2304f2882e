//! Allocations of this process, counted by its allocator.

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// So many, and of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allocated {
    /// Allocations, each growth of one among them.
    pub count: usize,
    /// Bytes asked for.
    pub bytes: usize,
}

/// All since the start, of all threads.
pub fn so_far() -> Allocated {
    let stats = ALLOCATOR.stats();
    Allocated { count: stats.allocations + stats.reallocations, bytes: stats.bytes_allocated }
}

/// What this work allocates. Meanwhile other threads should not.
pub fn of(work: impl FnOnce()) -> Allocated {
    let before = so_far();
    work();
    so_far().since(before)
}

impl Allocated {
    pub(crate) fn since(self, before: Allocated) -> Allocated {
        Allocated { count: self.count - before.count, bytes: self.bytes - before.bytes }
    }
}
