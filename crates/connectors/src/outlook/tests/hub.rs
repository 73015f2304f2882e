//! Reads for clients, against recorded answers.

use super::*;
use crate::hub::{Answer, Order, PageWanted, Query, ReadError, Records};
use domain::ceql;

const CONTACTS: &str = include_str!("data/contacts.json");
const ATTACHMENTS: &str = include_str!("data/attachments.json");
const NEXT: &str = "https://graph.microsoft.com/v1.0/me/messages?%24select=id%2csubject&%24top=2&%24skip=2";

fn query(path: &[&str]) -> Query {
    Query { path: path.iter().map(|&segment| segment.to_owned()).collect(), ..Query::of("messages") }
}

fn read_with(answers: &[(u16, &str)], query: &Query) -> (Result<Answer, ReadError>, Vec<String>) {
    let script = Script::new(answers, REQUIRED, Some(DATE));
    let answer = now(Outlook.read(&call(&script), query));
    (answer, script.asked())
}

fn many(answers: &[(u16, &str)], query: &Query) -> Records {
    match read_with(answers, query).0 {
        Ok(Answer::Many(records)) => records,
        other => panic!("{other:?}"),
    }
}

/// The request without its selection, decoded.
fn asked(query: &Query) -> String {
    let (answer, asked) = read_with(&[(200, EMPTY)], query);
    match (answer, asked.first()) {
        (Err(error), _) => error.to_string(),
        (Ok(_), None) => "nothing".to_owned(),
        (Ok(_), Some(url)) => {
            let (path, query) = url.split_once('?').unwrap();
            let pairs = url::form_urlencoded::parse(query.as_bytes());
            let shown =
                pairs.filter(|(name, _)| name != "$select").map(|(name, value)| format!("{name}={value}"));
            format!("{path}?{}", shown.collect::<Vec<_>>().join("&"))
        }
    }
}

fn ordered(field: &str, is_descending: bool) -> Vec<Order> {
    vec![Order { field: field.to_owned(), is_descending }]
}

fn filtered(condition: &str) -> Query {
    Query { condition: ceql::parse(condition).ok(), ..Query::of("messages") }
}

#[test]
fn a_list_is_asked_for_by_page_and_shown_in_the_older_spelling() {
    let first = Query::of("contacts");
    let contacts = many(&[(200, CONTACTS)], &first);
    assert_eq!((contacts.total, contacts.next, contacts.records.len()), (Some(1), None, 1));
    let record = &contacts.records[0];
    assert_eq!(record["EmailAddresses"][0]["Address"], "grace@compilers.example");
    assert_eq!(record.get("MiddleName"), Some(&Value::Null), "nulls are the caller's to strip");
    assert_eq!(record.get("@odata.etag"), None);
    assert_eq!(asked(&first), "http://graph/v1.0/me/contacts?$top=100&$count=true");
    let third = Query { page: PageWanted::Number(3), page_size: Some(50), ..Query::of("messages") };
    assert_eq!(asked(&third), "http://graph/v1.0/me/messages?$top=50&$skip=100");
    let inbox = query(&["folders", "inbox", "messages"]);
    assert_eq!(asked(&inbox), "http://graph/v1.0/me/mailFolders/inbox/messages?$top=100&$count=true");
}

#[test]
fn contents_of_attachments_are_never_asked_for() {
    let attachments = query(&["messages", "AAMk=", "attachments"]);
    let (answer, asked) = read_with(&[(200, ATTACHMENTS)], &attachments);
    assert_eq!(
        asked,
        [
            "http://graph/v1.0/me/messages/AAMk%3D/attachments?$select=id%2ClastModifiedDateTime%2Cname%2CcontentType%2Csize%2CisInline"
        ]
    );
    let Ok(Answer::Many(records)) = answer else { panic!() };
    assert_eq!(records.records[0]["Name"], "invoice.pdf");
    let content = Query { fields: vec!["ContentBytes".to_owned()], ..attachments };
    let (answer, asked) = read_with(&[], &content);
    assert_eq!(answer.err().unwrap().to_string(), "`fields`: `ContentBytes` is not a field of an attachment");
    assert!(asked.is_empty());
}

