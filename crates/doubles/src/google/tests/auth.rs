use super::*;
use crate::clock::SECOND_US;
use crate::probe::START_US;

const CONSENT: &str = "/o/oauth2/v2/auth?client_id=double-client&response_type=code&state=a%26b\
                       &redirect_uri=http%3A%2F%2Fus.example%2Fback%3Fx%3D1&scope=gmail&access_type=offline";

/// The parameters a redirect sends back.
fn sent_back(location: &str) -> Vec<(String, String)> {
    let url: url::Url = location.parse().unwrap();
    assert!(location.starts_with("http://us.example/back?x=1&"), "{location}");
    url.query_pairs().skip(1).map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

#[tokio::test]
async fn a_named_account_consents_at_once() {
    let world = world().await;
    let got = world.caller.get(&format!("{CONSENT}&login_hint=ADA@double.example")).await;
    assert_eq!(got.status, 302);
    let pairs = sent_back(got.header("location"));
    assert_eq!((pairs[0].0.as_str(), pairs[1].0.as_str(), pairs[1].1.as_str()), ("code", "state", "a&b"));

    let mismatch = redeem(&world.google, &pairs[0].1).await;
    assert_eq!((mismatch.status, mismatch.json()["error"].as_str()), (400, Some("redirect_uri_mismatch")));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &pairs[0].1),
        ("redirect_uri", "http://us.example/back?x=1"),
    ];
    let fields = [&fields[..], &client()].concat();
    let issued = world.caller.post_form("/token", &fields).await;
    assert_eq!((issued.status, issued.json()["scope"].as_str()), (200, Some("gmail")));
    assert_eq!(issued.json().get("refresh_token"), None, "this account consented before");

    let again = world.caller.get(&format!("{CONSENT}&login_hint={ADA}&prompt=consent")).await;
    let code = &sent_back(again.header("location"))[0].1;
    let fields = [&[("grant_type", "authorization_code"), ("code", code), fields[2]], &client()[..]].concat();
    assert!(world.caller.post_form("/token", &fields).await.json()["refresh_token"].is_string());
}

#[tokio::test]
async fn without_a_name_there_is_a_choice() {
    let world = world().await;
    world.google.add_account("<b>@double.example");
    let page = world.caller.get(CONSENT).await.text();
    assert!(page.contains("as=ada%40double.example\""), "{page}");
    assert!(!page.contains("login_hint="), "{page}");
    assert!(page.contains("&lt;b&gt;@double.example"), "{page}");
    let chosen = world.caller.get(&format!("{CONSENT}&as={ADA}")).await.text();
    assert!(chosen.contains("login_hint=ada%40double.example\""), "{chosen}");
    let deny = world.caller.get(&format!("{CONSENT}&deny=1")).await;
    let pairs = sent_back(deny.header("location"));
    assert_eq!((pairs[0].0.as_str(), pairs[0].1.as_str()), ("error", "access_denied"));
    assert_eq!(pairs.last().unwrap().1, "a&b");
}

#[tokio::test]
async fn mistakes_are_not_sent_back() {
    let world = world().await;
    for (right, wrong) in [("double-client", "other"), ("response_type=code&", ""), ("scope=gmail", "x=y")] {
        assert_eq!(world.caller.get(&CONSENT.replace(right, wrong)).await.status, 400, "{right}");
    }
}

#[tokio::test]
async fn the_proof_key_is_checked() {
    let world = world().await;
    // The pair of RFC 7636, appendix B.
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    for (given, status) in [(verifier, 200), ("wrong", 400), ("", 400)] {
        let uri = format!("{CONSENT}&login_hint={ADA}&code_challenge={challenge}&code_challenge_method=S256");
        let code = sent_back(world.caller.get(&uri).await.header("location"))[0].1.clone();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", "http://us.example/back?x=1"),
            ("code_verifier", given),
        ];
        let got = world.caller.post_form("/token", &[&fields[..], &client()].concat()).await;
        assert_eq!(got.status, status, "{given}");
    }
}

#[tokio::test]
async fn a_code_works_once_and_not_for_long() {
    let World { google, time, .. } = world().await;
    let code = google.new_code(ADA);
    let got = redeem(&google, &code).await;
    assert_eq!((got.status, got.json()["expires_in"].as_i64()), (200, Some(3599)));
    assert_eq!(got.json()["token_type"], "Bearer");
    assert!(got.json()["refresh_token"].is_string());
    let again = redeem(&google, &code).await;
    assert_eq!((again.status, again.json()["error"].as_str()), (400, Some("invalid_grant")));
    let late = google.new_code(ADA);
    time.advance_s(600);
    assert_eq!(redeem(&google, &late).await.json()["error"], "invalid_grant");
    assert_eq!(google.token_requests_count(), 4);
}

