//! A provider that does not answer well, while a client waits.

use super::Hubs;
use crate::world::{GMAIL_USER, OUTLOOK_USER};
use chrono::Duration;
use doubles::{Fault, FaultKind, Mail, Route};
use serde_json::{Value, json};

fn fault(hubs: &Hubs, kind: FaultKind) {
    let fault = Fault { on: Route::List, kind, times: 1 };
    hubs.world.google.push_fault(fault);
    hubs.world.microsoft.push_fault(fault);
}

/// What the provider asked for holds for everybody who would ask it for this mailbox.
#[tokio::test]
async fn a_back_off_is_answered_without_asking_the_provider() {
    let hubs = Hubs::new(571).await;
    let world = &hubs.world;
    for (connector, id) in [("gmail", hubs.gmail.0), ("outlookemail", hubs.outlook.0)] {
        fault(&hubs, FaultKind::RateLimited { retry_after_s: Some(70) });
        let limited = hubs.call(connector, "/hubs/general/messages").await;
        limited.assert_refused(429);
        assert_eq!(limited.headers["retry-after"], "70", "{connector}");
        world.google.clear_faults();
        world.microsoft.clear_faults();
        world.google.clear_requests();
        world.microsoft.clear_requests();
        world.clock.advance(Duration::seconds(30));
        for path in ["/hubs/general/messages", "/hubs/general/messages/1", "/ping"] {
            let reply = hubs.call(connector, path).await;
            reply.assert_refused(429);
            let wait: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((30..=41).contains(&wait), "{wait}");
        }
        let polled = world.call("POST", &format!("/instances/{id}/poll"), &Value::Null).await;
        assert_eq!(polled.status, 429, "a poll waits too");
        assert_eq!((world.google.requests(), world.microsoft.requests()), (vec![], vec![]), "{connector}");
        world.clock.advance(Duration::seconds(41));
        assert_eq!(hubs.call(connector, "/hubs/general/messages").await.status, 200);
        world.run_until_idle().await;
    }
}

/// The back-off of one mailbox is not another's.
#[tokio::test]
async fn another_mailbox_is_read_meanwhile() {
    let hubs = Hubs::new(572).await;
    fault(&hubs, FaultKind::RateLimited { retry_after_s: Some(70) });
    hubs.call("gmail", "/hubs/general/messages").await.assert_refused(429);
    hubs.world.microsoft.clear_faults();
    assert_eq!(hubs.call("outlookemail", "/hubs/general/messages").await.status, 200);
}

#[tokio::test]
async fn a_failure_of_the_provider_is_a_bad_gateway_with_its_word() {
    let hubs = Hubs::new(573).await;
    for connector in ["gmail", "outlookemail"] {
        for kind in [FaultKind::ServerError { status: 503 }, FaultKind::BadGatewayHtml, FaultKind::Truncated]
        {
            fault(&hubs, kind);
            let reply = hubs.call(connector, "/hubs/general/messages").await;
            assert_eq!(reply.status, 502, "{connector} {kind:?}: {}", reply.body);
            reply.assert_refused(502);
            assert!(reply.body["providerMessage"].is_string(), "{}", reply.body);
            hubs.world.google.clear_faults();
            hubs.world.microsoft.clear_faults();
        }
        let reply = hubs.call(connector, "/hubs/general/messages").await;
        assert_eq!(reply.status, 200, "{connector}: the next one is asked again");
    }
}

#[tokio::test]
async fn an_access_token_that_ended_is_refreshed_on_the_way() {
    let hubs = Hubs::new(574).await;
    hubs.world.google.expire_access_tokens(GMAIL_USER);
    hubs.world.microsoft.expire_access_tokens(OUTLOOK_USER);
    for connector in ["gmail", "outlookemail"] {
        assert_eq!(hubs.call(connector, "/hubs/general/messages").await.status, 200, "{connector}");
        let ping = hubs.call(connector, "/ping").await;
        assert_eq!((ping.status, &ping.body["endpoint"]), (200, &json!(connector)));
        assert!(ping.body["dateTime"].as_str().unwrap().starts_with("2026-11-22T"));
    }
}

