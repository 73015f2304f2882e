//! Positions and pages that nobody meant.

use super::*;

fn polled(answers: &[(u16, &str)], cursor: &Value, past: &Past, date: Option<&'static str>) -> Step {
    let script = Script::new(answers, REQUIRED, date);
    now(Outlook.poll(&call(&script), &resource("/messages"), cursor, past)).ok().unwrap()
}

/// An older version followed a clock that was ahead: what comes lies behind the position. It goes back, asks the event log
/// for everything, and says what it can't know.
#[test]
fn a_position_that_lies_in_the_future_heals() {
    let past = Past {
        baseline_at: at() - chrono::Duration::days(30),
        last_success_at: at(),
        failures: 0,
        log_since: DateTime::UNIX_EPOCH,
        number: None,
    };
    for watermark in [at().timestamp() + 600, 253_402_300_799] {
        let step =
            polled(&[(200, EMPTY)], &json!({ "watermark": watermark, "memory": [] }), &past, Some(DATE));
        let (from, reason) = step.gap.clone().unwrap();
        assert_eq!(from, past.baseline_at);
        assert!(reason.starts_with("the position lay ahead of the clock"), "{reason}");
        assert!(step.moved && step.more && step.changes.is_empty());
        let next = polled(&[(200, LIST)], &step.cursor, &past, Some(DATE));
        assert_eq!(next.changes.len(), 2);
        assert!(next.changes.iter().all(|change| change.recheck), "the log knows what was told before");
        assert!(next.gap.is_none() && next.cursor["watermark"].as_i64().unwrap() <= at().timestamp());
        assert!(next.cursor["again_until"].is_null(), "{}", next.cursor);
    }
}

/// All that may have been missed is read again: then nothing is missing.
#[test]
fn a_young_position_that_lies_in_the_future_heals_without_a_gap() {
    let past = Past {
        baseline_at: at() - chrono::Duration::hours(2),
        last_success_at: at(),
        failures: 0,
        log_since: DateTime::UNIX_EPOCH,
        number: None,
    };
    let ahead = json!({ "watermark": at().timestamp() + 600, "memory": [] });
    let step = polled(&[(200, EMPTY)], &ahead, &past, Some(DATE));
    assert!(step.gap.is_none() && step.more);
}

/// A step that comes to pages it knows keeps its way when a later page is refused.
#[test]
fn a_page_that_is_refused_takes_nothing_with_it() {
    let row = |n: usize| json!({ "id": format!("m{n}"), "changeKey": "k", "lastModifiedDateTime": format!("2026-11-22T11:5{}:00Z", n / 100) });
    let rows: Vec<Value> = (0..300).map(row).collect();
    let page = |from: usize, to: usize| json!({ "value": rows[from..to] }).to_string();
    let mut known = cursor();
    for (from, to) in [(0, 100), (50, 300)] {
        known = poll_at(&[(200, &page(from, to))], &known, "/messages").0.ok().unwrap().cursor;
    }
    // Asked for in pages of a hundred, as a configuration may say that has changed since.
    let whole =
        json!({ "value": rows, "@odata.nextLink": "http://graph/v1.0/me/messages?$skip=300" }).to_string();
    let (step, asked) = poll_at(&[(200, &whole), (429, "{}")], &known, "/messages");
    let step = step.ok().unwrap();
    assert_eq!(asked.len(), 2);
    assert_eq!(step.halted.map(|error| error.kind), Some(ErrorKind::RateLimited));
    assert!(step.moved && step.more && step.changes.is_empty());
    assert_eq!(step.cursor["walk"]["position"], at().timestamp() - 8 * 60, "behind what it knows");
}

/// It would be as long again: nobody waits for three failures, and nothing is asked for in the same way.
#[test]
fn a_page_that_is_too_long_is_asked_for_in_parts_at_once() {
    let long = format!(r#"{{"value":[{{"id":"m","subject":"{}"}}]}}"#, "x".repeat(7 * 1024 * 1024));
    let (step, asked) = poll_at(&[(200, &long), (200, &long), (200, LIST)], &cursor(), "/messages");
    let step = step.ok().unwrap();
    assert_eq!((step.changes.len(), step.halted.is_none()), (2, true), "{asked:?}");
    let rows_count =
        |url: &String| url.split("top=").nth(1).unwrap().split('&').next().unwrap().parse::<usize>().unwrap();
    let counts: Vec<usize> = asked.iter().map(rows_count).collect();
    assert_eq!(counts, [100, 25, 6]);
}
