//! The callback body, and how events are spread over notifications.

use crate::compact_json;
use crate::event::{Change, ChangeKind};
use crate::ids::{EventId, InstanceId, NotificationName};
use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// Maximum events in one notification, as documented for polling.
pub const EVENTS_COUNT_MAX: usize = 10;
/// The longest number of a notification in its body, digits: it has 53 bits.
const NUMBER_DIGITS_MAX: usize = 16;

/// A record that is too large keeps what is not: values of so many bytes of JSON, and so many together.
const STUB_VALUE_BYTES_MAX: usize = 1_000;
const STUB_BYTES_MAX: usize = 20_000;

/// What an address has as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What the envelope says of the instance.
#[derive(Debug, Clone)]
pub struct Sender<'a> {
    /// The connected mailbox.
    pub instance: InstanceId,
    /// Key of the connector.
    pub connector: &'a str,
    /// Hub of the connector, as `general`.
    pub hub: &'a str,
    /// Account that the instance belongs to.
    pub account_id: u32,
    /// Organization of that account.
    pub organization_id: u32,
    /// User who created the instance.
    pub user_id: u32,
    /// Name of the instance.
    pub name: &'a str,
    /// Tags of the instance.
    pub tags: &'a [String],
}

/// What the envelope says of a resource.
#[derive(Debug, Clone, Copy)]
pub struct ReadableResource<'a> {
    /// Its configured key.
    pub key: &'a str,
    /// What a client reads it by, below the hub.
    pub path: &'a str,
    /// The fields that are polled; none named are the usual ones.
    pub fields: &'a [String],
}

/// One notification, built: its name, its events and the exact bytes that every attempt sends.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// Id and number of the notification.
    pub name: NotificationName,
    /// Ids of its events, in order.
    pub events: Vec<EventId>,
    /// Ids of the objects that its events name, each once, in order.
    pub objects: Vec<String>,
    /// The bytes that are signed and posted, the same at each attempt.
    pub body: String,
}

/// Builds the notifications for these changes of one resource, at most ten events each, in their order. A body is not
/// longer than so many bytes.
///
/// `raw.<resource>` holds the records of exactly the notification's events. A record that is too large alone
/// keeps its small fields, in its own spelling, and gets the flag `carillonRecordOmitted`, and the address below the base
/// path that gives all of it.
pub fn build(
    sender: &Sender<'_>,
    resource: ReadableResource<'_>,
    changes: &[Change],
    polled_at: DateTime<Utc>,
    body_bytes_max: usize,
) -> Vec<Built> {
    let key = resource.key;
    let room = body_bytes_max.saturating_sub(envelope_bytes(sender, key, polled_at));
    let mut built = Vec::new();
    let mut batch: Vec<Entry> = Vec::new();
    let mut batch_bytes = 0;
    for change in changes {
        let entry = Entry::of(sender, resource, change, polled_at, room);
        if batch.len() == EVENTS_COUNT_MAX || (!batch.is_empty() && batch_bytes + entry.bytes > room) {
            built.push(build_one(sender, key, std::mem::take(&mut batch), polled_at));
            batch_bytes = 0;
        }
        batch_bytes += entry.bytes;
        batch.push(entry);
    }
    if !batch.is_empty() {
        built.push(build_one(sender, key, batch, polled_at));
    }
    built
}

/// The body of a test: the shape of a notification with one event, marked as a test, of an object that nothing has.
pub fn test(sender: &Sender<'_>, event_id: &str, now: DateTime<Utc>) -> String {
    const RESOURCE: &str = "messages";
    let name =
        NotificationName { event_id: event_id.to_owned(), ..NotificationName::of(sender.instance, &[]) };
    let change = Change {
        object_id: event_id.to_owned(),
        shown_id: None,
        kind: ChangeKind::Created,
        version: String::new(),
        at: Some(now),
        record: json!({ "id": event_id, "subject": "Test event" }),
        recheck: false,
        again: false,
    };
    let id = change.event_id(sender.instance, RESOURCE);
    let event = event_json(sender, RESOURCE, &change, &id, now);
    let mut body = envelope_json(sender, RESOURCE, &name, vec![event], vec![change.record], now);
    body["message"]["test"] = Value::Bool(true);
    compact_json::text(&body)
}

/// What a body has beside events and records, bytes.
fn envelope_bytes(sender: &Sender<'_>, resource: &str, polled_at: DateTime<Utc>) -> usize {
    let name = NotificationName::of(sender.instance, &[]);
    let spared = NUMBER_DIGITS_MAX.saturating_sub(name.id.to_string().len());
    compact_json::bytes(&envelope_json(sender, resource, &name, Vec::new(), Vec::new(), polled_at)) + spared
}

