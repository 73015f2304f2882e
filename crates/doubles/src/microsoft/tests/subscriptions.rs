use super::notices::{Desk, desk};
use super::*;
use crate::probe::START_US;
use http::Method;
use serde_json::json;

fn in_minutes(minutes: i64) -> String {
    crate::clock::iso_seconds(START_US + minutes * 60_000_000)
}

#[tokio::test]
async fn a_subscription_is_made_shown_renewed_and_deleted() {
    let desk = desk().await;
    let made = desk.subscribe(&json!({})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let id = made["id"].as_str().unwrap();
    assert_eq!(
        (&made["clientState"], &made["resource"], &made["notificationUrl"]),
        (&json!("state"), &json!("me/messages"), &json!("https://us.example/push?a=b"))
    );
    let list = desk.caller.get("/v1.0/subscriptions").await.json();
    assert_eq!((list["value"][0]["id"].as_str(), &list["value"][0]["clientState"]), (Some(id), &Value::Null));
    let path = format!("/v1.0/subscriptions/{id}");
    assert_eq!(desk.caller.get(&path).await.json()["expirationDateTime"], in_minutes(10_000));
    let renewed = desk.send(Method::PATCH, &path, &json!({"expirationDateTime": in_minutes(10_080)})).await;
    assert_eq!((renewed.status, &renewed.json()["expirationDateTime"]), (200, &json!(in_minutes(10_080))));
    assert_eq!(desk.send(Method::DELETE, &path, &json!(null)).await.status, 204);
    assert_eq!(desk.caller.get(&path).await.status, 404);
    assert_eq!(desk.send(Method::PATCH, &path, &json!({})).await.status, 404);
}

/// Either way, and either again; but not the one within ten minutes of the other.
#[tokio::test]
async fn a_subscription_is_not_granted_both_ways_within_ten_minutes() {
    let desk = desk().await;
    let id = desk.subscribe(&json!({})).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1.0/subscriptions/{id}");
    let end = json!({ "expirationDateTime": in_minutes(9_000) });
    let reauthorization = format!("{path}/reauthorize");
    let reauthorized = || desk.send(Method::POST, &reauthorization, &Value::Null);
    let renewed = || desk.send(Method::PATCH, &path, &end);
    assert_eq!(reauthorized().await.status, 204);
    assert_eq!(reauthorized().await.status, 204);
    desk.time.advance_us(599_000_000);
    let refused = renewed().await;
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (400, Some("InvalidRequest")));
    desk.time.advance_us(1_000_000);
    assert_eq!(renewed().await.status, 200);
    assert_eq!(renewed().await.status, 200);
    assert_eq!(reauthorized().await.status, 400);
    desk.time.advance_us(600_000_000);
    assert_eq!(reauthorized().await.status, 204);
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_refused() {
    let desk = desk().await;
    let wrong = [
        (json!({"expirationDateTime": in_minutes(10_081)}), 400),
        (json!({"expirationDateTime": in_minutes(-1)}), 400),
        (json!({"changeType": "created,moved"}), 400),
        (json!({"clientState": "x".repeat(129)}), 400),
        (json!({"notificationUrl": "http://us.example/push"}), 400),
        (json!({"resource": "me/drive/root"}), 400),
        (json!({"resource": "me/mailFolders('nowhere')/messages"}), 404),
        (json!({"resource": "users/bo@else.example/messages"}), 403),
        (json!({"resource": "me/contacts"}), 403),
    ];
    for (changes, status) in wrong {
        assert_eq!(desk.subscribe(&changes).await.status, status, "{changes}");
    }
    let short = desk.subscribe(&json!({"expirationDateTime": in_minutes(1)})).await.json();
    assert_eq!(short["expirationDateTime"], in_minutes(45));
    let folder = json!({"resource": "/users/ada@double.example/mailFolders/inbox/messages"});
    assert_eq!(desk.subscribe(&folder).await.status, 201);
    assert_eq!(Caller::new(desk.microsoft.router()).get("/v1.0/subscriptions").await.status, 401);
}

#[tokio::test]
async fn a_twin_is_refused_until_it_is_not() {
    let desk = desk().await;
    assert_eq!(desk.subscribe(&json!({})).await.status, 201);
    let twin =
        json!({"notificationUrl": "https://others.example/", "changeType": "deleted, updated,created"});
    assert_eq!(desk.subscribe(&twin).await.status, 409);
    assert_eq!(desk.subscribe(&json!({"changeType": "created"})).await.status, 201);
    desk.microsoft.set_refuse_twins(false);
    assert_eq!(desk.subscribe(&twin).await.status, 201);
}

#[tokio::test]
async fn without_its_handshake_no_subscription_is_made() {
    let desk = desk().await;
    desk.hook.answer(202, 11);
    let late = desk.subscribe(&json!({})).await;
    assert_eq!((late.status, late.json()["error"]["code"].as_str()), (400, Some("ValidationError")));
    assert!(late.text().contains("timed out"), "{}", late.text());
    desk.hook.answer(202, 0);
    desk.hook.refuse_hands();
    let refused = desk.subscribe(&json!({})).await;
    assert!(refused.text().contains("HTTP status code is 404"), "{}", refused.text());
    assert_eq!(desk.microsoft.subscriptions_of(ADA), [Value::Null; 0]);
}

impl Desk {
    pub(super) async fn send(&self, method: Method, path: &str, body: &Value) -> Got {
        self.caller.send(method, path, body.to_string().into_bytes()).await
    }

    /// Subscribes to Ada's messages, but for these changes of the request.
    pub(super) async fn subscribe(&self, changes: &Value) -> Got {
        let mut body = json!({
            "changeType": "created,updated,deleted",
            "notificationUrl": "https://us.example/push?a=b",
            "lifecycleNotificationUrl": "https://us.example/life",
            "resource": "me/messages",
            "expirationDateTime": in_minutes(10_000),
            "clientState": "state",
        });
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.send(Method::POST, "/v1.0/subscriptions", &body).await
    }
}
