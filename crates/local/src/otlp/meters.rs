//! The process's counts as OpenTelemetry has them: under the names that a Prometheus behind a collector gives them again.

use crate::metrics::Metrics;
use app::signals::{Label, Metric, Readings, Sample, Timed};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// One export asks for each metric by itself: what was read so short a time ago serves them all.
const KEPT: Duration = Duration::from_secs(1);
/// For reading the database; the exporter's thread waits for it, and nobody else.
const READ: Duration = Duration::from_secs(10);

/// Begins to export these.
pub(super) fn provider(
    exporter: MetricExporter,
    resource: Resource,
    metrics: Metrics,
    first: &[Metric],
) -> SdkMeterProvider {
    let provider =
        SdkMeterProvider::builder().with_periodic_exporter(exporter).with_resource(resource).build();
    let meter = provider.meter("carillon");
    metrics.timed().iter().for_each(|timed| also_record(&meter, timed));
    let last = Arc::new(Last {
        metrics,
        runtime: Handle::current(),
        kept: Mutex::new((Instant::now(), first.to_vec())),
    });
    first.iter().for_each(|metric| observe(&meter, metric, &last));
    provider
}

/// From now on each time goes there too: a distribution can't be handed on as a whole.
fn also_record(meter: &Meter, timed: &Timed<'_>) {
    let (name, unit) = exported(timed.name);
    let histogram = meter.f64_histogram(name).with_description(timed.help).with_unit(unit);
    let histogram = histogram.with_boundaries(timed.histogram.bounds_s().to_vec()).build();
    let labels = labels(&timed.labels);
    timed.histogram.also_tell(Box::new(move |seconds| histogram.record(seconds, &labels)));
}

fn observe(meter: &Meter, metric: &Metric, last: &Arc<Last>) {
    let (name, unit) = exported(metric.name);
    let (last, key) = (last.clone(), metric.name);
    match metric.readings {
        Readings::Counters(_) => {
            let counter = meter.u64_observable_counter(name).with_description(metric.help).with_unit(unit);
            let each = move |sample: &Sample| (sample.value as u64, labels(&sample.labels));
            let counter = counter.with_callback(move |to| {
                last.samples(key).iter().map(each).for_each(|(value, labels)| to.observe(value, &labels));
            });
            counter.build();
        }
        Readings::Gauges(_) => {
            let gauge = meter.f64_observable_gauge(name).with_description(metric.help).with_unit(unit);
            let gauge = gauge.with_callback(move |to| {
                last.samples(key).iter().for_each(|sample| to.observe(sample.value, &labels(&sample.labels)));
            });
            gauge.build();
        }
        Readings::Histograms(_) => {}
    }
}

/// Name and unit: what makes a Prometheus name of them puts the rest behind them again.
fn exported(name: &'static str) -> (&'static str, &'static str) {
    let name = name.strip_suffix("_total").unwrap_or(name);
    name.strip_suffix("_seconds").map_or((name, ""), |name| (name, "s"))
}

fn labels(of: &[Label]) -> Vec<KeyValue> {
    of.iter().map(|(name, value)| KeyValue::new(*name, value.clone())).collect()
}

/// What was read last.
struct Last {
    metrics: Metrics,
    runtime: Handle,
    kept: Mutex<(Instant, Vec<Metric>)>,
}

impl Last {
    /// Of this metric, read again if need be. Without an answer what was read before stands.
    fn samples(&self, name: &str) -> Vec<Sample> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0.elapsed() > KEPT {
            if let Some(read) = self.read() {
                kept.1 = read;
            }
            kept.0 = Instant::now();
        }
        match kept.1.iter().find(|metric| metric.name == name).map(|metric| &metric.readings) {
            Some(Readings::Counters(samples) | Readings::Gauges(samples)) => samples.clone(),
            _ => Vec::new(),
        }
    }

    fn read(&self) -> Option<Vec<Metric>> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let metrics = self.metrics.clone();
        self.runtime.spawn(async move { sender.try_send(metrics.all().await) });
        match receiver.recv_timeout(READ).ok()? {
            Ok(read) => Some(read),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "metrics.failed");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leaves_its_unit_to_the_unit() {
        assert_eq!(exported("carillon_polls_total"), ("carillon_polls", ""));
        assert_eq!(exported("carillon_store_seconds"), ("carillon_store", "s"));
        assert_eq!(exported("carillon_mailboxes"), ("carillon_mailboxes", ""));
    }
}