/// What a body has of one change.
struct Entry {
    id: EventId,
    event: Value,
    record: Value,
    /// With a comma behind each.
    bytes: usize,
}

impl Entry {
    fn of(
        sender: &Sender<'_>,
        resource: ReadableResource<'_>,
        change: &Change,
        polled_at: DateTime<Utc>,
        room: usize,
    ) -> Self {
        let id = change.event_id(sender.instance, resource.key);
        let event = event_json(sender, resource.key, change, &id, polled_at);
        let event_bytes = compact_json::bytes(&event) + 2;
        let bytes = compact_json::bytes(&change.record);
        if event_bytes + bytes <= room {
            return Entry { id, event, record: change.record.clone(), bytes: event_bytes + bytes };
        }
        let record = stub(change, bytes, address(sender.hub, resource, &change.object_id));
        let bytes = event_bytes + compact_json::bytes(&record);
        Entry { id, event, record, bytes }
    }
}

/// What is small of a record, in its own spelling: who gets it finds its id, its dates and its subject where every other
/// record has them.
fn stub(change: &Change, bytes: usize, address: String) -> Value {
    let mut left = STUB_BYTES_MAX;
    let mut kept = match small(&change.record, &mut left) {
        Some(Value::Object(kept)) => kept,
        _ => Map::new(),
    };
    let ids = [Some(change.object_id.as_str()), change.shown_id.as_deref()];
    if !kept.values().any(|value| value.is_string() && ids.contains(&value.as_str())) {
        kept.insert("id".to_owned(), change.object_id.as_str().into());
    }
    kept.insert("carillonRecordOmitted".to_owned(), true.into());
    kept.insert("carillonRecordBytes".to_owned(), bytes.into());
    kept.insert("carillonRecordAddress".to_owned(), address.into());
    Value::Object(kept)
}

/// Where an object is read as it is polled.
fn address(hub: &str, resource: ReadableResource<'_>, object_id: &str) -> String {
    let ReadableResource { path, fields, .. } = resource;
    let encoded = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let fields: Vec<String> = fields.iter().map(|field| encoded(field)).collect();
    let query = if fields.is_empty() { String::new() } else { format!("?fields={}", fields.join(",")) };
    format!("/hubs/{hub}/{path}/{}{query}", encoded(object_id))
}

/// A value without its large parts, as long as there is room left.
fn small(value: &Value, left: &mut usize) -> Option<Value> {
    if let Value::Object(fields) = value {
        // What is plain comes first: many small objects do not take the room of an id.
        let (deep, plain): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| value.is_object());
        let mut kept = Map::new();
        for (key, value) in plain.into_iter().chain(deep) {
            let Some(rest) = left.checked_sub(key.len()) else { continue };
            let mut rest = rest;
            if let Some(value) = small(value, &mut rest) {
                kept.insert(key.clone(), value);
                *left = rest;
            }
        }
        return Some(Value::Object(kept));
    }
    let bytes = compact_json::bytes(value);
    *left = left.checked_sub(bytes).filter(|_| bytes <= STUB_VALUE_BYTES_MAX)?;
    Some(value.clone())
}

fn build_one(sender: &Sender<'_>, resource: &str, batch: Vec<Entry>, polled_at: DateTime<Utc>) -> Built {
    let ids: Vec<EventId> = batch.iter().map(|entry| entry.id).collect();
    let mut objects: Vec<String> = Vec::new();
    for object in batch.iter().filter_map(|entry| entry.event["objectId"].as_str()) {
        if !objects.iter().any(|known| known == object) {
            objects.push(object.to_owned());
        }
    }
    let (events, records) = batch.into_iter().map(|entry| (entry.event, entry.record)).unzip();
    let name = NotificationName::of(sender.instance, &ids);
    let body = compact_json::text(&envelope_json(sender, resource, &name, events, records, polled_at));
    Built { name, events: ids, objects, body }
}

fn event_json(
    sender: &Sender<'_>,
    resource: &str,
    change: &Change,
    id: &EventId,
    polled_at: DateTime<Utc>,
) -> Value {
    json!({
        "id": id.text(),
        "date": iso_seconds(change.at.unwrap_or(polled_at)),
        "elementKey": sender.connector,
        "pollDate": iso_seconds(polled_at),
        "eventType": change.kind.wire(),
        "hubKey": sender.hub,
        "objectId": change.shown_id.as_deref().unwrap_or(&change.object_id),
        "objectType": resource,
    })
}