#[test]
fn an_order_beside_a_condition_leads_the_filter() {
    let newest = Query { order_by: ordered("ReceivedDateTime", true), ..filtered("IsRead = false") };
    assert_eq!(
        asked(&newest),
        "http://graph/v1.0/me/messages?$filter=receivedDateTime ge 1900-01-01T00:00:00Z and isRead eq false&$orderby=receivedDateTime desc&$top=100"
    );
    let own =
        Query { order_by: ordered("subject", false), ..filtered("IsRead = false AND Subject LIKE 'a%'") };
    assert_eq!(
        asked(&own),
        "http://graph/v1.0/me/messages?$filter=startswith(subject,'a') and isRead eq false&$orderby=subject&$top=100"
    );
    let alone = Query { order_by: ordered("From.EmailAddress.Name", false), ..Query::of("messages") };
    assert_eq!(asked(&alone), "http://graph/v1.0/me/messages?$orderby=from/emailAddress/name&$top=100");
    let impossible = Query { order_by: ordered("Subject", false), ..filtered("IsRead = false") };
    assert_eq!(
        asked(&impossible),
        "`orderBy`: the provider orders by `Subject` beside a `where` only if that has a condition on `Subject` alone"
    );
    let unordered = Query { order_by: ordered("WebLink", false), ..Query::of("messages") };
    assert_eq!(asked(&unordered), "`orderBy`: the provider can't order by `WebLink`");
}

#[test]
fn conditions_that_the_provider_lacks_are_refused_before_it_is_asked() {
    let rule = "`where`: the provider has no `=` for `ParentFolderId`";
    assert_eq!(asked(&filtered("IsRead = true AND ParentFolderId = 'x'")), rule);
    assert_eq!(asked(&filtered("Nonsense = 1")), "`where`: `Nonsense` is not a field of a message");
    let one = Query { path: query(&["messages", "x"]).path, ..filtered("IsRead = true") };
    assert_eq!(asked(&one), "`where`: is for lists, not for one object");
}

#[test]
fn the_next_page_is_our_own_address_with_the_links_query() {
    let page = json!({ "value": [{ "id": "a", "subject": "s" }], "@odata.nextLink": NEXT }).to_string();
    let fields = vec!["Subject".to_owned()];
    let first = many(&[(200, &page)], &Query { fields: fields.clone(), ..Query::of("messages") });
    assert_eq!(first.records, [json!({ "Subject": "s" })]);
    let next = Query { page: PageWanted::After(first.next.unwrap()), fields, ..Query::of("messages") };
    let (_, requests) = read_with(&[(200, &page)], &next);
    assert_eq!(requests, ["http://graph/v1.0/me/messages?$select=id%2Csubject&$top=2&$skip=2"]);
    let forged =
        Query { page: PageWanted::After(json!("$expand=attachments&$select=id")), ..Query::of("messages") };
    assert_eq!(asked(&forged), "`nextPage`: is not a token issued by a page of this list");
}

