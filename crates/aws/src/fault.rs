//! What may be said of a request that failed.

use app::ports::PortError;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};

/// Maximum characters of a service's own words.
const MESSAGE_CHARS_MAX: usize = 400;
/// Errors whose words are needed to mend them. They name actions, roles and resources of the stack; the words of
/// other errors can quote what was sent.
const WITH_WORDS: [&str; 4] =
    ["AccessDenied", "AccessDeniedException", "ResourceNotFoundException", "QueueDoesNotExist"];

/// Why a request failed: the service's code, or how far the request came. Nothing of what was sent or answered.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(String);

impl Fault {
    /// Of an answer that says what it did not take.
    pub(crate) fn of_code(code: &str) -> Self {
        Fault(code.to_owned())
    }
}

/// There is more than one call reads: another one would not come to the end either. The source of a [`PortError`], so
/// that it can be told from what passes.
#[derive(Debug, thiserror::Error)]
#[error("there is more than one call reads")]
pub(crate) struct TooMuch;

/// Makes a [`PortError`] of an SDK's error.
pub(crate) fn fault<E, R>(context: &'static str) -> impl FnOnce(SdkError<E, R>) -> PortError
where
    E: ProvideErrorMetadata,
{
    move |error| PortError::new(context, Fault(in_words(&error)))
}

/// The service's code, if it answered with an error.
pub(crate) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> &str {
    error.code().unwrap_or_default()
}

fn in_words<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ConstructionFailure(_) => "the request could not be made".to_owned(),
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "no connection in time".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_io() => "no connection".to_owned(),
        SdkError::DispatchFailure(_) => "the request was not sent: connection or credentials".to_owned(),
        SdkError::ResponseError(_) => "an answer that is not understood".to_owned(),
        SdkError::ServiceError(_) => {
            of_service(error.code().unwrap_or("an error without code"), error.message())
        }
        _ => "an error of a new kind".to_owned(),
    }
}

fn of_service(code: &str, message: Option<&str>) -> String {
    match message {
        Some(message) if WITH_WORDS.contains(&code) => {
            format!("{code}: {}", message.chars().take(MESSAGE_CHARS_MAX).collect::<String>())
        }
        _ => code.to_owned(),
    }
}

/// An error with its causes, on one line: for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_that_name_resources_keep_their_words() {
        let denied = of_service("AccessDeniedException", Some("role x may not do y"));
        assert_eq!(denied, "AccessDeniedException: role x may not do y");
        let quoted = of_service("ValidationException", Some("Value 's3cret' is too long"));
        assert_eq!(quoted, "ValidationException");
    }

    #[test]
    fn a_chain_is_one_line() {
        let error = PortError::new("send jobs", Fault("Throttled".to_owned()));
        assert_eq!(chain(&error), "send jobs: Throttled");
    }
}
