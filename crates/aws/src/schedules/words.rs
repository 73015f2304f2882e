//! Names and expressions of schedules, in Scheduler's own language.

use app::ports::Job;
use chrono::{DateTime, Utc};

/// Runs every so many seconds, in whole minutes: `rate(1 minute)`, `rate(15 minutes)`.
pub(super) fn rate(interval_s: u32) -> String {
    match (interval_s / 60).max(1) {
        1 => "rate(1 minute)".to_owned(),
        minutes => format!("rate({minutes} minutes)"),
    }
}

/// The other way round; `None` if it is not [`rate`]'s.
pub(super) fn interval_s(expression: &str) -> Option<u32> {
    let (number, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let minutes: u32 = number.parse().ok()?;
    matches!(unit, "minute" | "minutes").then_some(minutes.checked_mul(60)?)
}

/// Runs once, at a whole second that is not before the time. In UTC, which is what Scheduler assumes.
pub(super) fn at(time: DateTime<Utc>) -> String {
    let second = DateTime::from_timestamp(whole_second(time), 0).unwrap_or(time);
    second.format("at(%Y-%m-%dT%H:%M:%S)").to_string()
}

/// What a schedule for one job is called: the same for the same job at the same time, so that sending it again
/// makes no second one.
pub(super) fn once_name(job: &Job, due_at: DateTime<Utc>) -> String {
    let instance = job.instance().map(|id| id.to_string()).unwrap_or_default();
    let second = whole_second(due_at);
    match job {
        Job::Deliver(key) => format!("once-{instance}-d-{}-{}-{second}", key.sequence.0, key.attempt),
        Job::Poll(_) => format!("once-{instance}-poll-{second}"),
        Job::Hinted { hint, .. } => format!("once-{instance}-hint-{}-{second}", hint.looks),
        Job::Release(_) => format!("once-{instance}-release-{second}"),
        Job::Purge(_) => format!("once-{instance}-purge-{second}"),
        Job::Settle { .. } => format!("once-{instance}-settle-{second}"),
        Job::Bulk { organization_id, id } => format!("once-bulk-{organization_id}-{id}-{second}"),
        // A due time of its own, and 64 characters at most: the id is of one organization.
        Job::Tell { id, .. } => format!("once-tell-{id}-{second}"),
    }
}

/// Epoch seconds, rounded up: a job may come late, not early.
fn whole_second(time: DateTime<Utc>) -> i64 {
    time.timestamp() + i64::from(time.timestamp_subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::ports::AttemptKey;
    use domain::bulk::BulkId;
    use domain::health_ledger::HealthEventId;
    use domain::ids::{InstanceId, Sequence};
    use domain::push::Hint;

    /// What Scheduler takes as a name: 1 to 64 letters, digits, `-`, `_`, `.`.
    fn is_name(text: &str) -> bool {
        (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    }

    /// What Scheduler takes as an expression, as far as we use it. Stand-ins take anything.
    fn is_expression(text: &str) -> bool {
        let Some((kind, rest)) = text.split_once('(') else { return false };
        let Some(inner) = rest.strip_suffix(')') else { return false };
        match kind {
            "rate" => match inner.split_once(' ') {
                Some(("1", unit)) => unit == "minute",
                Some((number, unit)) => {
                    unit == "minutes" && number.parse().is_ok_and(|n: u32| n > 1 && !number.starts_with('0'))
                }
                None => false,
            },
            "at" => {
                inner.len() == 19 && chrono::NaiveDateTime::parse_from_str(inner, "%Y-%m-%dT%H:%M:%S").is_ok()
            }
            _ => false,
        }
    }

    fn time(micros: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(micros).unwrap()
    }

    #[test]
    fn rates_are_singular_and_plural() {
        assert_eq!(rate(60), "rate(1 minute)");
        assert_eq!(rate(120), "rate(2 minutes)");
        assert_eq!(rate(900), "rate(15 minutes)");
        for interval_s in [1, 59, 60, 61, 120, 3_600, 86_400, u32::MAX] {
            assert!(is_expression(&rate(interval_s)), "{}", rate(interval_s));
        }
        assert!(!is_expression("rate(1 minutes)") && !is_expression("rate(2 minute)"));
        assert!(!is_expression("every banana") && !is_expression("rate(0 minutes)"));
    }

    #[test]
    fn a_rate_is_read_back() {
        for interval_s in [60, 120, 900, 86_400] {
            assert_eq!(super::interval_s(&rate(interval_s)), Some(interval_s));
        }
        assert_eq!(super::interval_s("cron(0 0 * * ? *)"), None);
    }

    #[test]
    fn a_time_is_rounded_up_to_a_second() {
        assert_eq!(at(time(1_795_000_000_000_000)), "at(2026-11-18T11:06:40)");
        assert_eq!(at(time(1_795_000_000_000_001)), "at(2026-11-18T11:06:41)");
        assert!(is_expression(&at(time(1_795_000_019_999_999))));
        assert!(!is_expression("at(2026-11-18 11:06:40)") && !is_expression("at(2026-11-18T11:06:40Z)"));
    }

    #[test]
    fn names_fit_also_at_the_largest_numbers() {
        let instance = InstanceId::from_bytes([0xff; 4]);
        let key = AttemptKey { instance, sequence: Sequence((1 << 53) - 1), attempt: u32::MAX };
        let due_at = time(32_503_680_000_000_000);
        let jobs = [
            Job::Deliver(key),
            Job::Poll(instance),
            Job::Release(instance),
            Job::Purge(instance),
            Job::Settle { instance, since: due_at },
            Job::Bulk { organization_id: u32::MAX, id: BulkId::new(due_at, u16::MAX) },
            Job::Tell { organization_id: u32::MAX, instance: None, id: HealthEventId::first_at(due_at) },
            Job::Hinted { instance, hint: Hint { at: due_at, position: Some(u64::MAX), looks: u8::MAX } },
        ];
        let names: std::collections::BTreeSet<String> =
            jobs.iter().map(|job| once_name(job, due_at)).collect();
        assert_eq!(names.len(), jobs.len());
        for name in &names {
            assert!(is_name(name), "{name} has {} characters", name.len());
            assert!(InstanceId::parse(name).is_none(), "an instance's own schedule is called by a number");
        }
        assert!(is_name("2147483647") && !is_name("") && !is_name("a b") && !is_name(&"x".repeat(65)));
    }
}