#[tokio::test]
async fn a_grant_that_ended_says_that_a_person_is_needed() {
    let hubs = Hubs::new(575).await;
    hubs.world.google.revoke(GMAIL_USER);
    hubs.world.microsoft.revoke(OUTLOOK_USER);
    for connector in ["gmail", "outlookemail"] {
        let reply = hubs.call(connector, "/hubs/general/messages").await;
        reply.assert_refused(403);
        assert!(reply.body["message"].as_str().unwrap().contains("sign in again"), "{}", reply.body);
    }
}

/// What was never allowed stays refused, and the mailbox is well.
#[tokio::test]
async fn a_missing_permission_is_the_providers_refusal() {
    let world = crate::world::World::new(576);
    let id = world.create_outlook().await;
    let token = world.shown(id).await["token"].as_str().unwrap().to_owned();
    let own = format!("User world-user, Element {token}");
    let reply = world.call_as(&own, "GET", "/hubs/general/contacts", "").await;
    assert!([400, 403].contains(&reply.status), "{}", reply.body);
    assert!(reply.body["message"].as_str().unwrap().contains("Contacts.Read"), "{}", reply.body);
    assert_eq!(world.call_as(&own, "GET", "/hubs/general/messages", "").await.status, 200);
    assert_eq!(world.shown(id).await["valid"], true);
}

/// One record of a page that can't be read is shown as it was listed; the page is the others'.
#[tokio::test]
async fn a_record_that_cannot_be_read_costs_no_page() {
    let hubs = Hubs::new(579).await;
    let google = &hubs.world.google;
    let delivered = (0..5).map(|_| google.deliver(GMAIL_USER, Mail::default()));
    let bad = delivered.collect::<Vec<_>>()[2].clone();
    for kind in [FaultKind::Refused { status: 400 }, FaultKind::Refused { status: 403 }, FaultKind::Truncated]
    {
        google.poison(GMAIL_USER, &bad, kind);
        let reply = hubs.call("gmail", "/hubs/general/messages").await;
        assert_eq!(reply.status, 200, "{kind:?}: {}", reply.body);
        let records = reply.body.as_array().unwrap();
        let (odd, whole): (Vec<&Value>, Vec<&Value>) =
            records.iter().partition(|record| record.get("carillonRecordIncomplete").is_some());
        assert_eq!((odd.len(), &odd[0]["id"]), (1, &json!(bad)), "{kind:?}");
        assert!(!whole.is_empty() && whole.iter().all(|record| record.get("payload").is_some()));
    }
    google.set_fault_rate_on(Route::Get, 1.0, vec![FaultKind::Refused { status: 403 }]);
    hubs.call("gmail", "/hubs/general/messages").await.assert_refused(400);
}

/// A page is as long in memory as the provider's answers are, however little is shown of them.
#[tokio::test]
async fn a_page_of_long_records_ends_at_its_bytes_and_not_at_its_end() {
    let hubs = Hubs::new(579).await;
    for number in 0..20 {
        let mail = Mail { subject: format!("Long {number}"), body: "x".repeat(1_800_000), ..Mail::default() };
        hubs.world.microsoft.deliver(OUTLOOK_USER, mail);
    }
    hubs.world.clock.advance(Duration::minutes(5));
    let page = async |size| {
        hubs.call("outlookemail", &format!("/hubs/general/messages?fields=Id,Body&pageSize={size}")).await
    };
    let refused = page(20).await;
    refused.assert_refused(400);
    let message = refused.body["message"].as_str().unwrap();
    assert!(message.contains("`pageSize`") && message.contains("24 MB"), "{message}");
    assert_eq!(page(1).await.status, 200);
}
