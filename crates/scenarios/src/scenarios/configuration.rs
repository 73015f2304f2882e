//! Changing instances, trying before storing, and finding what stopped.

use crate::organization::text;
use crate::{Callback, Client, Instance, Mailbox, Organization, Platform, body, until, with};
use serde_json::{Value, json};

const INTERVAL: &str = "event.poller.refresh_interval";

/// By its id, by its token and below its connector the calls are the same.
pub async fn an_instance_is_changed_in_each_of_three_ways(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let callback = Callback::new(outside, "ways");
    for way in 0..3 {
        let mailbox = Mailbox::gmail(outside, &format!("way-{way}"));
        let mut wanted = body(&mailbox, &callback);
        let instance = client.create(&wanted).await;
        // As answers show it.
        wanted["providerData"]["code"] = "********".into();
        let (caller, path) = match way {
            0 => (client.clone(), format!("/instances/{}", instance.id)),
            1 => (client.of(&instance), "/instances".to_owned()),
            _ => (client.clone(), format!("/elements/gmail/instances/{}", instance.id)),
        };
        change(&caller, &path, &instance, &wanted).await;
    }
    let instance = client.connect(&Mailbox::gmail(outside, "way"), &callback).await;
    let wrong = format!("/elements/outlookemail/instances/{}", instance.id);
    client.refused("GET", &wrong, &Value::Null, 404).await;
}

async fn change(caller: &Client, path: &str, instance: &Instance, wanted: &Value) {
    let renamed =
        json!({ "name": "<b>Renamed</b>", "tags": ["One", "Two"], "configuration": { INTERVAL: 5 } });
    let changed = caller.done("PATCH", path, &renamed).await;
    assert_eq!((&changed["name"], &changed["tags"]), (&json!("Renamed"), &json!(["One", "Two"])));
    assert_eq!(changed["configuration"][INTERVAL], "5");
    assert_eq!(changed["configuration"]["oauth.api.secret"], "********");
    assert_eq!(caller.get(path).await["name"], "Renamed");

    let items = caller.list(&format!("{path}/configuration")).await;
    let item = items.iter().find(|item| item["key"] == INTERVAL).unwrap();
    assert_eq!(item["propertyValue"], "5");
    for name in [INTERVAL.to_owned(), item["id"].to_string()] {
        assert_eq!(caller.get(&format!("{path}/configuration/{name}")).await, *item);
    }
    let mut other = item.clone();
    other["propertyValue"] = "7".into();
    let path_of_item = format!("{path}/configuration/{}", item["id"]);
    assert_eq!(caller.done("PATCH", &path_of_item, &other).await, other);
    let wrong = json!({ "propertyValue": "often" });
    assert!(caller.refused("PATCH", &path_of_item, &wrong, 400).await.contains(INTERVAL));
    caller.refused("GET", &format!("{path}/configuration/nothing"), &Value::Null, 404).await;

    let replaced = caller.done("PUT", path, wanted).await;
    assert_eq!((&replaced["name"], &replaced["configuration"][INTERVAL]), (&json!("Scenario"), &json!("1")));
    let replaced = caller.done("PUT", &format!("{path}?reAuthenticate=false"), wanted).await;
    assert_eq!(replaced["name"], "Scenario", "{replaced}");
    let tried = caller.done("POST", &format!("/instances/{}/trial", instance.id), &json!({})).await;
    assert_eq!(tried["resources"]["changed-messages"]["method"], "changes", "{tried}");

    assert_eq!(caller.done("DELETE", &format!("{path}/enabled"), &Value::Null).await["disabled"], true);
    assert_eq!(caller.get(path).await["disabled"], true);
    assert_eq!(caller.done("PUT", &format!("{path}/enabled"), &Value::Null).await["disabled"], false);
    assert_eq!(caller.get(path).await["token"], instance.token.as_str());
    caller.done("DELETE", path, &Value::Null).await;
    let gone = caller.call("GET", path, &Value::Null).await;
    assert!([401, 404].contains(&gone.status), "{}", gone.status);
}

