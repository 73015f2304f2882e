//! Polls of what is no message: contacts and events by dates, folders and calendars by comparing.

use super::*;
use crate::{Polling, Step};

const CONTACTS: &str = include_str!("data/contacts.json");
const EVENTS: &str = include_str!("data/events.json");

/// The descriptor's own entry for a resource.
fn configured(name: &str) -> ResourceConfig {
    let found = Outlook.descriptor().resource(name).unwrap();
    ResourceConfig::parse(name, &serde_json::from_str(found.poller).unwrap()).unwrap()
}

fn step_of(
    answers: &[(u16, &str)],
    resource: &ResourceConfig,
    cursor: &Value,
) -> (Result<Step, Error>, Vec<String>) {
    let script = Script::new(answers, REQUIRED, Some(DATE));
    let past = Past { baseline_at: at(), last_success_at: at(), failures: 0, log_since: at(), number: None };
    let step = now(Outlook.poll(&call(&script), resource, cursor, &past));
    (step, script.asked())
}

fn kinds(step: &Step) -> Vec<(&'static str, &str)> {
    step.changes.iter().map(|one| (one.kind.wire(), one.object_id.as_str())).collect()
}

#[test]
fn every_polled_resource_has_an_entry_that_works() {
    let list = json!({ "value": [] }).to_string();
    for found in Outlook.descriptor().resources {
        if found.polling == Polling::Never {
            assert_eq!(found.poller, "", "{}", found.name);
            continue;
        }
        let resource = configured(found.name);
        assert_eq!(Outlook.check(&resource), Ok(()), "{}", found.name);
        let answers = [(200, list.as_str()), (200, r#"{"id":"inbox"}"#)];
        let script = Script::new(&answers, REQUIRED, Some(DATE));
        let baseline = now(Outlook.baseline(&call(&script), &resource)).ok().unwrap();
        assert_eq!(baseline.identity.as_deref(), Some("inbox"));
        let (step, _) = step_of(&[(200, &list)], &resource, &baseline.cursor);
        let step = step.ok().unwrap();
        assert_eq!((step.changes.len(), step.moved, step.more), (0, false, false), "{}", found.name);
    }
    let nested =
        ResourceConfig::parse("x", &json!({ "url": "/hubs/general/messages/A/attachments" })).unwrap();
    let rule = Outlook.check(&nested).err().unwrap().rule;
    assert_eq!(rule, "`messages/A/attachments` is not a resource that Outlook polls");
}

#[test]
fn a_contact_is_created_by_its_own_date() {
    let (step, asked) = step_of(&[(200, CONTACTS)], &configured("contacts"), &cursor());
    let step = step.ok().unwrap();
    assert_eq!(kinds(&step), [("CREATED", "AAMkAGContact0001=")]);
    let change = &step.changes[0];
    assert_eq!((change.version.as_str(), change.record.get("MiddleName")), ("EQAAABYAAAAc1", None));
    assert_eq!(change.at.map(|at| at.to_rfc3339()).as_deref(), Some("2026-11-22T11:59:20+00:00"));
    assert!(
        asked[0].starts_with("http://graph/v1.0/me/contacts?$filter=lastModifiedDateTime%20ge%202026-11-22T11%3A48%3A00Z&$orderby=lastModifiedDateTime&$top=100&$select=id%2CchangeKey%2C"),
        "{}",
        asked[0]
    );
    let (again, _) = step_of(&[(200, CONTACTS)], &configured("contacts"), &step.cursor);
    assert!(again.ok().unwrap().changes.is_empty(), "its state is known");
}

#[test]
fn events_have_finer_dates_and_no_drafts() {
    let (step, _) = step_of(&[(200, EVENTS)], &configured("events"), &cursor());
    let step = step.ok().unwrap();
    assert_eq!(kinds(&step), [("UPDATED", "AAMkAGEvent0001="), ("CREATED", "AAMkAGEvent0002=")]);
    assert_eq!(step.changes[0].at.map(|at| at.timestamp_subsec_micros()), Some(765_432));
    assert_eq!(step.changes[0].record["Start"]["DateTime"], "2026-11-23T09:00:00.0000000");
}

#[test]
fn a_pattern_that_does_not_fit_the_dates_costs_nothing() {
    let whole_seconds = json!({ "url": "/events", "datesConfiguration": {
        "updatedDateField": "LastModifiedDateTime", "updatedDateFormat": "yyyy-MM-dd",
        "createdDateField": "CreatedDateTime", "createdDateFormat": "yyyy/MM/dd" } });
    let resource = ResourceConfig::parse("events", &whole_seconds).unwrap();
    let (step, _) = step_of(&[(200, EVENTS)], &resource, &cursor());
    let step = step.ok().unwrap();
    assert_eq!(kinds(&step), [("UPDATED", "AAMkAGEvent0001="), ("CREATED", "AAMkAGEvent0002=")]);
    assert!(step.changes.iter().all(|change| change.at.is_some()));
}

#[test]
fn conditions_and_fields_are_those_of_the_resource() {
    let url =
        "/contacts?where=CompanyName='Compilers' AND EmailAddresses.Address='g@c.example'&fields=DisplayName";
    let resource = ResourceConfig::parse("contacts", &json!({ "url": url, "pageSize": 7 })).unwrap();
    let (_, asked) = step_of(&[(200, EMPTY)], &resource, &cursor());
    let asked = asked[0].replace("%20", " ").replace("%2C", ",").replace("%3A", ":").replace("%2F", "/");
    assert_eq!(
        asked,
        "http://graph/v1.0/me/contacts?$filter=lastModifiedDateTime ge 2026-11-22T11:48:00Z and companyName eq %27Compilers%27 and emailAddresses/any%28x:x/address eq %27g%40c.example%27%29&$orderby=lastModifiedDateTime&$top=7&$select=id,changeKey,lastModifiedDateTime,createdDateTime,companyName,emailAddresses,displayName"
    );
    let foreign =
        ResourceConfig::parse("contacts", &json!({ "url": "/contacts?where=IsRead=true" })).unwrap();
    let rule = Outlook.check(&foreign).err().unwrap().rule;
    assert_eq!(rule, "where: `IsRead` is not a field of a contact");
}

fn calendars(names: &[(&str, &str)]) -> String {
    let row = |(id, key): &(&str, &str)| json!({ "id": id, "changeKey": key, "name": id, "owner": null });
    json!({ "value": names.iter().map(row).collect::<Vec<_>>() }).to_string()
}

#[test]
fn calendars_are_compared_by_their_change_keys() {
    let resource = configured("calendars");
    let before = calendars(&[("a", "1"), ("b", "1"), ("c", "1")]);
    let script = Script::new(&[(200, &before), (403, "{}")], REQUIRED, Some(DATE));
    let baseline = now(Outlook.baseline(&call(&script), &resource)).ok().unwrap();
    assert_eq!(baseline.identity, None);
    assert!(
        script.asked()[0]
            .starts_with("http://graph/v1.0/me/calendars?$top=100&$select=id%2CchangeKey%2Cname")
    );
    let after = calendars(&[("a", "1"), ("b", "2"), ("d", "1")]);
    let (step, _) = step_of(&[(200, &after)], &resource, &baseline.cursor);
    let step = step.ok().unwrap();
    assert_eq!(kinds(&step), [("UPDATED", "b"), ("CREATED", "d"), ("DELETED", "c")]);
    assert_eq!(step.changes[1].record, json!({ "Id": "d", "ChangeKey": "1", "Name": "d" }));
    let (idle, _) = step_of(&[(200, &after)], &resource, &step.cursor);
    assert!(!idle.ok().unwrap().moved);
}

fn folder(id: &str, parent: &str, children: u32, mails: u32) -> Value {
    json!({ "id": id, "displayName": id, "parentFolderId": parent, "childFolderCount": children, "totalItemCount": mails })
}

fn folders(rows: &[Value]) -> String {
    json!({ "value": rows }).to_string()
}

#[test]
fn folders_are_compared_with_those_below_them_and_without_their_counts() {
    let resource = configured("folders");
    let top = |mails| folders(&[folder("inbox", "root", 1, mails), folder("sent", "root", 0, 0)]);
    let child = folders(&[folder("projects", "inbox", 1, 0)]);
    let grandchild = folders(&[folder("carillon", "projects", 0, 0)]);
    let answers = [
        (200, top(1)),
        (200, child.clone()),
        (200, grandchild.clone()),
        (200, r#"{"id":"inbox"}"#.to_owned()),
    ];
    let answers: Vec<(u16, &str)> = answers.iter().map(|(status, body)| (*status, body.as_str())).collect();
    let script = Script::new(&answers, REQUIRED, Some(DATE));
    let baseline = now(Outlook.baseline(&call(&script), &resource)).ok().unwrap();
    let asked = script.asked();
    assert!(asked[0].ends_with("&includeHiddenFolders=true"), "{}", asked[0]);
    assert!(asked[1].starts_with("http://graph/v1.0/me/mailFolders/inbox/childFolders?"), "{}", asked[1]);
    assert!(asked[2].starts_with("http://graph/v1.0/me/mailFolders/projects/childFolders?"), "{}", asked[2]);

    let more_mail = top(9);
    let all = [(200, more_mail.as_str()), (200, child.as_str()), (200, grandchild.as_str())];
    let (idle, _) = step_of(&all, &resource, &baseline.cursor);
    assert!(!idle.ok().unwrap().moved, "a mail more is no change of a folder");

    let moved = folders(&[folder("carillon", "inbox", 0, 0), folder("new", "inbox", 0, 0)]);
    let (step, _) = step_of(&[(200, &more_mail), (200, &moved)], &resource, &baseline.cursor);
    let step = step.ok().unwrap();
    assert_eq!(
        kinds(&step),
        [("UPDATED", "carillon"), ("CREATED", "new")],
        "what is missing once may be moving"
    );
    let (step, _) = step_of(&[(200, &more_mail), (200, &moved)], &resource, &step.cursor);
    assert_eq!(kinds(&step.ok().unwrap()), [("DELETED", "projects")]);
}

#[test]
fn folders_without_end_are_refused() {
    let deep = |n: u32| folders(&[folder(&format!("f{n}"), "x", 1, 0)]);
    let answers: Vec<(u16, String)> = (0..60).map(|n| (200, deep(n))).collect();
    let answers: Vec<(u16, &str)> = answers.iter().map(|(status, body)| (*status, body.as_str())).collect();
    let script = Script::new(&answers, REQUIRED, Some(DATE));
    let error = now(Outlook.baseline(&call(&script), &configured("folders"))).err().unwrap();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Rejected, "folders are nested deeper than 50 levels")
    );
}

#[test]
fn what_may_be_long_is_read_again_one_after_another() {
    let script = Script::new(&[], REQUIRED, None);
    let at_once = |url: &str| Outlook.looks_at_once(&call(&script), &resource(url));
    assert_eq!(
        ["/messages", "/messages?fields=Id,Subject", "/messages?fields=Id,Body"].map(at_once),
        [4, 4, 1]
    );
}
