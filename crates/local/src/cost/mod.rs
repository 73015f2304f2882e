//! `carillon cost`: what a stack costs in a month. Operations are those that tests count, prices those of a file with their
//! date and source; neither is written anywhere else.

mod bill;
mod data;
mod page;
mod question;
mod ticks;

pub use question::{Question, Storage};

use anyhow::{Context as _, bail};
use bill::{Bill, Line, sum};
use data::Data;
use serde_json::json;

/// The bills of one connector, by where refresh tokens are.
struct Answer {
    connector: String,
    bills: Vec<(Storage, Vec<Line>)>,
    floor_usd: f64,
}

impl Answer {
    fn usd(&self) -> f64 {
        self.bills.iter().map(|(_, lines)| sum(lines)).sum()
    }
}

/// Says what is asked.
///
/// # Errors
///
/// The connector is none that is counted, or it can't be said.
pub fn run(question: &Question, say: impl Fn(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let data = Data::built_in().context("infra/cost")?;
    let answer = answer(&data, question)?;
    if question.json {
        return say(&in_json(question, &answer).to_string());
    }
    say(page::of(&data, question, &answer).trim_end())
}

/// The dearest, unless one is asked for.
fn answer(data: &Data, question: &Question) -> anyhow::Result<Answer> {
    let known = data.counts.values().next().context("infra/cost/counts.json")?;
    let counted = known.keys().filter_map(|connector| of_connector(data, question, connector));
    let mut counted: Vec<Answer> = counted.collect();
    counted.sort_by(|one, other| other.usd().total_cmp(&one.usd()));
    let keys: Vec<&str> = counted.iter().map(|answer| answer.connector.as_str()).collect();
    let keys = keys.join(", ");
    let is_asked =
        |answer: &Answer| question.connector.as_ref().is_none_or(|asked| *asked == answer.connector);
    match counted.into_iter().find(is_asked) {
        Some(answer) => Ok(answer),
        None if question.push => bail!("--connector: with --push must be one of {keys}"),
        None => bail!("--connector: must be one of {keys}"),
    }
}

fn of_connector(data: &Data, question: &Question, connector: &str) -> Option<Answer> {
    let storages =
        Storage::ALL.into_iter().filter(|storage| question.secrets.is_none_or(|one| one == *storage));
    let bills = storages.map(|storage| Some((storage, Bill::of(data, question, connector, storage)?)));
    let bills: Vec<(Storage, Bill<'_>)> = bills.collect::<Option<_>>()?;
    Some(Answer {
        connector: connector.to_owned(),
        floor_usd: bills.first()?.1.floor_usd(),
        bills: bills.into_iter().map(|(storage, bill)| (storage, bill.lines())).collect(),
    })
}

fn in_json(question: &Question, answer: &Answer) -> serde_json::Value {
    let bills = answer.bills.iter().map(|(storage, lines)| {
        json!({
            "secrets": storage.name(),
            "usd_per_mailbox_and_month": sum(lines),
            "usd_per_month": sum(lines) * question.mailboxes as f64,
            "lines": lines,
        })
    });
    json!({
        "connector": answer.connector,
        "floor_usd_per_mailbox_and_month": answer.floor_usd,
        "bills": bills.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
