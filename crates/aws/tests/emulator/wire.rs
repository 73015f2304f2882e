//! The way to the emulator: it counts what is asked for, and can lose an answer after the deed.

use crate::meter::{Meter, Units};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone)]
pub(crate) struct Wire {
    inner: aws::SdkHttp,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    asked: Vec<String>,
    /// What the table's requests cost, where somebody counts.
    units: Option<Units>,
    lose: Option<Loss>,
}

/// An answer to lose: to this operation, after so many others to it.
#[derive(Debug, Clone, Copy)]
struct Loss {
    operation: &'static str,
    others_count: u32,
}

impl State {
    /// Whether the answer to this operation gets lost.
    fn loses(&mut self, operation: &str) -> bool {
        let Some(loss) = self.lose.as_mut().filter(|loss| loss.operation == operation) else { return false };
        match loss.others_count.checked_sub(1) {
            Some(left) => loss.others_count = left,
            None => self.lose = None,
        }
        self.lose.is_none()
    }
}

impl Wire {
    pub(crate) fn new() -> Self {
        Wire { inner: aws::SdkHttp::default(), state: Arc::default() }
    }

    /// Clients that go this way, as an administrator of the emulator.
    pub(crate) fn config(&self) -> SdkConfig {
        #[allow(clippy::disallowed_methods)] // where the emulator is, is told to the test alone
        let endpoint = std::env::var("AWS_ENDPOINT_URL").expect("AWS_ENDPOINT_URL names the emulator");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(endpoint)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "test", "test", None, None, "test",
            )))
            .retry_config(aws_config::retry::RetryConfig::standard())
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .http_client(self.clone())
            .build()
    }

    /// Operations since the last look, in order.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    /// Units consumed since the last look; the first look begins to count.
    pub(crate) fn take_units(&self) -> Units {
        self.state.lock().unwrap().units.replace(Units::default()).unwrap_or_default()
    }

    /// The next answer to this operation gets lost: the deed is done, the caller knows nothing.
    pub(crate) fn lose_answer_to(&self, operation: &'static str) {
        self.lose_answer_after(operation, 0);
    }

    /// The same of one after so many others.
    pub(crate) fn lose_answer_after(&self, operation: &'static str, others_count: u32) {
        self.state.lock().unwrap().lose = Some(Loss { operation, others_count });
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    state: Arc<Mutex<State>>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let (is_lost, is_counted) = {
            let mut state = self.state.lock().unwrap();
            let is_lost = state.loses(&operation);
            state.asked.push(operation.clone());
            (is_lost, state.units.is_some())
        };
        let (inner, state) = (self.inner.clone(), self.state.clone());
        HttpConnectorFuture::new(async move {
            let meter = if is_counted { Meter::of(&inner, &request, &operation) } else { None };
            let before = match &meter {
                Some(meter) => meter.before().await,
                None => Vec::new(),
            };
            let answer = inner.call(request).await;
            if let Some(meter) = meter {
                let units = meter.units(before).await;
                state.lock().unwrap().units.get_or_insert_default().add(units);
            }
            match answer {
                Ok(_) if is_lost => Err(ConnectorError::io("the answer got lost".into())),
                answer => answer,
            }
        })
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, state: self.state.clone() })
    }
}
