use super::*;
use crate::health_ledger::{ConnectedMailbox, Transition};
use chrono::TimeZone as _;
use expect_test::expect;

fn at(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 30).unwrap() + Duration::minutes(minutes)
}

fn member(instance: u8, minutes: i64, reason: &str) -> HealthMember {
    let transition = Transition::Failing;
    let id = HealthEventId::of(at(minutes), &[&[instance]]);
    let fact = HealthFact {
        id,
        transition,
        at: at(minutes),
        since: at(0),
        reason: reason.to_owned(),
        connected: None,
    };
    let (letter, _) = letter_of(1, "mail", &fact);
    let instance = InstanceId::from_bytes([0, 0, 0, instance]);
    HealthMember { organization_id: 1, instance, connector: "mail".to_owned(), letter, fact }
}

#[test]
fn what_one_cause_strikes_within_a_minute_is_one_letter() {
    let one = member(1, 1, "answered 503 (request 7b0c21aa)");
    let other = member(2, 1, "answered 503 (request 11aa44cc)");
    assert_eq!(one.letter, other.letter);
    assert_ne!(one.letter, member(1, 2, "answered 503").letter);
    assert_ne!(one.letter, member(1, 1, "answered 500").letter);
    let (from, to) = members_of(one.letter);
    assert!(from <= one.fact.id && one.fact.id < to && to <= one.letter);
    let letter =
        HealthLetter::closing(1, one.letter, at(2)).written(&[one.clone(), other], Some("https://x.example"));
    assert!(letter.holds(&one.fact) && !letter.holds(&member(3, 1, "").fact));
    expect![[r#"{"type":"mailbox.failing","timestamp":"2026-11-22T12:01:30.000Z","data":{"connector":"mail","reason":"answered 503 (request 7b0c21aa)","since":"2026-11-22T12:00:30.000Z","count":2,"instanceIds":[1,2],"link":"https://x.example/instances"}}"#]]
        .assert_eq(&letter.body.unwrap());
}

#[test]
fn a_letter_about_one_names_it_and_links_only_where_there_is_an_address() {
    let one = member(1, 1, "answered 503");
    expect![[r#"{"type":"mailbox.failing","timestamp":"2026-11-22T12:01:30.000Z","data":{"connector":"mail","reason":"answered 503","since":"2026-11-22T12:00:30.000Z","instanceId":1}}"#]]
        .assert_eq(&HealthLetter::alone(&one, None, at(9)).body.unwrap());
    let to_callback = HealthLetter::to_callback(&one, None, at(9));
    assert_ne!(to_callback.id, HealthLetter::alone(&one, None, at(9)).id);
    assert_eq!(to_callback.id, HealthLetter::to_callback(&one, None, at(10)).id);
}

#[test]
fn who_made_a_link_is_told_which_mailbox_it_is() {
    let mut ledger = crate::health_ledger::HealthLedger::default();
    let mailbox = ConnectedMailbox { again: false, name: "Sales".to_owned(), tags: vec!["17".to_owned()] };
    ledger.note_connected((InstanceId::from_bytes([0, 0, 0, 1]), 1), mailbox, at(1));
    let one = HealthMember { fact: ledger.pending.remove(0), ..member(1, 1, "") };
    expect![[r#"{"type":"mailbox.connected","timestamp":"2026-11-22T12:01:30.000Z","data":{"connector":"mail","reason":"its owner connected it by a link","since":"2026-11-22T12:01:30.000Z","instanceId":1,"again":false,"name":"Sales","tags":["17"],"link":"https://x.example/instances/1"}}"#]]
        .assert_eq(&HealthLetter::alone(&one, Some("https://x.example"), at(9)).body.unwrap());
}

#[test]
fn an_id_is_read_back() {
    let id = member(1, 1, "").fact.id;
    assert_eq!(HealthEventId::try_from(String::from(id)), Ok(id));
    assert_eq!(id.to_string().len(), 32);
}
