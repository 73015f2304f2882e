//! The answer as tables of Markdown, which are read in a terminal as well.

use super::Answer;
use super::bill::{Cause, Line, Service, sum};
use super::data::Data;
use super::question::Question;
use std::fmt::Write as _;

pub(super) fn of(data: &Data, question: &Question, answer: &Answer) -> String {
    let mut page = String::new();
    let _ = writeln!(page, "{}\n", asked(data, question, answer));
    page.push_str(&heading("dollars a mailbox and month", answer));
    for cause in Cause::ALL {
        let of_cause = |line: &&Line| line.cause == cause;
        let sums: Vec<f64> =
            answer.bills.iter().map(|(_, lines)| sum(lines.iter().filter(of_cause))).collect();
        if sums.iter().all(|usd| *usd == 0.0) {
            continue;
        }
        page.push_str(&row(&format!("**{cause}**"), &sums));
        for (service, unit, count) in units_of(answer, cause) {
            let alike = |line: &&Line| line.cause == cause && line.service == service && line.unit == unit;
            let each = answer.bills.iter().map(|(_, lines)| sum(lines.iter().filter(alike)));
            let name = format!("{service}: {} {unit}", counted(count));
            page.push_str(&row(&name, &each.collect::<Vec<_>>()));
        }
    }
    let sums: Vec<f64> = answer.bills.iter().map(|(_, lines)| sum(lines)).collect();
    page.push_str(&row("**sum**", &sums));
    page.push('\n');
    page.push_str(&heading("by service", answer));
    for service in Service::ALL {
        let of_service = |line: &&Line| line.service == service;
        let sums = answer.bills.iter().map(|(_, lines)| sum(lines.iter().filter(of_service)));
        let sums: Vec<f64> = sums.collect();
        if sums.iter().any(|usd| *usd > 0.0) {
            page.push_str(&row(&service.to_string(), &sums));
        }
    }
    page.push('\n');
    for (storage, lines) in &answer.bills {
        let _ = writeln!(page, "- {}: {}", storage.name(), said(question, lines));
    }
    let _ = writeln!(page, "- the floor, which is the schedules alone: ${:.5} a mailbox", answer.floor_usd);
    page
}

fn asked(data: &Data, question: &Question, answer: &Answer) -> String {
    let push = if question.push { ", with push" } else { "" };
    let ticks = match question.mailboxes_per_tick {
        1 => String::new(),
        count => format!(", {count} per tick"),
    };
    format!(
        "{} mailboxes of {}, every {} minutes{push}{ticks}, {} notifications a day each. Prices of {}, {}.",
        thousands(question.mailboxes as f64),
        answer.connector,
        question.interval,
        question.notifications_per_day,
        data.prices.region,
        data.prices.date,
    )
}

fn said(question: &Question, lines: &[Line]) -> String {
    let all = sum(lines);
    let of_cause = |cause: &Cause| sum(lines.iter().filter(|line| line.cause == *cause));
    let dearest = Cause::ALL.into_iter().max_by(|one, other| of_cause(one).total_cmp(&of_cause(other)));
    let most = dearest
        .map_or(String::new(), |cause| format!("; {:.0} % of it is {cause}", 100.0 * of_cause(&cause) / all));
    format!("${} a month{most}", thousands(all * question.mailboxes as f64))
}

/// What is counted for a cause, in the first bill that has it.
fn units_of(answer: &Answer, cause: Cause) -> Vec<(Service, &'static str, f64)> {
    let mut units: Vec<(Service, &'static str, f64)> = Vec::new();
    for line in answer.bills.iter().flat_map(|(_, lines)| lines).filter(|line| line.cause == cause) {
        if !units.iter().any(|(service, unit, _)| *service == line.service && *unit == line.unit) {
            units.push((line.service, line.unit, line.count));
        }
    }
    units
}

fn heading(first: &str, answer: &Answer) -> String {
    let names: Vec<&str> = answer.bills.iter().map(|(storage, _)| storage.name()).collect();
    format!("| {first} | {} |\n|---|{}\n", names.join(" | "), "---:|".repeat(names.len()))
}

fn row(name: &str, usd: &[f64]) -> String {
    let cells: Vec<String> = usd.iter().map(|usd| format!("{usd:.5}")).collect();
    format!("| {name} | {} |\n", cells.join(" | "))
}

fn counted(count: f64) -> String {
    match count {
        count if count >= 100.0 => thousands(count),
        count if count >= 1.0 => format!("{count:.1}"),
        count => format!("{count:.6}"),
    }
}

/// Rounded, in groups of three digits.
fn thousands(count: f64) -> String {
    let digits = format!("{count:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
