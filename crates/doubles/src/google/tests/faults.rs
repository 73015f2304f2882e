use super::*;
use crate::{Fault, FaultKind, Route};

#[tokio::test]
async fn too_many_requests_at_once_are_refused() {
    let World { google, caller, .. } = world().await;
    let calls: Vec<_> = (0..25)
        .map(|_| {
            let caller = caller.clone();
            tokio::spawn(async move { caller.get(&format!("{ME}/profile")).await })
        })
        .collect();
    let mut refused = Vec::new();
    for call in calls {
        let got = call.await.unwrap();
        if got.status != 200 {
            refused.push(got);
        }
    }
    assert_eq!(refused.len(), 15);
    let error = &refused[0].json()["error"];
    assert_eq!((refused[0].status, error["errors"][0]["reason"].as_str()), (429, Some("rateLimitExceeded")));
    assert_eq!(error["message"], "Too many concurrent requests for user");
    let usage = google.usage(ADA);
    assert_eq!((usage.in_flight, usage.in_flight_peak, usage.refused), (0, 10, 15));
    google.set_in_flight_max(0);
    assert_eq!(caller.get(&format!("{ME}/profile")).await.status, 429);
}

#[tokio::test]
async fn faults_have_the_shape_of_the_api() {
    let World { google, caller, .. } = world().await;
    let fail = async |kind| {
        google.push_fault(Fault { on: Route::Profile, kind, times: 1 });
        assert_eq!(caller.get(&format!("{ME}/labels")).await.status, 200, "the fault is for another route");
        caller.get(&format!("{ME}/profile")).await
    };
    let reason =
        |got: &crate::probe::Got| got.json()["error"]["errors"][0]["reason"].as_str().unwrap().to_owned();
    let limited = fail(FaultKind::RateLimited { retry_after_s: Some(7) }).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "7"));
    assert_eq!(reason(&limited), "rateLimitExceeded");
    let limited = fail(FaultKind::RateLimited { retry_after_s: None }).await;
    assert!(!limited.headers.contains_key("retry-after"));
    let forbidden = fail(FaultKind::ForbiddenLimit).await;
    assert_eq!((forbidden.status, reason(&forbidden).as_str()), (403, "rateLimitExceeded"));
    assert_eq!(forbidden.json()["error"]["errors"][0]["domain"], "usageLimits");
    let forbidden = fail(FaultKind::Forbidden).await;
    assert_eq!((forbidden.status, reason(&forbidden).as_str()), (403, "insufficientPermissions"));
    for status in [500, 503] {
        let down = fail(FaultKind::ServerError { status }).await;
        assert_eq!((down.status, reason(&down).as_str()), (status, "backendError"));
    }
    let html = fail(FaultKind::BadGatewayHtml).await;
    assert_eq!((html.status, html.header("content-type")), (502, "text/html; charset=UTF-8"));
    assert!(html.text().starts_with("<!DOCTYPE html>"));
    assert_eq!(fail(FaultKind::Unauthorized).await.status, 401);
    assert_eq!(fail(FaultKind::NotFound).await.status, 404);
    assert_eq!(fail(FaultKind::Slow { ms: 0 }).await.status, 200);
    let cut = fail(FaultKind::Truncated).await;
    assert_eq!(cut.status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&cut.body).is_err());
    assert_eq!(caller.get(&format!("{ME}/profile")).await.status, 200);
}

#[tokio::test]
async fn token_faults_have_the_shape_of_the_token_endpoint() {
    let World { google, .. } = world().await;
    let fail = async |kind| {
        google.push_fault(Fault { on: Route::Any, kind, times: 1 });
        redeem(&google, &google.new_code(ADA)).await
    };
    let dead = fail(FaultKind::InvalidGrant).await;
    assert_eq!((dead.status, dead.json()["error"].as_str()), (400, Some("invalid_grant")));
    let client = fail(FaultKind::InvalidClient).await;
    assert_eq!((client.status, client.json()["error"].as_str()), (401, Some("invalid_client")));
    let partial = fail(FaultKind::MissingRefreshToken).await;
    assert_eq!((partial.status, partial.json().get("refresh_token")), (200, None));
    assert!(partial.json()["access_token"].is_string());
    assert_eq!(fail(FaultKind::ServerError { status: 500 }).await.json()["error"], "internal_failure");
    assert_eq!(fail(FaultKind::BadGatewayHtml).await.status, 502);
    assert_eq!(fail(FaultKind::RateLimited { retry_after_s: Some(1) }).await.status, 429);
}

#[tokio::test]
async fn faults_can_come_at_a_rate() {
    let World { google, caller, .. } = world().await;
    google.set_fault_rate(1.0, vec![FaultKind::ServerError { status: 500 }]);
    google.push_fault(Fault { on: Route::Any, kind: FaultKind::NotFound, times: 1 });
    let status = async || caller.get(&format!("{ME}/profile")).await.status;
    assert_eq!(status().await, 404, "queued ones first");
    assert_eq!(status().await, 500);
    google.clear_faults();
    assert_eq!(status().await, 200);
}

#[tokio::test]
async fn a_poisoned_message_fails_until_it_is_healed() {
    let World { google, caller, .. } = world().await;
    let id = google.deliver(ADA, mail("x"));
    let other = google.deliver(ADA, mail("y"));
    google.poison(ADA, &id, FaultKind::ServerError { status: 500 });
    google.clear_faults();
    for _ in 0..3 {
        assert_eq!(caller.get(&format!("{ME}/messages/{id}")).await.status, 500);
        assert_eq!(caller.get(&format!("{ME}/messages/{other}")).await.status, 200);
    }
    google.heal(ADA, &id);
    assert_eq!(caller.get(&format!("{ME}/messages/{id}")).await.status, 200);
}

#[tokio::test]
async fn one_account_fails_and_another_goes_on() {
    let World { google, caller, .. } = world().await;
    google.add_account("bo@double.example");
    let token = access_token(&google, "bo@double.example").await;
    let other = crate::probe::Caller::new(google.router()).with_token(&token);
    google.fail_account(ADA, FaultKind::RateLimited { retry_after_s: Some(3) });
    for _ in 0..3 {
        assert_eq!(caller.get(&format!("{ME}/profile")).await.status, 429);
        assert_eq!(other.get(&format!("{ME}/profile")).await.status, 200);
    }
    google.heal_account(ADA);
    assert_eq!(caller.get(&format!("{ME}/profile")).await.status, 200);
}
