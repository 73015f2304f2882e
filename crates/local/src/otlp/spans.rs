//! Spans as OpenTelemetry has them. Their ids are ours, so no tracer makes them: they go straight to its processor.

use app::ports::Spans;
use domain::trace::{Span, SpanFact, SpanId, SpanWork, TraceId};
use opentelemetry::trace::{Link, SpanContext, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, SamplingDecision, ShouldSample, SpanData, SpanEvents, SpanLinks, SpanProcessor as _,
};
use std::time::Duration;

/// Where spans wait for their export, and whether they do.
pub(super) struct Exported {
    processor: BatchSpanProcessor,
    sampler: Box<dyn ShouldSample>,
    scope: InstrumentationScope,
}

impl Exported {
    pub(super) fn new(exporter: SpanExporter, sampler: Box<dyn ShouldSample>, resource: &Resource) -> Self {
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        processor.set_resource(resource);
        Exported { processor, sampler, scope: InstrumentationScope::builder("carillon").build() }
    }

    /// Exports what waits. It waits itself.
    pub(super) fn shut_down(&self, limit: Duration) {
        // What was not taken by then is lost, and that the collector is away was told.
        let _ = self.processor.shutdown_with_timeout(limit);
    }
}

impl Spans for Exported {
    fn keeps(&self, trace: TraceId) -> bool {
        let trace = trace.get().into();
        let sampled = self.sampler.should_sample(None, trace, "", &SpanKind::Internal, &[], &[]);
        sampled.decision == SamplingDecision::RecordAndSample
    }

    fn ended(&self, span: Span) {
        self.processor.on_end(data(span, self.scope.clone()));
    }
}

fn data(span: Span, scope: InstrumentationScope) -> SpanData {
    let (name, span_kind) = match span.work {
        SpanWork::Poll => ("poll", SpanKind::Internal),
        SpanWork::Commit => ("commit", SpanKind::Internal),
        SpanWork::Notification => ("notification", SpanKind::Producer),
        SpanWork::Attempt => ("attempt", SpanKind::Client),
    };
    let mut links = SpanLinks::default();
    links.links.extend(span.link.map(|(trace, id)| Link::with_context(context(trace, id))));
    let error = span.error.map(|class| KeyValue::new("error.type", class));
    SpanData {
        span_context: context(span.trace, span.id),
        parent_span_id: span.parent.map_or(opentelemetry::trace::SpanId::INVALID, |id| id.get().into()),
        parent_span_is_remote: false,
        span_kind,
        name: name.into(),
        start_time: span.began_at.into(),
        end_time: span.ended_at.into(),
        attributes: span.facts.into_iter().map(attribute).chain(error).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status: span.error.map_or(Status::Unset, Status::error),
        instrumentation_scope: scope,
    }
}

fn context(trace: TraceId, span: SpanId) -> SpanContext {
    SpanContext::new(trace.get().into(), span.get().into(), TraceFlags::SAMPLED, false, TraceState::NONE)
}

fn attribute((name, fact): (&'static str, SpanFact)) -> KeyValue {
    let value: Value = match fact {
        SpanFact::Text(text) => text.into(),
        SpanFact::Number(number) => number.into(),
    };
    KeyValue::new(name, value)
}
