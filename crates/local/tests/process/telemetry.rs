//! Metrics and traces as a collector gets them: over a socket, decoded by the protocol's own types.

use crate::process::Process;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as Url, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use doubles::Received;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point::Value as Number};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use scenarios::{Callback, Mailbox, Outside, until};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A collector that keeps what it got.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Got>>);

#[derive(Default)]
struct Got {
    headers: Vec<HeaderMap>,
    metrics: Vec<Metric>,
    spans: Vec<Span>,
    resources: Vec<Resource>,
}

impl Collector {
    /// Returns where it listens.
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/{signal}", post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn spans(&self, name: &str) -> Vec<Span> {
        self.0.lock().unwrap().spans.iter().filter(|span| span.name == name).cloned().collect()
    }

    /// The newest of this name.
    fn metric(&self, name: &str) -> Option<Metric> {
        self.0.lock().unwrap().metrics.iter().rev().find(|metric| metric.name == name).cloned()
    }
}

async fn take(
    State(to): State<Collector>,
    Url(signal): Url<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut got = to.0.lock().unwrap();
    got.headers.push(headers);
    match signal.as_str() {
        "metrics" => {
            for one in ExportMetricsServiceRequest::decode(body).unwrap().resource_metrics {
                got.resources.extend(one.resource);
                got.metrics.extend(one.scope_metrics.into_iter().flat_map(|scope| scope.metrics));
            }
        }
        "traces" => {
            for one in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
                got.resources.extend(one.resource);
                got.spans.extend(one.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        _ => return StatusCode::NOT_FOUND,
    }
    StatusCode::OK
}

fn facts(all: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    };
    all.iter().map(|fact| (fact.key.clone(), text(&fact.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn header(post: &Received, name: &str) -> String {
    post.headers[name].to_str().unwrap().to_owned()
}

/// A mailbox that got a message whose callback failed once, with these variables beside the collector's address.
async fn delivered(
    folder: &Path,
    log: &Path,
    variables: &[(&str, &str)],
) -> (Process, Outside, u64, Vec<Received>) {
    let outside = Outside::start().await;
    let process = Process::start_logged_with(&outside, folder, log, variables).await;
    let (mailbox, callback) = (Mailbox::gmail(&outside, "traced"), Callback::new(&outside, "traced"));
    let id = process.client.connect(&mailbox, &callback).await.id;
    outside.receiver.answer_next(500);
    mailbox.deliver();
    process.poll_until_read(id).await;
    let posts = callback.wait_for_posts(2).await;
    (process, outside, id, posts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_gets_one_trace_of_a_notification_that_leads_to_its_polls() {
    let (collector, folder) = (Collector::default(), tempfile::tempdir().unwrap());
    let address = collector.start().await;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", address.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a-key"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];
    let log = folder.path().join("log");
    let (process, _outside, id, posts) = delivered(folder.path(), &log, &variables).await;
    let id = id.to_string();
    // What waits is sent before the process ends.
    process.terminate().await;
    let attempts = collector.spans("attempt");
    let [notification] = collector.spans("notification").try_into().unwrap();
    let [commit] = collector.spans("commit").try_into().unwrap();
    let ours: BTreeSet<String> =
        attempts.iter().map(|span| format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id))).collect();
    assert_eq!(ours, posts.iter().map(|post| header(post, "traceparent")).collect());
    for attempt in &attempts {
        assert_eq!(
            (&attempt.trace_id, &attempt.parent_span_id),
            (&notification.trace_id, &notification.span_id)
        );
        assert!(
            attempt.end_time_unix_nano >= attempt.start_time_unix_nano && attempt.start_time_unix_nano > 0
        );
    }
    let verdicts: BTreeSet<(String, String)> = attempts
        .iter()
        .map(|span| facts(&span.attributes))
        .map(|facts| (facts["verdict"].clone(), facts["http.response.status_code"].clone()))
        .collect();
    let told = |verdict: &str, status: &str| (verdict.to_owned(), status.to_owned());
    assert_eq!(verdicts, BTreeSet::from([told("retry", "500"), told("delivered", "200")]));
    let begun = facts(&notification.attributes);
    assert_eq!((&begun["event.id"], &begun["instance.id"]), (&header(&posts[0], "elements-webhook-id"), &id));
    // One trace leads to the other.
    assert!(notification.parent_span_id.is_empty() && notification.links.len() == 1);
    let link = &notification.links[0];
    assert_eq!((&link.trace_id, &link.span_id), (&commit.trace_id, &commit.span_id));
    let polls = collector.spans("poll");
    let poll = polls.iter().find(|poll| poll.trace_id == commit.trace_id).unwrap();
    assert_eq!(commit.parent_span_id, poll.span_id);
    let read = facts(&poll.attributes);
    assert_eq!(
        (read["end"].as_str(), read["connector"].as_str(), &read["instance.id"]),
        ("found", "gmail", &id)
    );
    assert_eq!(facts(&commit.attributes)["notifications"], "1");
    let got = collector.0.lock().unwrap();
    assert!(got.headers.iter().all(|headers| headers["x-key"] == "a-key"));
    for resource in &got.resources {
        let named = facts(&resource.attributes);
        assert_eq!(
            (named["service.name"].as_str(), named["deployment.environment.name"].as_str()),
            ("carillon", "test")
        );
    }
    // None of it names a person, a callback's address or a subject.
    let all = format!("{:?}", got.spans);
    assert!(!all.contains('@') && !all.contains("http://"), "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_gets_the_same_numbers_as_a_scraper() {
    let (collector, folder) = (Collector::default(), tempfile::tempdir().unwrap());
    let address = format!("{}/v1/metrics", collector.start().await);
    let variables = [
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", address.as_str()),
        ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
        ("OTEL_SERVICE_NAME", "mail"),
    ];
    let log = folder.path().join("log");
    let (process, ..) = delivered(folder.path(), &log, &variables).await;
    let number = |name: &str, label: (&str, &str)| {
        let points = match collector.metric(name)?.data? {
            Data::Sum(sum) => sum.data_points,
            Data::Gauge(gauge) => gauge.data_points,
            _ => return None,
        };
        let found = points
            .into_iter()
            .find(|point| facts(&point.attributes).get(label.0).is_some_and(|v| v == label.1));
        match found?.value? {
            Number::AsInt(number) => Some(number as f64),
            Number::AsDouble(number) => Some(number),
        }
    };
    until("both attempts are counted", async || {
        let counted = |verdict| number("carillon_delivery_attempts", ("verdict", verdict)) == Some(1.0);
        (counted("retry") && counted("delivered")).then_some(())
    })
    .await;
    process.terminate().await;
    assert_eq!(number("carillon_polls", ("end", "found")), Some(1.0));
    // Counted when the process began, and not again within the half minute.
    assert_eq!(number("carillon_mailboxes", ("status", "healthy")), Some(0.0));
    let arrived = collector.metric("carillon_commit_to_callback").unwrap();
    assert_eq!(arrived.unit, "s");
    let Some(Data::Histogram(arrived)) = arrived.data else { panic!("no histogram") };
    assert_eq!((arrived.data_points[0].count, arrived.data_points[0].explicit_bounds.len()), (1, 11));
    let Some(Data::Histogram(store)) = collector.metric("carillon_store").unwrap().data else {
        panic!("no histogram")
    };
    assert!(store.data_points.len() == 2 && store.data_points.iter().all(|point| point.count > 0));
    assert!(collector.spans("poll").is_empty(), "only metrics have an address");
    assert!(
        collector
            .0
            .lock()
            .unwrap()
            .resources
            .iter()
            .all(|one| facts(&one.attributes)["service.name"] == "mail")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sampled_is_not_sent_and_the_callback_is_told_so() {
    let (collector, folder) = (Collector::default(), tempfile::tempdir().unwrap());
    let address = collector.start().await;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", address.as_str()),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0"),
    ];
    let log = folder.path().join("log");
    let (process, _outside, _, posts) = delivered(folder.path(), &log, &variables).await;
    process.terminate().await;
    assert!(posts.iter().all(|post| header(post, "traceparent").ends_with("-00")));
    assert!(collector.0.lock().unwrap().headers.is_empty());
}

/// It accepts connections and never answers; deliveries go on, and so does the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_collector_delays_nothing_and_is_told_once() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", address.as_str()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "200"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "50"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        // Full after the first ones.
        ("OTEL_BSP_MAX_QUEUE_SIZE", "2"),
    ];
    let log = folder.path().join("log");
    let (process, ..) = delivered(folder.path(), &log, &variables).await;
    let told = || std::fs::read_to_string(&log).unwrap().matches("otlp.refused").count();
    until("it is told", async || (told() > 0).then_some(())).await;
    process.terminate().await;
    assert_eq!(told(), 1, "once, however many exports failed");
}
