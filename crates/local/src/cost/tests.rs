use super::data::Data;
use super::*;
use crate::command_line::{Command, CommandLine};
use clap::Parser as _;

fn question(words: &[&str]) -> Question {
    let words = ["carillon", "cost"].iter().chain(words);
    match CommandLine::try_parse_from(words).unwrap().command {
        Command::Cost(question) => question,
        other => panic!("{other:?}"),
    }
}

fn usd(words: &[&str]) -> f64 {
    answer(&Data::built_in().unwrap(), &question(words)).unwrap().usd()
}

/// A poll every 15 minutes and nothing else, by hand: starts, requests, 37.5 ms·GB each, and read units.
#[test]
fn an_idle_mailbox_costs_what_a_calculator_says() {
    let data = Data::built_in().unwrap();
    let question = question(&["--notifications-per-day", "0", "--secrets", "sealed"]);
    let answer = answer(&data, &question).unwrap();
    let lines = &answer.bills[0].1;
    let starts = lines.iter().find(|line| line.unit == "starts").unwrap();
    assert_eq!((starts.count, starts.usd), (2920.0, 0.00292));
    let time = lines.iter().find(|line| line.unit == "GB·s").unwrap();
    assert!((time.usd - 2920.0 * 0.2 * 0.1875 * 13.3334 / 1e6).abs() < 1e-12, "{time:?}");
    assert_eq!(answer.floor_usd, 0.00292);
}

/// A tick of ten seconds has 1,111 of 100,000 mailboxes, in 45 letters of at most 25, three rounds of ten each.
#[test]
fn a_tick_s_cost_is_shared_by_its_members() {
    let data = Data::built_in().unwrap();
    let question = question(&["--secrets", "sealed", "--mailboxes-per-tick", "25"]);
    let lines = &answer(&data, &question).unwrap().bills[0].1;
    let idle = |service, unit| {
        let is_it = |line: &&Line| {
            line.cause == bill::Cause::IdlePolls && line.service == service && line.unit == unit
        };
        lines.iter().find(is_it).unwrap().count
    };
    let ticks = 2920.0 * 90.0 / 100_000.0;
    let near = |counted: f64, by_hand: f64| assert!((counted - by_hand).abs() < 1e-9, "{counted} {by_hand}");
    near(idle(bill::Service::Scheduler, "starts"), ticks);
    near(idle(bill::Service::Lambda, "requests"), ticks * 46.0);
    near(idle(bill::Service::Lambda, "GB·s"), ticks * (0.05 + 45.0 * 3.0 * 0.2) * 0.1875);
    near(idle(bill::Service::Sqs, "requests"), ticks * 45.0 * 3.0);
    let of_few = usd(&["--secrets", "sealed", "--mailboxes-per-tick", "25", "--mailboxes", "90"]);
    assert!(
        of_few < usd(&["--secrets", "sealed", "--mailboxes", "90"]) + 0.01,
        "a tick each is not much dearer"
    );
}

/// 100,000 mailboxes keep 40 processes busy, each twice there, with a line a minute; three mailboxes have a line for each
/// notification.
#[test]
fn sums_are_a_line_a_minute_of_each_process() {
    let data = Data::built_in().unwrap();
    let log_gb = |words: &[&str]| {
        let question = question(words);
        let lines = &answer(&data, &question).unwrap().bills[0].1;
        lines.iter().find(|line| line.unit == "GB of log").unwrap().count
    };
    let found = 50.0 * 730.0 / 24.0;
    let lines = |sums: f64| (found * 326.0 + sums * 480.0) / 1e9;
    let near = |counted: f64, by_hand: f64| assert!((counted - by_hand).abs() < 1e-12, "{counted} {by_hand}");
    near(log_gb(&["--secrets", "sealed"]), lines(80.0 * 730.0 * 60.0 / 100_000.0));
    near(log_gb(&["--secrets", "sealed", "--mailboxes", "3"]), lines(found));
}

