use super::*;

const CONSENT: &str = "/common/oauth2/v2.0/authorize?client_id=double-client&response_type=code&state=s\
                       &redirect_uri=http%3A%2F%2Fus.example%2Fback&scope=Mail.Read";

#[tokio::test]
async fn a_refresh_token_needs_its_scope() {
    let world = world().await;
    for (scope, expected) in [("", false), ("%20offline_access", true)] {
        let got = world.caller.get(&format!("{CONSENT}{scope}&login_hint={ADA}")).await;
        let location: url::Url = got.header("location").parse().unwrap();
        let code = location.query_pairs().next().unwrap().1.into_owned();
        let issued = redeem(&world.microsoft, &code).await.json();
        assert_eq!(issued["scope"], "Mail.Read");
        assert_eq!(issued.get("refresh_token").is_some(), expected, "{scope}");
    }
    let page = world.caller.get(CONSENT).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("as=ada%40double.example\""));
}

#[tokio::test]
async fn refreshing_rotates_and_the_former_token_stays_good() {
    let World { microsoft, .. } = world().await;
    let issued = redeem(&microsoft, &microsoft.new_code(ADA)).await.json();
    assert_eq!((&issued["expires_in"], &issued["ext_expires_in"]), (&3599.into(), &3599.into()));
    let first = issued["refresh_token"].as_str().unwrap();
    let second = refresh(&microsoft, first).await.json()["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(refresh(&microsoft, first).await.status, 200);

    microsoft.set_refuse_reuse(true);
    let reused = refresh(&microsoft, first).await;
    assert_eq!((reused.status, reused.json()["error"].as_str()), (400, Some("invalid_grant")));
    let third = refresh(&microsoft, &second).await;
    assert_eq!(third.status, 200, "not used before");
    assert_eq!(refresh(&microsoft, &second).await.status, 400);

    microsoft.set_refuse_reuse(false);
    microsoft.set_rotation(false);
    assert_eq!(refresh(&microsoft, &second).await.json().get("refresh_token"), None);
}

#[tokio::test]
async fn token_errors_have_the_shape_of_entra() {
    let World { microsoft, caller, .. } = world().await;
    let code = microsoft.new_code(ADA);
    let issued = redeem(&microsoft, &code).await.json();
    let used = redeem(&microsoft, &code).await;
    let body = used.json();
    assert_eq!(
        (used.status, body["error"].as_str(), &body["error_codes"]),
        (400, Some("invalid_grant"), &serde_json::json!([54005]))
    );
    assert!(body["error_description"].as_str().unwrap().starts_with("AADSTS54005: "));
    assert_eq!(body["timestamp"], "2026-11-22 11:40:00Z");
    assert_eq!(body["trace_id"].as_str().unwrap().len(), 36);
    assert_eq!(body["correlation_id"], body["trace_id"]);

    microsoft.revoke(ADA);
    let revoked = refresh(&microsoft, issued["refresh_token"].as_str().unwrap()).await;
    assert_eq!((revoked.status, revoked.json()["error_codes"][0].as_i64()), (400, Some(50173)));
    let denied = caller.get("/v1.0/me").await;
    assert_eq!(
        (denied.status, denied.json()["error"]["code"].as_str()),
        (401, Some("InvalidAuthenticationToken"))
    );

    microsoft.set_client(CLIENT_ID, "another");
    let client = redeem(&microsoft, &microsoft.new_code(ADA)).await;
    assert_eq!((client.status, client.json()["error"].as_str()), (401, Some("invalid_client")));
    let unknown = Caller::new(microsoft.router())
        .post_form("/t/oauth2/v2.0/token", &[("client_id", "x"), ("client_secret", "")])
        .await;
    assert_eq!((unknown.status, unknown.json()["error"].as_str()), (400, Some("unauthorized_client")));
}

#[tokio::test]
async fn access_tokens_end() {
    let World { microsoft, time, caller } = world().await;
    let me = caller.get("/v1.0/me").await;
    assert_eq!((me.status, &me.json()["mail"]), (200, &ADA.into()));
    time.advance_s(3599);
    assert_eq!(caller.get("/v1.0/me").await.status, 401);
    microsoft.set_token_lifetime_s(5);
    assert_eq!(redeem(&microsoft, &microsoft.new_code(ADA)).await.json()["expires_in"], 5);
    assert_eq!(microsoft.token_requests_count(), 2);
}