fn envelope_json(
    sender: &Sender<'_>,
    resource: &str,
    name: &NotificationName,
    events: Vec<Value>,
    records: Vec<Value>,
    polled_at: DateTime<Utc>,
) -> Value {
    let instance = sender.instance.get();
    json!({
        "severity": "medium",
        "createdDate": java_date(polled_at),
        "topic": topic(sender.instance, sender.connector),
        "action": "create",
        "id": name.id.to_string(),
        "message": {
            "elementKey": sender.connector,
            "accountId": sender.account_id,
            "eventId": name.event_id,
            "companyId": sender.organization_id,
            "instanceId": instance,
            "instance_id": instance,
            "instanceName": sender.name,
            "instanceTags": sender.tags,
            "raw": {
                resource: records,
                "pollDate": polled_at.timestamp_millis(),
                "objectType": resource,
            },
            "userId": sender.user_id,
            "events": events,
        },
        "user": "notifications@carillon",
    })
}

/// The topic that an instance's events are published under.
pub fn topic(instance: InstanceId, connector: &str) -> String {
    format!("instance-{instance}-{connector}-events")
}

/// ISO 8601 in whole seconds with `Z`.
pub fn iso_seconds(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// As Java prints a date: `Mon Aug 20 15:30:07 UTC 2018`.
fn java_date(at: DateTime<Utc>) -> String {
    at.format("%a %b %d %H:%M:%S UTC %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;
    use expect_test::expect;

    fn change(n: usize, padding: usize) -> Change {
        Change {
            object_id: format!("m{n}"),
            shown_id: None,
            kind: ChangeKind::Created,
            version: String::new(),
            at: Utc.timestamp_opt(1_534_778_946, 0).single(),
            record: json!({ "Id": format!("m{n}"), "Subject": "x".repeat(padding) }),
            recheck: false,
            again: false,
        }
    }

    fn build_for(changes: &[Change]) -> Vec<Built> {
        build_within(300_000, changes)
    }

    fn build_within(body_bytes_max: usize, changes: &[Change]) -> Vec<Built> {
        let tags = ["My Outlook".to_owned()];
        let sender = Sender {
            instance: InstanceId::from_bytes([0, 0, 0, 7]),
            connector: "outlookemail",
            hub: "general",
            account_id: 801,
            organization_id: 201,
            user_id: 2001,
            name: "My Outlook",
            tags: &tags,
        };
        let at = Utc.timestamp_millis_opt(1_534_778_974_827).unwrap();
        let fields = ["Id".to_owned(), "Body".to_owned()];
        let resource = ReadableResource { key: "messages", path: "messages", fields: &fields };
        build(&sender, resource, changes, at, body_bytes_max)
    }

    #[test]
    fn the_body_has_the_captured_shape() {
        let built = build_for(&[change(1, 3)]);
        let value: Value = serde_json::from_str(&built[0].body).unwrap();
        expect![[r#"
            {
              "severity": "medium",
              "createdDate": "Mon Aug 20 15:29:34 UTC 2018",
              "topic": "instance-7-outlookemail-events",
              "action": "create",
              "id": "8331892929871617",
              "message": {
                "elementKey": "outlookemail",
                "accountId": 801,
                "eventId": "7M5_8yH4DYh1mrWIQ7lt",
                "companyId": 201,
                "instanceId": 7,
                "instance_id": 7,
                "instanceName": "My Outlook",
                "instanceTags": [
                  "My Outlook"
                ],
                "raw": {
                  "messages": [
                    {
                      "Id": "m1",
                      "Subject": "xxx"
                    }
                  ],
                  "pollDate": 1534778974827,
                  "objectType": "messages"
                },
                "userId": 2001,
                "events": [
                  {
                    "id": "mEgXr6yixV0pRP0N_DbdZg",
                    "date": "2018-08-20T15:29:06Z",
                    "elementKey": "outlookemail",
                    "pollDate": "2018-08-20T15:29:34Z",
                    "eventType": "CREATED",
                    "hubKey": "general",
                    "objectId": "m1",
                    "objectType": "messages"
                  }
                ]
              },
              "user": "notifications@carillon"
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&value).unwrap());
    }

    #[test]
    fn at_most_ten_events_each_with_their_own_records() {
        let changes: Vec<Change> = (0..23).map(|n| change(n, 1)).collect();
        let built = build_for(&changes);
        let counts: Vec<usize> = built.iter().map(|one| one.events.len()).collect();
        assert_eq!(counts, [10, 10, 3]);
        let last: Value = serde_json::from_str(&built[2].body).unwrap();
        assert_eq!(last["message"]["raw"]["messages"].as_array().unwrap().len(), 3);
        assert_eq!(last["message"]["raw"]["messages"][0]["Id"], "m20");
    }

    #[test]
    fn bodies_are_as_long_as_their_receiver_takes_and_not_longer() {
        for padding in [10, 1_000, 9_000, 30_000, 49_000, 99_300, 150_000] {
            let changes: Vec<Change> = (0..25).map(|n| change(n, padding)).collect();
            for bytes_max in [50_000, 100_000, 300_000] {
                let built = build_within(bytes_max, &changes);
                assert_eq!(built.iter().map(|one| one.events.len()).sum::<usize>(), 25);
                let lengths: Vec<usize> = built.iter().map(|one| one.body.len()).collect();
                assert!(lengths.iter().all(|bytes| *bytes <= bytes_max), "{padding}: {lengths:?}");
                // One more record would have been too much, or the eleventh.
                for one in &built[..built.len() - 1] {
                    assert!(
                        one.events.len() == EVENTS_COUNT_MAX || one.body.len() + padding + 200 > bytes_max
                    );
                }
                let is_cut = built[0].body.contains("carillonRecordOmitted");
                assert_eq!(is_cut, padding + 1_000 > bytes_max, "{padding} in {bytes_max}");
            }
        }
    }

    #[test]
    fn large_records_split_notifications_and_a_giant_goes_without_its_body() {
        let built = build_for(&[change(1, 200_000), change(2, 200_000), change(3, 400_000)]);
        let counts: Vec<usize> = built.iter().map(|one| one.events.len()).collect();
        assert_eq!(counts, [1, 2]);
        assert!(built.iter().all(|one| one.body.len() < 300_000));
        let last: Value = serde_json::from_str(&built[1].body).unwrap();
        let stub = json!({
            "Id": "m3", "carillonRecordOmitted": true, "carillonRecordBytes": 400_024,
            "carillonRecordAddress": "/hubs/general/messages/m3?fields=Id,Body",
        });
        assert_eq!(last["message"]["raw"]["messages"][1], stub);
    }

    #[test]
    fn an_address_holds_any_id() {
        let resource = ReadableResource { key: "mail", path: "messages", fields: &[] };
        assert_eq!(address("general", resource, "a/b=?ü"), "/hubs/general/messages/a%2Fb%3D%3F%C3%BC");
    }

    #[test]
    fn a_giant_keeps_what_is_small_of_it_in_its_own_spelling() {
        let person = json!({ "EmailAddress": { "Name": "n", "Address": "a@example.com" } });
        let record = json!({
            "Id": "m1", "Subject": "all hands", "ReceivedDateTime": "2026-11-27T10:00:00Z", "From": person,
            "ToRecipients": vec![&person; 5000], "Body": { "ContentType": "html", "Content": "x".repeat(70_000) },
        });
        let giant = Change { record, ..change(1, 0) };
        let body: Value = serde_json::from_str(&build_for(&[giant])[0].body).unwrap();
        let stub = json!({
            "Id": "m1", "Subject": "all hands", "ReceivedDateTime": "2026-11-27T10:00:00Z", "From": person,
            "Body": { "ContentType": "html" }, "carillonRecordOmitted": true, "carillonRecordBytes": 350_198,
            "carillonRecordAddress": "/hubs/general/messages/m1?fields=Id,Body",
        });
        assert_eq!(body["message"]["raw"]["messages"][0], stub);
    }

    #[test]
    fn a_giant_of_many_small_things_keeps_its_id_and_stays_small() {
        let mut record = json!({ "details": {}, "id": "m1" });
        for n in 0..20_000 {
            record["details"][format!("k{n}")] = json!({ "deep": n });
        }
        let body = &build_for(&[Change { record, ..change(1, 0) }])[0].body;
        let value: Value = serde_json::from_str(body).unwrap();
        assert_eq!(value["message"]["raw"]["messages"][0]["id"], "m1");
        assert!(body.len() < 80_000, "{}", body.len());
        let nameless = Change { record: json!(["x".repeat(400_000)]), ..change(2, 0) };
        let value: Value = serde_json::from_str(&build_for(&[nameless])[0].body).unwrap();
        assert_eq!(value["message"]["raw"]["messages"][0]["id"], "m2");
    }
}
