//! The SDK's clients, made once and without a request.

use crate::environment::Environment;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use std::time::Duration;

/// Times of one request: to connect, of one try, and of all tries together.
const CONNECT_S: u64 = 2;
const TRY_S: u64 = 5;
const REQUEST_S: u64 = 12;
/// Tries of one request; the SDK waits longer each time, and less often the more fails.
const TRIES_COUNT_MAX: u32 = 4;

/// One client for each service.
#[derive(Debug, Clone)]
pub struct Clients {
    /// The table.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The queues.
    pub sqs: aws_sdk_sqs::Client,
    /// Schedules of polls and late retries.
    pub scheduler: aws_sdk_scheduler::Client,
    /// Data key, first secrets, and mailbox secrets stored there.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// The event bus.
    pub events: aws_sdk_eventbridge::Client,
}

impl Clients {
    /// For a function: credentials come in its environment, so that no other source of them is set up.
    pub async fn in_a_function(environment: &Environment) -> Self {
        let credentials = EnvironmentVariableCredentialsProvider::new();
        Self::new(&base(environment).credentials_provider(credentials).load().await)
    }

    /// For an operator's machine: credentials from wherever the SDK looks, as profiles.
    pub async fn for_an_operator(environment: &Environment) -> Self {
        Self::new(&base(environment).load().await)
    }

    /// All clients of one configuration.
    pub fn new(config: &SdkConfig) -> Self {
        Clients {
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
            scheduler: aws_sdk_scheduler::Client::new(config),
            secrets: aws_sdk_secretsmanager::Client::new(config),
            events: aws_sdk_eventbridge::Client::new(config),
        }
    }
}

/// `AWS_ENDPOINT_URL`, which leads to a stand-in for all services, is read by the loader.
fn base(environment: &Environment) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(CONNECT_S))
        .operation_attempt_timeout(Duration::from_secs(TRY_S))
        .operation_timeout(Duration::from_secs(REQUEST_S));
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(environment.region.clone()))
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES_COUNT_MAX))
        .timeout_config(timeouts.build())
        .http_client(WhenUsed(
            aws_smithy_http_client::Builder::new()
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .build_https(),
        ))
}

/// Sets up TLS with the first request. The SDK would do it, on trial, for each of its clients: that reads all
/// root certificates five times over before the first event.
#[derive(Debug)]
struct WhenUsed(SharedHttpClient);

impl HttpClient for WhenUsed {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }
}
