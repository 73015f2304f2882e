//! Jobs as they stand in messages.

use app::ports::Job;
use serde_json::Value;

/// Reads a message; `None` if it is not a job of ours.
///
/// A job is its own message. What Lambda puts aside after its last try may be wrapped: then the job is the
/// request that the wrapping quotes.
pub(crate) fn read(body: &str) -> Option<Job> {
    let value: Value = serde_json::from_str(body).ok()?;
    let job = value.get("requestPayload").unwrap_or(&value);
    serde_json::from_value(job.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::ports::AttemptKey;
    use domain::ids::{InstanceId, Sequence};

    #[test]
    fn jobs_are_read_as_they_are_sent() {
        let instance = InstanceId::parse("17").unwrap();
        let key = AttemptKey { instance, sequence: Sequence(1795), attempt: 1 };
        for job in [Job::Deliver(key), Job::Poll(instance), Job::Release(instance), Job::Purge(instance)] {
            assert_eq!(read(&serde_json::to_string(&job).unwrap()), Some(job));
        }
        // What is in a queue while the functions are replaced.
        assert_eq!(
            read(r#"{"Deliver":{"instance":17,"sequence":1795,"attempt":1}}"#),
            Some(Job::Deliver(key))
        );
        assert_eq!(read(r#"{"Poll":17}"#), Some(Job::Poll(instance)));
    }

    #[test]
    fn a_put_aside_request_is_unwrapped() {
        let wrapped = r#"{"version":"1.0","requestContext":{},"requestPayload":{"Poll":17}}"#;
        assert_eq!(read(wrapped), InstanceId::parse("17").map(Job::Poll));
    }

    #[test]
    fn what_is_no_job_is_not_read() {
        for body in ["", "x", "{}", "[]", r#"{"Poll":"17"}"#, r#"{"Fly":17}"#] {
            assert_eq!(read(body), None, "{body}");
        }
    }
}
