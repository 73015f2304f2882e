use super::*;
use crate::{Fault, FaultKind, Route};

#[tokio::test]
async fn the_fifth_request_at_once_is_refused() {
    let World { microsoft, caller, .. } = world().await;
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let caller = caller.clone();
            tokio::spawn(async move { caller.get("/v1.0/me/messages").await })
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        let got = call.await.unwrap();
        if got.status == 429 {
            assert_eq!(
                (got.header("retry-after"), &got.json()["error"]["code"]),
                ("1", &"ApplicationThrottled".into())
            );
        }
        statuses.push(got.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 429, 429]);
    assert_eq!(microsoft.usage(ADA).in_flight_peak, 4);
}

#[tokio::test]
async fn faults_have_the_shape_of_graph() {
    let World { microsoft, caller, .. } = world().await;
    let fail = async |kind| {
        microsoft.push_fault(Fault { on: Route::List, kind, times: 1 });
        assert_eq!(caller.get("/v1.0/me").await.status, 200, "the fault is for another route");
        let got = caller.get("/v1.0/me/messages").await;
        let body: Value = serde_json::from_slice(&got.body).unwrap_or_default();
        (
            got.status,
            body["error"]["code"].as_str().unwrap_or("-").to_owned(),
            got.header("retry-after").to_owned(),
        )
    };
    let expect = |status: u16, code: &str, retry: &str| (status, code.to_owned(), retry.to_owned());
    let limited = FaultKind::RateLimited { retry_after_s: Some(30) };
    assert_eq!(fail(limited).await, expect(429, "ApplicationThrottled", "30"));
    assert_eq!(fail(FaultKind::ForbiddenLimit).await, expect(503, "ErrorServerBusy", "5"));
    assert_eq!(fail(FaultKind::Forbidden).await, expect(403, "ErrorAccessDenied", ""));
    assert_eq!(fail(FaultKind::ServerError { status: 503 }).await, expect(503, "serviceNotAvailable", ""));
    assert_eq!(
        fail(FaultKind::ServerError { status: 500 }).await,
        expect(500, "ErrorInternalServerError", "")
    );
    assert_eq!(fail(FaultKind::BadGatewayHtml).await, expect(502, "-", ""));
    assert_eq!(fail(FaultKind::Unauthorized).await, expect(401, "InvalidAuthenticationToken", ""));
    assert_eq!(fail(FaultKind::NotFound).await, expect(404, "ErrorItemNotFound", ""));
    assert_eq!(fail(FaultKind::Truncated).await, expect(200, "-", ""));
    let statuses: Vec<_> = microsoft.requests().iter().map(|line| line.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 11, "{statuses:?}");
}

#[tokio::test]
async fn token_faults_have_the_shape_of_entra() {
    let World { microsoft, .. } = world().await;
    let fail = async |kind| {
        microsoft.push_fault(Fault { on: Route::Token, kind, times: 1 });
        let got = redeem(&microsoft, &microsoft.new_code(ADA)).await;
        (got.status, got.json()["error"].as_str().unwrap_or("-").to_owned(), got)
    };
    let (status, error, got) = fail(FaultKind::InvalidGrant).await;
    assert_eq!(
        (status, error.as_str(), &got.json()["error_codes"][0]),
        (400, "invalid_grant", &700_082.into())
    );
    let (status, error, _) = fail(FaultKind::InvalidClient).await;
    assert_eq!((status, error.as_str()), (401, "invalid_client"));
    let (status, error, _) = fail(FaultKind::ServerError { status: 503 }).await;
    assert_eq!((status, error.as_str()), (503, "temporarily_unavailable"));
    let (status, _, got) = fail(FaultKind::MissingRefreshToken).await;
    assert_eq!((status, got.json().get("refresh_token")), (200, None));
}

#[tokio::test]
async fn a_poisoned_message_stays_so_over_a_move() {
    let World { microsoft, caller, .. } = world().await;
    let id = microsoft.deliver(ADA, mail("x"));
    microsoft.poison(ADA, &id, FaultKind::NotFound);
    microsoft.move_to(ADA, &id, "archive");
    let status = async || caller.get(&format!("/v1.0/me/messages/{id}")).await.status;
    assert_eq!(status().await, 404);
    microsoft.heal(ADA, &id);
    assert_eq!(status().await, 200);
}

#[tokio::test]
async fn a_look_at_what_is_there_may_miss_it_once() {
    let World { microsoft, caller, .. } = world().await;
    let id = microsoft.deliver(ADA, mail("x"));
    microsoft.miss(ADA, &id, 1);
    let listed = caller.get("/v1.0/me/messages").await.json();
    assert_eq!(strings(&listed, "id"), std::slice::from_ref(&id));
    let status = async || caller.get(&format!("/v1.0/me/messages/{id}")).await.status;
    assert_eq!((status().await, status().await), (404, 200));
}