/// A trial reads the provider, and stores nothing; what is broken is named, and stored in no way.
pub async fn a_configuration_is_tried_before_it_is_stored(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let (mailbox, callback) = (Mailbox::outlook(outside, "tried"), Callback::new(outside, "tried"));
    mailbox.deliver();
    let good = body(&mailbox, &callback);
    let poller = "event.poller.configuration";
    let mut broken = good.clone();
    broken["configuration"][poller]["messages"]["idField"] = "Flavour".into();
    let tried = client.done("POST", "/instances/trial", &good).await;
    assert_eq!(tried["resources"]["messages"]["method"], "dates", "{tried}");
    let words = client.refused("POST", "/instances", &broken, 400).await;
    assert!(words.contains("Flavour") || words.contains("idField"), "{words}");
    assert_eq!(client.get("/instances/count").await["totalInstances"], 0);

    let id = client.create(&body(&mailbox, &callback)).await.id;
    let path = format!("/instances/{id}");
    let before = client.get(&path).await["configuration"].clone();
    let tried = client.done("POST", &format!("{path}/trial"), &json!({})).await;
    let messages = &tried["resources"]["messages"];
    assert_eq!((&messages["records"], &messages["withId"]), (&json!(1), &json!(1)), "{tried}");
    for (method, path) in [("POST", format!("{path}/trial")), ("PATCH", path.clone())] {
        let change = json!({ "configuration": broken["configuration"] });
        client.refused(method, &path, &change, 400).await;
    }
    assert_eq!(client.get(&path).await["configuration"], before);
}

/// The next event goes to the new address, by an interval and resources that are new as well.
pub async fn a_changed_callback_and_new_resources_count_at_once(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let mailbox = Mailbox::gmail(outside, "moved");
    let (former, new) = (Callback::new(outside, "moved-from"), Callback::new(outside, "moved-to"));
    let id = client.connect(&mailbox, &former).await.id;
    let first = [mailbox.deliver()];
    client.poll_well(id).await;
    former.wait_for(&first).await;
    let change = json!({ "configuration": {
        "event.notification.callback.url": new.url(),
        "event.notification.signature.key": new.signature_key(),
        "event.poller.configuration": {
            "changed-messages": { "url": "/hubs/general/changed-messages", "idField": "id" },
            "labels": { "url": "/hubs/general/labels", "idField": "id" },
        },
    } });
    let changed = client.done("PATCH", &format!("/instances/{id}"), &change).await;
    assert_eq!(changed["trial"]["labels"]["method"], "snapshots", "{changed}");
    let label = outside.providers.google.create_label(mailbox.address(), "Receipts");
    let second = [mailbox.deliver(), crate::ReceivedEvent::new("CREATED", label)];
    client.poll_well(id).await;
    new.wait_for(&second).await;
    new.assert_told(&second);
    former.assert_told(&first);
}

