use super::*;
use crate::probe::Hook;
use crate::{Forgery, Mishap, Way};
use http::Method;
use serde_json::json;

/// A Microsoft whose notices go to a hook.
pub(super) struct Desk {
    pub(super) time: Time,
    pub(super) microsoft: Microsoft,
    pub(super) caller: Caller,
    pub(super) hook: Hook,
}

pub(super) async fn desk() -> Desk {
    let World { time, microsoft, caller } = world().await;
    let hook = Hook::new(&time);
    microsoft.set_way(Way::router(hook.router()));
    Desk { time, microsoft, caller, hook }
}

impl Desk {
    /// Sends what is due; gives what it says, with the path it came to, one line an entry.
    async fn sent(&self) -> Vec<String> {
        while let Some(ring) = self.microsoft.next_ring() {
            ring.await;
        }
        let mut told = Vec::new();
        for (path, _, body) in self.hook.got() {
            let Ok(body) = serde_json::from_str::<Value>(&body) else {
                told.push(format!("{path} nonsense"));
                continue;
            };
            for entry in body["value"].as_array().unwrap() {
                let what = entry["changeType"].as_str().or(entry["lifecycleEvent"].as_str()).unwrap();
                told.push(format!("{path} {what} {}", entry["clientState"].as_str().unwrap_or("-")));
            }
        }
        told
    }

    /// Lets time pass to each moment at which something is due.
    async fn pass(&self, seconds: i64) -> Vec<String> {
        let end_us = self.time.clock().now_us() + seconds * 1_000_000;
        let mut told = self.sent().await;
        while let Some(next_us) = self.microsoft.next_ring_us().filter(|next_us| *next_us <= end_us) {
            self.time.advance_us((next_us - self.time.clock().now_us()).max(0));
            told.extend(self.sent().await);
        }
        self.time.advance_us((end_us - self.time.clock().now_us()).max(0));
        told
    }
}

#[tokio::test]
async fn a_change_is_told_at_once_with_what_it_changed() {
    let desk = desk().await;
    let subscription = desk.subscribe(&json!({})).await.json();
    desk.subscribe(&json!({"resource": "me/mailFolders('deleteditems')/messages"})).await;
    let id = desk.microsoft.deliver(ADA, mail("one"));
    assert_eq!(desk.microsoft.next_ring_us(), Some(crate::probe::START_US));
    desk.microsoft.next_ring().unwrap().await;
    let (_, headers, body) = desk.hook.got().remove(0);
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    let entry = &serde_json::from_str::<Value>(&body).unwrap()["value"][0];
    assert_eq!(entry["subscriptionId"], subscription["id"]);
    assert_eq!(entry["resourceData"]["id"], id.as_str());
    assert_eq!(entry["resourceData"]["@odata.type"], "#Microsoft.Graph.Message");
    assert!(entry["resource"].as_str().unwrap().ends_with(&format!("/Messages/{id}")));
    desk.microsoft.soft_delete(ADA, &id);
    // Two subscriptions, one request.
    let ring = desk.microsoft.next_ring().unwrap();
    assert!(desk.microsoft.next_ring().is_none());
    ring.await;
    assert_eq!(desk.sent().await, ["/push updated state", "/push created state"]);
    desk.microsoft.purge(ADA, &id);
    assert_eq!(desk.sent().await, ["/push deleted state", "/push deleted state"]);
}

#[tokio::test]
async fn contacts_and_events_are_told_of_too() {
    let desk = desk().await;
    let issued = redeem(&desk.microsoft, &crate::Double::new_code_for_all(&desk.microsoft, ADA)).await.json();
    let caller = Caller::new(desk.microsoft.router()).with_token(issued["access_token"].as_str().unwrap());
    let desk = Desk { caller, ..desk };
    assert_eq!(desk.subscribe(&json!({"resource": "me/contacts"})).await.status, 201);
    assert_eq!(desk.subscribe(&json!({"resource": "me/events", "changeType": "deleted"})).await.status, 201);
    let contact = desk.microsoft.add_contact(ADA, &json!({"displayName": "Bo"}));
    let event = desk.microsoft.add_event(ADA, None, &json!({"subject": "Tea"}));
    desk.microsoft.change_record(ADA, &contact, &json!({"displayName": "Boo"}));
    desk.microsoft.delete_record(ADA, &event);
    let told = desk.sent().await;
    assert_eq!(told, ["/push created state", "/push updated state", "/push deleted state"]);
}

#[tokio::test]
async fn what_is_not_taken_is_repeated_for_four_hours_and_then_missed() {
    let desk = desk().await;
    desk.microsoft.set_grants_end(false);
    desk.subscribe(&json!({})).await;
    desk.hook.answer(202, 4);
    desk.microsoft.deliver(ADA, mail("one"));
    assert_eq!(desk.sent().await.len(), 1);
    desk.hook.answer(202, 0);
    assert_eq!(desk.pass(600).await, ["/push created state"], "an answer after four seconds was none");
    desk.hook.answer(500, 0);
    desk.microsoft.deliver(ADA, mail("two"));
    let told = desk.pass(5 * 3600).await;
    let tries = told.iter().filter(|line| line.starts_with("/push")).count();
    assert!((10..20).contains(&tries), "{tries}");
    assert!(told.contains(&"/life missed state".to_owned()), "{told:?}");
}

