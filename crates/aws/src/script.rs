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
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url("http://127.0.0.1:1")
            .credentials_provider(aws_sdk_sqs::config::SharedCredentialsProvider::new(credentials()))
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .http_client(self.clone())
            .build()
    }

    pub(crate) fn asked(&self) -> Vec<SentRequest> {
        self.asked.lock().unwrap().clone()
    }

    /// What was asked for, in order.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.what).collect()
    }
}

fn credentials() -> aws_sdk_sqs::config::Credentials {
    aws_sdk_sqs::config::Credentials::new("test", "test", None, None, "script")
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").map(|target| target.to_owned());
        let path = request.uri().trim_start_matches("http://127.0.0.1:1").to_owned();
        let what = match target {
            Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
            None => format!("{} {path}", request.method()),
        };
        let body = request.body().bytes().unwrap_or_default();
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        self.asked.lock().unwrap().push(SentRequest { what, body });
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
