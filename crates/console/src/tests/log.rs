//! The scripted interface's event log.

use super::{HOSTILE, instance};
use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

pub(super) fn answer(request: &Request, path: &str) -> Option<Response> {
    let query = request.uri().query().unwrap_or_default();
    let next = [("elements-next-page-token", "next-token")];
    Some(match (request.method().as_str(), path) {
        ("GET", "/instances/events") if query.contains("objectId=none") => Json(json!([])).into_response(),
        ("GET", "/instances/events") if query.contains("subject=rare") => {
            let searched_to = [("elements-searched-to", "2026-11-21T09:30:00.250Z")];
            (next, searched_to, Json(json!([]))).into_response()
        }
        ("GET", "/instances/events" | "/instances/7/events") => {
            (next, Json(json!([event("e-1", "retry"), event("e-2", "queued")]))).into_response()
        }
        ("GET", "/instances/9") => {
            let subscription = json!({ "status": "active" });
            let mut one = instance();
            one["subscription"] = subscription;
            one["id"] = 9.into();
            Json(one).into_response()
        }
        ("GET", "/instances/11") => {
            let open = |kind: &str, reason: &str| json!({ "type": kind, "since": "2026-11-22T11:59:11Z", "reason": reason });
            let mut one = instance();
            one["subscription"] = json!({ "status": "suspended", "reason": "it answered 410" });
            one["eventsNotificationCallbackUrl"] = "https://app.example/events?a=1&token=topsecret".into();
            one["health"] = json!({ "status": "suspended", "reason": "it answered 410", "open": [
                open("callback.suspended", "it answered 410"), open("mailbox.push_lost", "the watch ended"),
            ] });
            Json(one).into_response()
        }
        ("GET", "/instances/9/events") => Json(json!([])).into_response(),
        ("GET", "/instances/events/e-1") => Json(event("e-1", "retry")).into_response(),
        ("GET", "/instances/events/e-2") => Json(event("e-2", "queued")).into_response(),
        ("POST", "/instances/7/events/e-1/retry") => Json(json!({ "attempt": 2 })).into_response(),
        ("GET" | "PUT", path) if path.starts_with("/notifications") && query.contains("D9") => {
            Json(json!([])).into_response()
        }
        ("GET", "/notifications/subscriptions") => Json(json!([subscription()])).into_response(),
        ("GET", "/notifications/subscriptions/deliveries") => match query.contains("instanceId%3D9") {
            true => Json(json!([])).into_response(),
            false => Json(json!([delivery()])).into_response(),
        },
        ("PUT", "/notifications/subscriptions/deliveries") => {
            Json(json!([{ "instanceId": 7, "status": "releasing" }])).into_response()
        }
        _ => return None,
    })
}

fn event(id: &str, delivery: &str) -> Value {
    let change = |kind: &str| json!({ "eventType": kind, "objectId": HOSTILE, "objectType": HOSTILE, "date": HOSTILE });
    let changes = [change("CREATED"), change("CREATED"), change("DELETED")];
    let body = json!({ "message": { "events": changes, "raw": { "messages": [{ "Subject": HOSTILE }] } } });
    json!({
        "id": id, "subject": HOSTILE, "eventDate": "2026-11-22T11:59:59Z", "status": "RECEIVED", "instanceId": 7,
        "providerData": body.to_string(), "notificationId": HOSTILE, "objectType": HOSTILE, "delivery": delivery,
        "nextAttempt": if delivery == "retry" { json!("2026-11-22T12:00:30Z") } else { Value::Null },
        "attempts": [{ "number": 1, "date": "2026-11-22T11:59:59.250Z", "durationMs": 12, "status": 503,
                       "error": null, "answer": HOSTILE }],
        "lives": [{ "objectId": HOSTILE, "eventType": HOSTILE, "stages": [
            { "stage": "arrived", "date": "2026-11-22T11:58:00.000Z", "afterMs": null, "attempt": null },
            { "stage": "seen", "date": "2026-11-22T11:59:58.500Z", "afterMs": 118_500, "attempt": null },
            { "stage": HOSTILE, "date": HOSTILE, "afterMs": -1_500, "attempt": 2 },
        ] }],
    })
}

fn subscription() -> Value {
    json!({ "id": 8, "instanceId": 7, "active": false, "status": "suspended", "reason": HOSTILE,
            "config": { "url": HOSTILE } })
}

fn delivery() -> Value {
    json!({ "eventId": HOSTILE, "instanceId": 7, "status": "queued", "createdDate": "2026-11-22T11:00:00Z",
            "updatedDate": "2026-11-22T11:30:00Z", "attempts": 6 })
}