pub async fn instances_are_listed_searched_and_counted(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let callback = Callback::new(outside, "searched");
    let mut made = Vec::new();
    for (name, tags) in [("Sales", vec!["A"]), ("Presales", vec!["A", "B"]), ("Support", vec![])] {
        let mailbox = match tags.is_empty() {
            true => Mailbox::outlook(outside, "searched"),
            false => Mailbox::gmail(outside, &format!("searched-{name}").to_lowercase()),
        };
        let mut wanted = body(&mailbox, &callback);
        (wanted["name"], wanted["tags"]) = (name.into(), tags.into());
        made.push(client.create(&wanted).await.id);
    }
    let found = async |query: &[(&str, &str)]| -> Vec<u64> {
        let all = client.list(&with("/instances", query)).await;
        let mut found: Vec<u64> = all.iter().map(|one| one["id"].as_u64().unwrap()).collect();
        found.sort_unstable();
        found
    };
    let sorted = |of: &[usize]| {
        let mut ids: Vec<u64> = of.iter().map(|index| made[*index]).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(found(&[]).await, sorted(&[0, 1, 2]));
    assert_eq!(found(&[("pageSize", "1")]).await, sorted(&[0, 1, 2]));
    assert_eq!(found(&[("tags[]", "A")]).await, sorted(&[0, 1]));
    assert_eq!(found(&[("tags[]", "A"), ("tags[]", "B")]).await, sorted(&[1]));
    assert_eq!(found(&[("searchText", "sALES")]).await, sorted(&[0, 1]));
    client.refused("GET", &with("/instances", &[("searchText", "Purchase")]), &Value::Null, 404).await;
    let listed = client.list("/instances?hydrate=false").await;
    assert!(listed.iter().all(|one| one.get("configuration").is_none()));
    let address = |index: usize| {
        let one = listed.iter().find(|one| one["id"].as_u64() == Some(made[index])).unwrap();
        one["mailbox"].as_str().unwrap().to_uppercase()
    };
    assert_eq!(found(&[("mailbox", &address(0))]).await, sorted(&[0]));
    assert_eq!(found(&[("mailbox", &address(2)), ("connector", "outlookemail")]).await, sorted(&[2]));
    assert_eq!(found(&[("mailbox", "nobody@example.com")]).await, sorted(&[]));
    let counts = client.get(&with("/instances/counts", &[("mailbox", &address(1))])).await;
    assert_eq!(counts["total"], 1);
    client.refused("GET", &with("/instances", &[("mailbox", "nobody")]), &Value::Null, 400).await;
    assert_eq!(client.list("/elements/gmail/instances").await.len(), 2);
    let untagged = client.get(&format!("/instances/{}", made[2])).await;
    assert_eq!(untagged["tags"], json!(["Support"]), "without tags the name is the tag");
    let count = client.get("/instances/count").await;
    assert_eq!(count["totalInstances"], 3);
    let of = count["elementInstances"].as_array().unwrap();
    assert!(of.iter().any(|one| one["elementKey"] == "gmail" && one["totalInstances"] == 2));
    let mut polled: Vec<u64> = client
        .list("/instances/event-poller-records?pageSize=2")
        .await
        .iter()
        .map(|one| one["instanceId"].as_u64().unwrap())
        .collect();
    polled.sort_unstable();
    assert_eq!(polled, sorted(&[0, 1, 2]));
}

/// The provider wanted the user again: the instance says so, and a new code makes it go on where it was.
pub async fn a_stopped_instance_is_shown_and_goes_on(platform: &dyn Platform) {
    let outside = platform.outside();
    let client = Organization::new(platform).await.client;
    let (mailbox, callback) = (Mailbox::gmail(outside, "stopped"), Callback::new(outside, "stopped"));
    let id = client.connect(&mailbox, &callback).await.id;
    let path = format!("/instances/{id}");
    assert_eq!(client.list("/instances/polling-disabled").await, [Value::Null; 0]);
    mailbox.revoke();
    let mut wanted = vec![mailbox.deliver()];
    until("a person has to sign in", async || {
        client.poll(id).await;
        (client.get(&path).await["valid"] == false).then_some(())
    })
    .await;
    let stopped = client.list("/instances/polling-disabled").await;
    assert_eq!(stopped[0]["id"], id);
    assert!(!text(&stopped[0], "reason").is_empty());
    let code = json!({ "providerData": { "code": mailbox.code() } });
    assert_eq!(client.done("PATCH", &path, &code).await["valid"], true);
    client.poll_well(id).await;
    callback.wait_for(&wanted).await;

    // What the provider limited goes on with one call, too.
    mailbox.limit(3_000);
    client.poll(id).await.refused(429);
    mailbox.unlimit();
    wanted.push(mailbox.deliver());
    client.poll(id).await.refused(429);
    let resumed = client.call("POST", &format!("{path}/resume"), &Value::Null).await;
    assert_eq!(resumed.status, 202);
    callback.wait_for(&wanted).await;
    callback.assert_told(&wanted);
    assert_eq!(client.list("/instances/polling-disabled").await, [Value::Null; 0]);
}