#[test]
fn a_long_condition_is_paged_by_sending_it_again() {
    let names: Vec<String> = (0..300).map(|n| format!("'a long name {n}'")).collect();
    let long = filtered(&format!("Subject IN ({})", names.join(", ")));
    let (_, first) = read_with(&[(200, EMPTY)], &long);
    let link = format!("{}&$skip=100", first[0]);
    let page = json!({ "value": [{ "id": "a" }], "@odata.nextLink": link }).to_string();
    let next = many(&[(200, &page)], &long).next.unwrap();
    assert!(next.to_string().len() < 5 * 1024, "{}", next.to_string().len());
    let second = Query { page: PageWanted::After(next.clone()), ..long };
    let (answer, requests) = read_with(&[(200, &page)], &second);
    let Ok(Answer::Many(records)) = answer else { panic!("{answer:?}") };
    assert_eq!(records.next.as_ref(), Some(&next), "and so on");
    let pairs = |url: &str| {
        let query = url.split_once('?').unwrap().1.to_owned();
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        pairs.collect::<std::collections::BTreeMap<String, String>>()
    };
    assert_eq!(pairs(&requests[0]), pairs(&link));
    let short = PageWanted::After(json!("$filter=isRead eq true&$select=id&$skip=1"));
    let short = Query { page: short, ..Query::of("messages") };
    let endless = format!("https://graph/?$filter=isRead eq true{}&$skip=2", " ".repeat(6000));
    let page = json!({ "value": [], "@odata.nextLink": endless }).to_string();
    let grown = Query {
        page: PageWanted::After(many(&[(200, &page)], &short).next.unwrap()),
        ..Query::of("messages")
    };
    assert!(asked(&grown).starts_with("`where`: must be sent"), "the filter is never lost");
    let bare = Query { page: PageWanted::After(next), ..Query::of("messages") };
    assert_eq!(asked(&bare), "`where`: must be sent again with this `nextPage`, as for the first page");
}

#[test]
fn one_object_is_read_and_a_missing_one_is_not_found() {
    let one = query(&["messages", "AAMk="]);
    let (answer, asked) = read_with(&[(200, r#"{"id":"AAMk=","subject":null,"isRead":true}"#)], &one);
    assert_eq!(answer.unwrap(), Answer::One(json!({ "Id": "AAMk=", "Subject": null, "IsRead": true })));
    assert!(asked[0].starts_with("http://graph/v1.0/me/messages/AAMk%3D?$select=id%2C"), "{}", asked[0]);
    for (status, code) in [(404, "ErrorItemNotFound"), (400, "ErrorInvalidIdMalformed")] {
        let body = json!({ "error": { "code": code, "message": "m" } }).to_string();
        let Err(ReadError::Provider(error)) = read_with(&[(status, &body)], &one).0 else { panic!() };
        assert_eq!(error.kind, ErrorKind::NotFound);
    }
    assert!(matches!(read_with(&[], &query(&["tasks"])).0, Err(ReadError::NoResource)));
}

#[test]
fn a_missing_permission_is_named() {
    let denied = r#"{"error":{"code":"ErrorAccessDenied","message":"Access is denied."}}"#;
    let Err(ReadError::Provider(error)) = read_with(&[(403, denied)], &Query::of("events")).0 else {
        panic!()
    };
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert_eq!(
        error.message,
        "the provider answered 403 ErrorAccessDenied to GET /me/events; to read an event needs the permission Calendars.Read"
    );
}

#[test]
fn a_ping_asks_for_one_id() {
    let script = Script::new(&[(200, r#"{"id":"f"}"#)], REQUIRED, None);
    assert!(now(Outlook.ping(&call(&script))).is_ok());
    assert_eq!(script.asked(), ["http://graph/v1.0/me/mailFolders/inbox?$select=id"]);
    let unauthorized =
        Script::new(&[(401, r#"{"error":{"code":"InvalidAuthenticationToken"}}"#)], REQUIRED, None);
    assert_eq!(
        now(Outlook.ping(&call(&unauthorized))).err().map(|error| error.kind),
        Some(ErrorKind::Unauthorized)
    );
}

#[test]
fn every_list_is_a_resource_and_every_resource_a_list() {
    let mut resources: Vec<&str> = Outlook.descriptor().resources.iter().map(|one| one.name).collect();
    let mut lists: Vec<&str> = crate::outlook::normalise::entity::LISTS.iter().map(|list| list.hub).collect();
    resources.sort_unstable();
    lists.sort_unstable();
    assert_eq!(resources, lists);
}
