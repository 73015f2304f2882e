//! Editing an instance, signing in again, and what its page says of a provider's refusal.

use super::connect_scripted::{BACK, Connecting, ON_TO_THE_LOGIN};
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn an_edit_sends_what_differs_and_a_trial_stores_nothing() {
    let connecting = Connecting::new().await;
    let same = [
        ("item.oauth.scope", "coo.attic"),
        ("item.oauth.api.key", "********"),
        ("item.oauth.api.secret", "********"),
        ("item.event.notification.callback.url", "https://app.example/it's"),
    ];
    let page = connecting.browser.get("/instances/7/edit").await;
    assert!(
        page.text.contains("value=\"********\"") && page.text.contains("app.example/it&#39;s")
            || page.text.contains("app.example/it's")
    );
    let unchanged = connecting.fill("/instances/7/edit", &same).await;
    assert_eq!(unchanged.location(), "/instances/7");
    assert!(connecting.sent_to("PATCH /instances/7").is_empty());
    let others = [&same[..], &[("item.event.poller.refresh_interval", "5"), ("tags", "c")]].concat();
    let tried = connecting.fill("/instances/7/edit", &[&others[..], &[("do", "try")]].concat()).await;
    assert!(
        tried.text.contains("Tried, nothing stored")
            && tried.text.contains("by dates")
            && tried.text.contains("4 with an id")
    );
    assert!(tried.text.contains("value=\"5\""), "what was typed stays");
    let wanted = json!({ "configuration": { "event.poller.refresh_interval": "5" }, "tags": ["c"] });
    let tried = connecting.sent_to("PATCH /instances/7?dryRun=true");
    assert_eq!(tried.first(), Some(&wanted));
    let saved = connecting.fill("/instances/7/edit", &others).await;
    assert_eq!(saved.location(), "/instances/7");
    assert_eq!(connecting.sent_to("PATCH /instances/7"), [wanted]);
    connecting.refuse(400, "`tags`: are odd");
    let refused = connecting.fill("/instances/7/edit", &others).await;
    assert!(refused.text.contains("id=\"tags-error\">Are odd<") && refused.text.contains("value=\"5\""));
}

#[tokio::test]
async fn signing_in_again_changes_the_instance_by_its_code() {
    let connecting = Connecting::new().await;
    let token = connecting.browser.get("/instances/7/authenticate").await.form_token();
    connecting.sent.lock().unwrap().clear();
    let begun = connecting.browser.post("/instances/7/authenticate", &[("form_token", &token)]).await;
    assert!(begun.text.contains(ON_TO_THE_LOGIN), "{}", begun.text);
    let asked: Vec<String> = connecting.sent.lock().unwrap().iter().map(|(asked, _)| asked.clone()).collect();
    let query = asked.iter().find_map(|asked| asked.strip_prefix("GET /instances/7/oauth/url?")).unwrap();
    let query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let of = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap();
    assert_eq!((of("callbackUrl").as_str(), of("codeChallengeMethod").as_str()), (BACK, "S256"));
    let done = connecting.browser.get(&format!("/oauth/callback?code=c&state={}", of("state"))).await;
    assert_eq!(done.location(), "/instances/7");
    let sent = connecting.sent_to("PATCH /instances/7?confirmMailbox=true").pop().unwrap();
    assert_eq!(sent["providerData"]["code"], "c");
    assert!(sent["providerData"]["codeVerifier"].as_str().is_some_and(|verifier| verifier.len() == 64));
    assert_eq!(of("scope"), "coo.attic coo.messages", "what was allowed, and what is polled by now");
    let configuration = json!({ "oauth.callback.url": BACK, "oauth.scope": "coo.attic coo.messages" });
    assert_eq!(sent["configuration"], configuration);
}

#[tokio::test]
async fn another_mailbox_is_asked_about_before_it_takes_the_place() {
    let connecting = Connecting::new().await;
    let token = connecting.browser.get("/instances/7/authenticate").await.form_token();
    connecting.browser.post("/instances/7/authenticate", &[("form_token", &token)]).await;
    let asked =
        connecting.all_sent().into_iter().find(|(asked, _)| asked.starts_with("GET /instances/7/oauth/url?"));
    let url = url::Url::parse(&format!("http://x{}", asked.unwrap().0.split_once(' ').unwrap().1)).unwrap();
    let state = url.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned();
    let other = json!({ "message": "another", "otherMailbox": { "address": "new@loft.example", "confirmation": "sealed" } });
    *connecting.refusal.lock().unwrap() = Some((409, other));
    let asked = connecting.browser.get(&format!("/oauth/callback?code=c&state={state}")).await;
    assert!(asked.location().starts_with("/instances/7/authenticate?again="), "{}", asked.text);
    *connecting.refusal.lock().unwrap() = None;
    let question = connecting.browser.get(asked.location()).await;
    for text in ["Nothing was changed yet", "new@loft.example", "Change the mailbox"] {
        assert!(question.text.contains(text), "{text}");
    }
    connecting.all_sent();
    let kept = question.text.split("name=\"kept\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let yes = [("form_token", token.as_str()), ("kept", kept)];
    let done = connecting.browser.post("/instances/7/authenticate/other", &yes).await;
    assert_eq!(done.location(), "/instances/7", "{}", done.text);
    let sent = connecting.sent_to("PATCH /instances/7").pop().unwrap();
    assert_eq!(sent["providerData"], json!({ "confirmation": "sealed" }));
}

#[tokio::test]
async fn what_a_refusal_means_is_said_where_an_instance_signs_in_again() {
    let connecting = Connecting::new().await;
    let token = connecting.browser.get("/instances/7/authenticate").await.form_token();
    connecting.browser.post("/instances/7/authenticate", &[("form_token", &token)]).await;
    let asked =
        connecting.all_sent().into_iter().find(|(asked, _)| asked.starts_with("GET /instances/7/oauth/url?"));
    let query = asked.unwrap().0;
    let state = query.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    connecting.refuse(400, "the loft said no_corn");
    let refused = connecting.browser.get(&format!("/oauth/callback?code=c&state={state}")).await;
    let page = connecting.browser.get(refused.location()).await.text;
    assert!(page.contains("Nothing was changed.") && page.contains("<strong>Bring corn.</strong>"), "{page}");
}

/// Not while trying again is all there is to do.
#[tokio::test]
async fn what_a_refusal_means_is_said_on_the_page_of_an_instance_that_fails_for_long() {
    let connecting = Connecting::new().await;
    let page = connecting.browser.get("/instances/8").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(
        page.text.contains("No corn.") && page.text.contains("<strong>Bring corn.</strong>"),
        "{}",
        page.text
    );
    let page = connecting.browser.get("/instances/9").await;
    assert!(page.text.contains("403 no_corn") && !page.text.contains("Bring corn."), "{}", page.text);
}
