//! The threads that requests, polls and deliveries run on.

use std::num::NonZero;
use std::thread::available_parallelism;
use tokio::runtime::{Builder, Runtime};

/// Half as many threads as there are processors: the database's writer needs a part of another, and each thread more is
/// woken for what one does alone, and goes to sleep again.
///
/// # Errors
/// The system starts no thread.
pub fn start() -> std::io::Result<Runtime> {
    let processors_count = available_parallelism().map_or(1, NonZero::get);
    Builder::new_multi_thread().worker_threads(processors_count.div_ceil(2)).enable_all().build()
}