/// What a mailbox and month may cost for all that a stack tells of itself, dollars: lines, metrics and alarms, of 100,000
/// mailboxes with 50 notifications a day each, polled every 15 minutes. The dashboard is one of three that an account has for
/// nothing.
const SIGNALS_USD_MAX: f64 = 0.0003;

fn signals_usd(data: &Data, words: &[&str]) -> f64 {
    let asked = [&["--mailboxes", "100000", "--notifications-per-day", "50"], words].concat();
    let answer = answer(data, &question(&asked)).unwrap();
    let lines = &answer.bills[0].1;
    sum(lines.iter().filter(|line| line.service == bill::Service::CloudWatch))
}

#[test]
fn signals_stay_within_their_price() {
    let data = Data::built_in().unwrap();
    for words in [&[][..], &["--push"], &["--mailboxes-per-tick", "25"]] {
        let usd = signals_usd(&data, words);
        assert!(usd > 0.0 && usd <= SIGNALS_USD_MAX, "{words:?}: ${usd}");
    }
}

/// A rise of any that is not noticed would make the price one of nothing.
#[test]
fn a_rise_of_any_signal_is_noticed() {
    let data = Data::built_in().unwrap();
    let raised = |raise: fn(&mut data::Assumed)| {
        let mut data = data.clone();
        raise(&mut data.assumed);
        signals_usd(&data, &[])
    };
    let all = [
        raised(|assumed| assumed.log_bytes_per_notification += 10.0),
        raised(|assumed| assumed.log_bytes_per_span += 10.0),
        raised(|assumed| assumed.log_bytes_per_sums *= 2.0),
        raised(|assumed| assumed.sums_every_s /= 2.0),
        raised(|assumed| assumed.log_bytes_per_idle_poll += 5.0),
        raised(|assumed| assumed.metrics += 2.0),
        raised(|assumed| assumed.alarms += 5.0),
    ];
    for (place, usd) in all.into_iter().enumerate() {
        assert!(usd > SIGNALS_USD_MAX, "{place}: ${usd}");
    }
}

#[test]
fn more_of_anything_costs_more() {
    let base = usd(&["--secrets", "sealed"]);
    assert!(usd(&["--secrets", "sealed", "--notifications-per-day", "51"]) > base);
    assert!(usd(&["--secrets", "sealed", "--interval", "14"]) > base);
    assert!(usd(&["--secrets", "sealed", "--mailboxes", "99999"]) > base, "the stack is paid by fewer");
    assert!(usd(&["--secrets", "secrets-manager"]) > base + 0.4);
    assert!(usd(&[]) > usd(&["--secrets", "secrets-manager"]), "both");
}

#[test]
fn a_connector_that_nobody_counted_is_refused_with_those_that_are() {
    let refused = |words: &[&str]| run(&question(words), |_| Ok(())).unwrap_err().to_string();
    let counts = &Data::built_in().unwrap().counts["sealed"];
    let alone = refused(&["--connector", "nothing"]);
    for key in counts.keys() {
        assert!(alone.starts_with("--connector: must be one of ") && alone.contains(key), "{alone}");
    }
    let pushed = refused(&["--connector", "nothing", "--push"]);
    for (key, counts) in counts {
        assert_eq!(pushed.contains(key.as_str()), counts.push.is_some(), "{key}: {pushed}");
    }
}

/// The tables of docs/costs.md are what the program prints.
#[test]
fn the_documentation_shows_what_is_printed() {
    let docs = include_str!("../../../../docs/costs.md");
    let mut shown = 0;
    for block in docs.split("<!-- carillon cost").skip(1) {
        let (words, rest) = block.split_once(" -->\n").unwrap();
        let (table, _) = rest.split_once("<!-- end -->").unwrap();
        let printed = std::cell::RefCell::new(String::new());
        let words: Vec<&str> = words.split_whitespace().collect();
        run(&question(&words), |text| {
            printed.borrow_mut().push_str(text);
            Ok(())
        })
        .unwrap();
        assert_eq!(table.trim(), printed.borrow().trim(), "carillon cost {}", words.join(" "));
        shown += 1;
    }
    assert_eq!(shown, 3, "without push, with it, and with ticks");
}
