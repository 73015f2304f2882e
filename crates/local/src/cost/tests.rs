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

/// A poll every 15 minutes and nothing else, by hand: starts, requests, 50 ms·GB each, and read units.
#[test]
fn an_idle_mailbox_costs_what_a_calculator_says() {
    let data = Data::built_in().unwrap();
    let question = question(&["--notifications-per-day", "0", "--secrets", "sealed"]);
    let answer = answer(&data, &question).unwrap();
    let lines = &answer.bills[0].1;
    let starts = lines.iter().find(|line| line.unit == "starts").unwrap();
    assert_eq!((starts.count, starts.usd), (2920.0, 0.00292));
    let time = lines.iter().find(|line| line.unit == "GB·s").unwrap();
    assert!((time.usd - 2920.0 * 0.2 * 0.25 * 13.3334 / 1e6).abs() < 1e-12, "{time:?}");
    assert_eq!(answer.floor_usd, 0.00292);
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
    assert_eq!(shown, 2, "without push and with it");
}