#[tokio::test]
async fn who_is_slow_is_told_nothing_for_ten_minutes() {
    let desk = desk().await;
    desk.microsoft.set_grants_end(false);
    desk.subscribe(&json!({})).await;
    desk.hook.answer(202, 11);
    let ids: Vec<String> = (0..10).map(|_| desk.microsoft.deliver(ADA, mail("slow"))).collect();
    for id in &ids {
        desk.sent().await;
        desk.microsoft.mark_read(ADA, id);
    }
    desk.sent().await;
    desk.hook.answer(202, 0);
    desk.pass(20).await;
    desk.microsoft.deliver(ADA, mail("dropped"));
    let told = desk.pass(60).await;
    assert!(!told.iter().any(|line| line.starts_with("/push")), "{told:?}");
    desk.pass(600).await;
    desk.microsoft.deliver(ADA, mail("told again"));
    assert!(desk.pass(60).await.contains(&"/push created state".to_owned()));
}

#[tokio::test]
async fn a_grant_ends_with_its_token_and_goes_on_when_it_is_given_again() {
    let desk = desk().await;
    let id = desk.subscribe(&json!({})).await.json()["id"].as_str().unwrap().to_owned();
    let told = desk.pass(3599).await;
    assert_eq!(told, ["/life reauthorizationRequired state", "/life reauthorizationRequired state"]);
    desk.microsoft.deliver(ADA, mail("while it was paused"));
    assert_eq!(desk.pass(3600).await, [""; 0]);
    let issued = redeem(&desk.microsoft, &desk.microsoft.new_code(ADA)).await.json();
    let caller = Caller::new(desk.microsoft.router()).with_token(issued["access_token"].as_str().unwrap());
    let desk = Desk { caller, ..desk };
    let path = format!("/v1.0/subscriptions/{id}/reauthorize");
    assert_eq!(desk.send(Method::POST, &path, &json!(null)).await.status, 204);
    assert_eq!(desk.sent().await, ["/push created state"]);
}

#[tokio::test]
async fn the_end_comes_by_itself_or_by_a_password() {
    let desk = desk().await;
    desk.subscribe(&json!({})).await;
    desk.microsoft.revoke(ADA);
    assert_eq!(desk.sent().await, ["/life subscriptionRemoved state"]);
    assert_eq!(desk.microsoft.subscriptions_of(ADA), [Value::Null; 0]);
    let issued = redeem(&desk.microsoft, &desk.microsoft.new_code(ADA)).await.json();
    let caller = Caller::new(desk.microsoft.router()).with_token(issued["access_token"].as_str().unwrap());
    let desk = Desk { caller, ..desk };
    desk.microsoft.set_grants_end(false);
    desk.subscribe(&json!({})).await;
    let told = desk.pass(10_000 * 60).await;
    assert_eq!(told, ["/life reauthorizationRequired state"]);
    desk.microsoft.deliver(ADA, mail("after"));
    assert_eq!(desk.sent().await, [""; 0]);
    assert_eq!(desk.microsoft.subscriptions_of(ADA), [Value::Null; 0]);
}

#[tokio::test]
async fn notices_go_wrong_on_order() {
    let desk = desk().await;
    desk.subscribe(&json!({})).await;
    let tell = async |mishap| {
        desk.microsoft.push_mishap(mishap);
        desk.microsoft.deliver(ADA, mail("one"));
        desk.sent().await
    };
    let one = "/push created state";
    assert_eq!(tell(Mishap::Dropped).await, [""; 0]);
    assert_eq!(tell(Mishap::Doubled).await, [one, one]);
    assert_eq!(tell(Mishap::Forged(Forgery::Secret)).await, ["/push created forged", one]);
    assert_eq!(tell(Mishap::Forged(Forgery::Sender)).await, ["/push created -", one]);
    assert_eq!(tell(Mishap::Forged(Forgery::Nonsense)).await, ["/push nonsense", one]);
    assert_eq!(tell(Mishap::Late { us: 60_000_000 }).await, [""; 0]);
    assert_eq!(desk.pass(60).await, [one]);
    assert_eq!(tell(Mishap::Overtaken).await, [""; 0]);
    desk.microsoft.deliver(ADA, mail("overtakes"));
    assert_eq!(desk.pass(5).await, [one, one]);
    let before = desk.microsoft.sent();
    assert!(tell(Mishap::Replayed).await.len() >= 2);
    let replayed = &desk.microsoft.sent()[before.len()];
    assert!(before.iter().any(|sent| sent.body == replayed.body), "byte for byte");
}

#[tokio::test]
async fn over_sockets_notices_go_out_by_themselves() {
    let time = Time::new();
    let providers = crate::Providers::new(&time.clock(), 42);
    providers.microsoft.add_account(ADA);
    let hook = Hook::new(&time);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(crate::serve(listener, hook.router()));
    providers.set_way(&Way::through([("us.example".to_owned(), address)].into()));
    let sender = providers.clone();
    let sending = tokio::spawn(async move { sender.keep_sending().await });
    let issued = redeem(&providers.microsoft, &providers.microsoft.new_code(ADA)).await.json();
    let caller = Caller::new(providers.microsoft.router());
    let caller = caller.with_token(issued["access_token"].as_str().unwrap());
    let desk = Desk { time, microsoft: providers.microsoft.clone(), caller, hook: hook.clone() };
    assert_eq!(desk.subscribe(&json!({})).await.status, 201);
    // Without a name for it, its address will do.
    let own = format!("http://{address}/own");
    let other = json!({"changeType": "created", "notificationUrl": own, "lifecycleNotificationUrl": null});
    assert_eq!(desk.subscribe(&other).await.status, 201);
    desk.microsoft.deliver(ADA, mail("one"));
    for _ in 0..2 {
        hook.arrived().await;
    }
    let mut paths: Vec<String> = hook.got().into_iter().map(|(path, ..)| path).collect();
    paths.sort();
    assert_eq!(paths, ["/own", "/push"]);
    sending.abort();
    server.abort();
}
