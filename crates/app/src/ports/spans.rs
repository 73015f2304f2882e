//! Where spans go.

use domain::trace::{Span, TraceId};

/// Where a host hands on what its work is made of. Nobody waits for it, and nothing depends on it.
pub trait Spans: Send + Sync {
    /// Whether the spans of this trace are kept: for one trace always the same.
    fn keeps(&self, trace: TraceId) -> bool;

    /// Takes what has ended; what there is no room for is lost.
    fn ended(&self, span: Span);
}
