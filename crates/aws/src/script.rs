//! An SDK configuration that answers from a script and notes what was asked: for tests without a network.

use app::ports::Clock;
use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One request: what it asks for, and its body.
#[derive(Debug, Clone)]
pub(crate) struct SentRequest {
    /// Method and path, or the operation where a header names it.
    pub(crate) what: String,
    pub(crate) body: Value,
}

impl SentRequest {
    fn of(request: &HttpRequest) -> Self {
        let path = request.uri().trim_start_matches("http://127.0.0.1:1");
        let what = match request.headers().get("x-amz-target") {
            Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
            None => format!("{} {path}", request.method()),
        };
        let body = request.body().bytes().unwrap_or_default();
        SentRequest { what, body: serde_json::from_slice(body).unwrap_or(Value::Null) }
    }
}

/// Answers in order; the last one again and again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    asked: Arc<Mutex<Vec<SentRequest>>>,
}

impl Script {
    pub(crate) fn new(answers: &[(u16, &str)]) -> Self {
        let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        Script { answers: Arc::new(Mutex::new(answers)), asked: Arc::default() }
    }

    pub(crate) fn config(&self) -> SdkConfig {
        config(self.clone())
    }

    pub(crate) fn asked(&self) -> Vec<SentRequest> {
        self.asked.lock().unwrap().clone()
    }

    /// What was asked for, in order.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.what).collect()
    }
}

fn config(client: impl HttpClient + 'static) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url("http://127.0.0.1:1")
        .credentials_provider(aws_sdk_sqs::config::SharedCredentialsProvider::new(credentials()))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .http_client(client)
        .build()
}

fn credentials() -> aws_sdk_sqs::config::Credentials {
    aws_sdk_sqs::config::Credentials::new("test", "test", None, None, "script")
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.asked.lock().unwrap().push(SentRequest::of(&request));
        let mut answers = self.answers.lock().unwrap();
        let (status, body) = match answers.len() {
            0 => (500, String::new()),
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap(),
        };
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))))
    }
}

impl HttpClient for Script {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// Turns of the runtime that an answer takes: whatever does not wait for it is asked for meanwhile.
const TURNS_COUNT: usize = 100;

/// Answers by what is asked for, and tells what was asked for at once: what came before an answer did not wait for it.
#[derive(Debug, Clone)]
pub(crate) struct Rounds {
    answer: fn(&str, &Value) -> Value,
    asked: Arc<Mutex<AskedInRounds>>,
}

#[derive(Debug, Default)]
struct AskedInRounds {
    rounds: Vec<Vec<String>>,
    answered_count: usize,
}

impl Rounds {
    pub(crate) fn new(answer: fn(&str, &Value) -> Value) -> Self {
        Rounds { answer, asked: Arc::default() }
    }

    pub(crate) fn config(&self) -> SdkConfig {
        config(self.clone())
    }

    /// What was asked for in each round, in the order of the alphabet.
    pub(crate) fn rounds(&self) -> Vec<String> {
        let sorted = |mut round: Vec<String>| {
            round.sort_unstable();
            round.join(", ")
        };
        self.asked.lock().unwrap().rounds.iter().cloned().map(sorted).collect()
    }
}

impl HttpConnector for Rounds {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let SentRequest { what, body } = SentRequest::of(&request);
        let answer = (self.answer)(&what, &body).to_string();
        let mut asked = self.asked.lock().unwrap();
        let round = asked.answered_count;
        let rounds_count = asked.rounds.len().max(round + 1);
        asked.rounds.resize_with(rounds_count, Vec::new);
        asked.rounds[round].push(what);
        let asked = self.asked.clone();
        HttpConnectorFuture::new(async move {
            for _ in 0..TURNS_COUNT {
                tokio::task::yield_now().await;
            }
            let mut asked = asked.lock().unwrap();
            asked.answered_count = asked.answered_count.max(round + 1);
            Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from(answer)))
        })
    }
}

impl HttpClient for Rounds {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// Stands still, and notes the waits.
#[derive(Default)]
pub(crate) struct StoppedClock(Mutex<Vec<Duration>>);

impl StoppedClock {
    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for StoppedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000, 0).unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }
}
