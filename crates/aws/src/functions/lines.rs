//! Lines of the log. Each byte is paid for with each notification.
//!
//! A process handles one event at a time, so a line's place in its stream says which: lines that tell of something well name
//! the invocation only where X-Ray has it. Warnings and errors do always.

use lambda_runtime::Context;
use std::io;
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// Targets of the spans that invocations have, by whether X-Ray has them.
const SAMPLED: &str = "invocation.sampled";
const UNSAMPLED: &str = "invocation";

/// What writes lines as functions do.
pub fn subscriber<W>(filter: Targets, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Clone + Send + Sync + 'static,
{
    let plain = lines(writer.clone()).with_filter(filter.clone().and(filter_fn(is_plain)));
    let warning = lines(writer).with_filter(filter.and(filter_fn(is_of_warning)));
    tracing_subscriber::registry().with(plain).with(warning)
}

/// Where in the code a line comes from, its text says.
fn lines<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    lines.with_target(false).with_writer(writer)
}

fn is_plain(metadata: &Metadata<'_>) -> bool {
    match metadata.is_span() {
        true => metadata.target() != UNSAMPLED,
        false => *metadata.level() > Level::WARN,
    }
}

fn is_of_warning(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() || *metadata.level() <= Level::WARN
}

/// The span of an invocation.
pub fn invocation(context: &Context) -> Span {
    let (id, trace) = (&context.request_id, context.xray_trace_id.as_deref().unwrap_or_default());
    match trace.contains("Sampled=1") {
        true => tracing::info_span!(target: SAMPLED, "invocation", requestId = id, xrayTraceId = trace),
        false => tracing::info_span!(target: UNSAMPLED, "invocation", requestId = id),
    }
}

/// The same on standard error.
pub(super) fn on_standard_error(filter: Targets) -> impl Subscriber + Send + Sync {
    subscriber(filter, io::stderr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::io::Seek as _;
    use std::sync::Arc;

    const ID: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
    const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8";

    /// Lines of an invocation, one that is well and one that is not.
    fn told(trace: &str) -> [String; 2] {
        let written = Arc::new(tempfile::tempfile().unwrap());
        let filter: Targets = "info".parse().unwrap();
        tracing::subscriber::with_default(subscriber(filter, written.clone()), || {
            let mut context = Context::default();
            (context.request_id, context.xray_trace_id) = (ID.to_owned(), Some(trace.to_owned()));
            invocation(&context).in_scope(|| {
                tracing::debug!("unheard");
                tracing::info!(well = true, "went.well");
                tracing::warn!("went.badly");
            });
        });
        let mut written = &*written;
        written.rewind().unwrap();
        let text = io::read_to_string(written).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.try_into().unwrap()
    }

    fn span(line: &str) -> Value {
        serde_json::from_str::<Value>(line).unwrap()["span"].take()
    }

    #[test]
    fn what_went_well_names_its_invocation_where_x_ray_has_it() {
        let [well, badly] = told(&format!("{TRACE};Sampled=0"));
        assert_eq!((span(&well), &span(&badly)["requestId"]), (Value::Null, &ID.into()));
        for line in told(&format!("{TRACE};Sampled=1")) {
            assert_eq!(span(&line)["requestId"], ID);
            assert_eq!(span(&line)["xrayTraceId"], format!("{TRACE};Sampled=1"));
        }
    }

    /// One invocation in twenty is sampled: the cost model counts so much with each line.
    #[test]
    fn a_sampled_invocation_adds_what_the_cost_model_assumes() {
        let bytes = |trace: &str| told(&format!("{TRACE};Sampled={trace}"))[0].len() as f64;
        let assumed: Value =
            serde_json::from_str(include_str!("../../../../infra/cost/assumed.json")).unwrap();
        let more = (bytes("1") - bytes("0")) / 20.0;
        assert!(more <= assumed["log_bytes_per_span"].as_f64().unwrap(), "{more}");
    }
}
