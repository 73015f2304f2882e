//! Metrics and traces by OTLP, where the standard `OTEL_*` variables ask for it. Threads and queues of their own, with
//! limits: a collector that is slow or away takes nothing from the work, and loses only what was meant for itself.

mod client;
mod meters;
mod spans;
mod wanted;

use crate::metrics::Metrics;
use app::ports::{Http, Spans};
use client::Client;
use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::Config;
use spans::Exported;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

pub use wanted::Wanted;

/// At the end what waits has so long to go out.
const FLUSH: Duration = Duration::from_secs(3);

/// A process's exports.
#[derive(Default)]
pub(crate) struct Otlp {
    spans: Option<Arc<Exported>>,
    metrics: Option<(MetricExporter, Resource)>,
    running: Option<opentelemetry_sdk::metrics::SdkMeterProvider>,
}

impl Otlp {
    /// Ready for what is wanted. Whatever is wrong with it is told, and the process goes on without.
    pub(crate) fn new(wanted: &Wanted, http: Arc<dyn Http>) -> Self {
        if !wanted.metrics && !wanted.traces {
            return Otlp::default();
        }
        if let Some(variable) = wanted.unspoken {
            tracing::warn!(variable, "otlp.protocol_unspoken: it is http/protobuf");
        }
        Self::made(wanted, http).unwrap_or_else(|error| {
            tracing::error!(error = %error, "otlp.not_started");
            Otlp::default()
        })
    }

    fn made(wanted: &Wanted, http: Arc<dyn Http>) -> Result<Self, ExporterBuildError> {
        let client = Client::new(http, Handle::current(), wanted.timeout_ms);
        // Reads the sampler and the resource from their variables.
        let config = Config::default();
        let resource = named(config.resource.into_owned());
        let mut otlp = Otlp::default();
        if wanted.traces {
            let exporter = SpanExporter::builder().with_http().with_http_client(client.clone()).build()?;
            otlp.spans = Some(Arc::new(Exported::new(exporter, config.sampler, &resource)));
        }
        if wanted.metrics {
            let exporter = MetricExporter::builder().with_http().with_http_client(client).build()?;
            otlp.metrics = Some((exporter, resource));
        }
        Ok(otlp)
    }

    /// Where spans go.
    pub(crate) fn spans(&self) -> Option<Arc<dyn Spans>> {
        self.spans.clone().map(|spans| spans as Arc<dyn Spans>)
    }

    /// Exports these from now on.
    pub(crate) async fn measure(&mut self, metrics: Metrics) {
        let Some((exporter, resource)) = self.metrics.take() else { return };
        match metrics.all().await {
            Ok(first) => self.running = Some(meters::provider(exporter, resource, metrics, &first)),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "otlp.not_started");
            }
        }
    }

    /// Exports what waits, and ends.
    pub(crate) async fn shut_down(self) {
        let spans = self.spans.map(|spans| ended(move || spans.shut_down(FLUSH)));
        let metrics = self.running.map(|running| ended(move || drop(running.shutdown())));
        let all = async {
            for one in [spans, metrics].into_iter().flatten() {
                let _ = one.await;
            }
        };
        if tokio::time::timeout(FLUSH, all).await.is_err() {
            tracing::warn!("otlp.stopped_with_some_left");
        }
    }
}

/// On a thread that the runtime does not wait for.
fn ended(work: impl FnOnce() + Send + 'static) -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        work();
        let _ = sender.send(());
    });
    receiver
}

/// With our name, unless it was given one.
fn named(resource: Resource) -> Resource {
    let name = resource.get(&Key::new("service.name")).map(|name| name.to_string());
    if name.is_some_and(|name| !name.starts_with("unknown_service")) {
        return resource;
    }
    Resource::builder().with_attribute(KeyValue::new("service.name", "carillon")).build()
}
