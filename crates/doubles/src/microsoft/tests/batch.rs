use http::Method;
use serde_json::json;

use super::*;
use crate::{Fault, FaultKind, Route};

async fn batch(caller: &Caller, requests: Value) -> Got {
    caller.send(Method::POST, "/v1.0/$batch", json!({"requests": requests}).to_string().into_bytes()).await
}

#[tokio::test]
async fn parts_succeed_and_fail_one_by_one() {
    let World { microsoft, caller, .. } = world().await;
    let id = microsoft.deliver(ADA, mail("x"));
    let limited = FaultKind::RateLimited { retry_after_s: Some(3) };
    microsoft.push_fault(Fault { on: Route::List, kind: limited, times: 1 });
    let immutable = json!({"Prefer": "IdType=\"ImmutableId\""});
    let requests = json!([
        {"id": "a", "method": "GET", "url": format!("/me/messages/{id}?$select=id"), "headers": immutable},
        {"id": "b", "method": "GET", "url": "/me/messages/gone"},
        {"id": "c", "method": "GET", "url": "/me/messages?$filter=isRead eq true"},
    ]);
    let got = batch(&caller, requests).await;
    assert_eq!(got.status, 200);
    let responses = got.json()["responses"].as_array().unwrap().clone();
    let statuses: Vec<_> =
        responses.iter().map(|r| (r["id"].as_str().unwrap(), r["status"].as_u64().unwrap())).collect();
    assert_eq!(statuses, [("c", 429), ("b", 404), ("a", 200)]);
    assert_eq!(responses[0]["headers"]["retry-after"], "3");
    assert_eq!(responses[2]["body"]["id"], id);
    assert_eq!(microsoft.usage(ADA).in_flight_peak, 1);
}

#[tokio::test]
async fn what_depends_on_a_part_that_failed_is_not_made() {
    let World { caller, .. } = world().await;
    let requests = json!([
        {"id": "a", "method": "GET", "url": "/me/messages/gone"},
        {"id": "b", "method": "GET", "url": "/me", "dependsOn": ["a"]},
        {"id": "c", "method": "GET", "url": "/me", "dependsOn": ["b"]},
        {"id": "d", "method": "GET", "url": "/me"},
        {"id": "e", "method": "GET", "url": "/me", "dependsOn": ["d"]},
    ]);
    let got = batch(&caller, requests).await.json();
    let statuses: Vec<_> = got["responses"].as_array().unwrap().iter().map(|r| r["status"].clone()).collect();
    assert_eq!(statuses, [200, 200, 424, 424, 404]);
}

#[tokio::test]
async fn batches_have_limits() {
    let World { caller, .. } = world().await;
    let requests = |count| Value::from(vec![json!({"id": "a", "method": "GET", "url": "/me"}); count]);
    assert_eq!(batch(&caller, requests(20)).await.status, 200);
    assert_eq!(batch(&caller, requests(21)).await.status, 400);
    assert_eq!(batch(&caller, requests(0)).await.status, 400);
    assert_eq!(batch(&caller, json!([{"method": "GET"}])).await.status, 400);
}

#[tokio::test]
async fn a_batch_counts_for_the_requests_in_it() {
    let World { microsoft, caller, .. } = world().await;
    microsoft.clear_requests();
    let requests = json!([
        {"id": "a", "method": "GET", "url": "/me/messages?$top=1"},
        {"id": "b", "method": "GET", "url": "/me"},
    ]);
    batch(&caller, requests).await;
    caller.get("/v1.0/me").await;
    let lines = microsoft.requests();
    assert_eq!(lines[0].parts, ["/v1.0/me/messages?$top=1", "/v1.0/me"]);
    assert_eq!(lines.iter().map(|line| line.count()).collect::<Vec<_>>(), [2, 1]);
}
