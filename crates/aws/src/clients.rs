//! The SDK's clients, made once and without a request.

use crate::environment::Environment;
use crate::sdk_http::SdkHttp;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_types::retry::ReconnectMode;
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
    /// For a function: credentials and the address of a stand-in (`AWS_ENDPOINT_URL`) come in its environment alone.
    /// The SDK's loader would look for files first, and link every other source of credentials.
    pub fn in_a_function(environment: &Environment) -> Self {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region(environment))
            .credentials_provider(SharedCredentialsProvider::new(
                EnvironmentVariableCredentialsProvider::new(),
            ))
            .retry_config(retries())
            .timeout_config(timeouts())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SharedTimeSource::default())
            .http_client(SdkHttp::default());
        config.set_endpoint_url(environment.endpoint_url.clone());
        Self::new(&config.build())
    }

    /// For an operator's machine: credentials from wherever the SDK looks, as profiles.
    pub async fn for_an_operator(environment: &Environment) -> Self {
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .region(region(environment))
            .retry_config(retries())
            .timeout_config(timeouts())
            .http_client(SdkHttp::default());
        Self::new(&loader.load().await)
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

fn region(environment: &Environment) -> Region {
    Region::new(environment.region.clone())
}

/// After a failure the client itself takes another connection.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(TRIES_COUNT_MAX)
        .with_reconnect_mode(ReconnectMode::ReuseAllConnections)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(CONNECT_S))
        .operation_attempt_timeout(Duration::from_secs(TRY_S))
        .operation_timeout(Duration::from_secs(REQUEST_S))
        .build()
}