#[tokio::test]
async fn refreshing_keeps_the_refresh_token() {
    let World { google, time, .. } = world().await;
    google.set_token_lifetime_s(60);
    let issued = redeem(&google, &google.new_code(ADA)).await.json();
    let refresh_token = issued["refresh_token"].as_str().unwrap();
    let caller = Caller::new(google.router()).with_token(issued["access_token"].as_str().unwrap());
    let profile = format!("{ME}/profile");
    time.advance_s(59);
    assert_eq!(caller.get(&profile).await.status, 200);
    time.advance_s(1);
    let expired = caller.get(&profile).await;
    assert_eq!((expired.status, expired.json()["error"]["status"].as_str()), (401, Some("UNAUTHENTICATED")));
    assert_eq!(expired.json()["error"]["errors"][0]["reason"], "authError");
    for _ in 0..2 {
        let refreshed = refresh(&google, refresh_token).await.json();
        assert_eq!(refreshed.get("refresh_token"), None);
        let token = refreshed["access_token"].as_str().unwrap();
        assert_eq!(Caller::new(google.router()).with_token(token).get(&profile).await.status, 200);
    }
}

#[tokio::test]
async fn revoking_ends_both_kinds_of_tokens() {
    let World { google, caller, .. } = world().await;
    let issued = redeem(&google, &google.new_code(ADA)).await.json();
    let refresh_token = issued["refresh_token"].as_str().unwrap();
    google.expire_access_tokens(ADA);
    assert_eq!(caller.get(&format!("{ME}/profile")).await.status, 401);
    assert_eq!(refresh(&google, refresh_token).await.status, 200);
    let revoked = caller.post_form("/revoke", &[("token", refresh_token)]).await;
    assert_eq!(revoked.status, 200);
    let got = refresh(&google, refresh_token).await;
    assert_eq!((got.status, got.json()["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(got.json()["error_description"], "Token has been expired or revoked.");
    assert_eq!(redeem(&google, &google.new_code(ADA)).await.status, 200, "one can consent again");
}

#[tokio::test]
async fn the_client_has_to_be_known() {
    let World { google, caller, .. } = world().await;
    google.set_client("us", "hush");
    let wrong = redeem(&google, &google.new_code(ADA)).await;
    assert_eq!((wrong.status, wrong.json()["error"].as_str()), (401, Some("invalid_client")));
    let code = google.new_code(ADA);
    let fields = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", "x")];
    let basic = caller.with("authorization", "Basic dXM6aHVzaA==");
    // The caller's own bearer token comes first; only a fresh caller shows the other header.
    assert_eq!(basic.post_form("/token", &fields).await.json()["error"], "invalid_request");
    let basic = Caller::new(google.router()).with("authorization", "Basic dXM6aHVzaA==");
    assert_eq!(basic.post_form("/token", &fields).await.status, 200);
    let unknown = basic.post_form("/token", &[("grant_type", "password")]).await;
    assert_eq!(unknown.json()["error"], "unsupported_grant_type");
}

#[tokio::test]
async fn the_hundred_and_first_refresh_token_ends_the_first() {
    let World { google, .. } = world().await;
    google.revoke(ADA);
    let mut tokens = Vec::new();
    for _ in 0..101 {
        let issued = redeem(&google, &google.new_code(ADA)).await.json();
        tokens.push(issued["refresh_token"].as_str().unwrap().to_owned());
    }
    assert_eq!(refresh(&google, &tokens[0]).await.status, 400);
    assert_eq!(refresh(&google, &tokens[1]).await.status, 200);
}

#[tokio::test]
async fn a_scope_can_be_unticked() {
    let World { google, .. } = world().await;
    google.set_granted_scope(Some("https://www.googleapis.com/auth/gmail.metadata"));
    let issued = redeem(&google, &google.new_code(ADA)).await.json();
    assert_eq!(issued["scope"], "https://www.googleapis.com/auth/gmail.metadata");
    let caller = Caller::new(google.router()).with_token(issued["access_token"].as_str().unwrap());
    let id = google.deliver(ADA, mail("x"));
    assert_eq!(caller.get(&format!("{ME}/messages")).await.status, 200);
    assert_eq!(caller.get(&format!("{ME}/messages?q=x")).await.status, 403);
    assert_eq!(caller.get(&format!("{ME}/messages/{id}")).await.status, 403);
    assert_eq!(caller.get(&format!("{ME}/messages/{id}?format=metadata")).await.status, 200);
}

#[tokio::test]
async fn every_answer_is_dated_and_every_request_logged() {
    let World { google, caller, time } = world().await;
    time.advance_s(5);
    let got = caller.get(&format!("{ME}/profile?fields=historyId")).await;
    assert_eq!(got.header("date"), "Sun, 22 Nov 2026 11:40:05 GMT");
    caller.get("/nowhere").await;
    let lines = google.requests();
    assert_eq!(lines.len(), 2);
    assert_eq!((lines[0].method.as_str(), lines[0].status), ("GET", 200));
    assert_eq!(lines[0].target, format!("{ME}/profile?fields=historyId"));
    assert_eq!((lines[1].status, lines[1].at_us), (404, START_US + 5 * SECOND_US));
    google.clear_requests();
    assert!(google.requests().is_empty());
}
