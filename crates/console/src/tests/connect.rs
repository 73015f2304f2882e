//! Connecting and signing in.

use super::HOSTILE;
use super::connect_scripted::{BACK, Connecting, ON_TO_THE_LOGIN, POLLER};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::{Value, json};

#[tokio::test]
async fn the_form_has_the_documented_order_and_labels_for_a_connector_nobody_knows() {
    let connecting = Connecting::new().await;
    let page = connecting.browser.get("/connect/pigeon").await;
    let mut at = 0;
    for label in [
        ">Name<",
        "Show Optional Fields",
        "Callback Notification Signature Key",
        "API Key",
        "API Secret",
        "&lt;img src=x",
        "Event Configuration",
        "Events Enabled",
        "Event Notification Callback URL",
        "Event poller refresh interval (mins)",
        "type=\"number\"",
        "type=\"range\"",
        "Configure Polling",
        "Event Poller Configuration for &quot;labels&quot;",
        "URL",
        "ID Field",
        "Advanced Filtering",
        "Updated Date Field",
        "Updated Date Format",
        "Created Date Field",
        "Created Date Format",
        "Raw JSON",
        "Tags",
        "Create Instance",
    ] {
        at += page.text[at..].find(label).unwrap_or_else(|| panic!("{label} comes later"));
    }
    for absent in ["Vendor Event Type", "Never asked", "item.oauth.callback.url", "Event Type", "Push topic"]
    {
        assert!(!page.text.contains(absent), "{absent}");
    }
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.ends_with("form-action 'self'"), "{policy}");
}

#[tokio::test]
async fn what_connectors_and_people_say_is_text() {
    let connecting = Connecting::new().await;
    let hostile = [("name", HOSTILE), ("tags", HOSTILE), ("item.loft", HOSTILE), ("poll.1.name", HOSTILE)];
    let others = [&hostile[..], &[("do", "to-code"), ("item.event.poller.configuration", HOSTILE)]].concat();
    for page in [
        connecting.browser.get("/connect").await,
        connecting.browser.get("/connect/pigeon").await,
        connecting.fill("/connect/pigeon", &others).await,
        connecting
            .fill("/connect/pigeon", &[("do", "from-code"), ("item.event.poller.configuration", HOSTILE)])
            .await,
    ] {
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.text.contains("<img"), "{}", page.text);
    }
}

#[tokio::test]
async fn a_filled_form_leads_to_the_login_and_back_to_an_instance() {
    let connecting = Connecting::new().await;
    let begun = connecting.fill("/connect/pigeon", &[]).await;
    assert!(begun.text.contains(ON_TO_THE_LOGIN), "{}", begun.text);
    let asked = connecting.sent_to("POST /elements/pigeon/oauth/url").pop().unwrap();
    assert_eq!((&asked["apiKey"], &asked["callbackUrl"]), (&json!("client"), &json!(BACK)));
    assert_eq!(asked["codeChallengeMethod"], "S256");
    let state = asked["state"].as_str().unwrap();
    let done = connecting.browser.get(&format!("/oauth/callback?code=the-code&state={state}")).await;
    assert_eq!(done.location(), "/instances/7/connected", "{}", done.text);
    let made = connecting.sent_to("POST /instances").pop().unwrap();
    let verifier = made["providerData"]["codeVerifier"].as_str().unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
    assert_eq!(asked["codeChallenge"], URL_SAFE_NO_PAD.encode(digest), "PKCE");
    assert_eq!(made["providerData"]["code"], "the-code");
    assert_eq!((&made["name"], &made["tags"]), (&json!("Mine"), &json!(["a", "b"])));
    let configuration = &made["configuration"];
    assert_eq!(configuration["oauth.callback.url"], BACK);
    assert_eq!(configuration["oauth.api.secret"], "hush");
    assert_eq!(configuration["event.poller.configuration"], serde_json::from_str::<Value>(POLLER).unwrap());
    let page = connecting.browser.get(done.location()).await;
    let curl = [r"app.example/it'\''s", "&lt;oauth.api.secret&gt;", "User &lt;user secret&gt;"];
    for text in [&["the-token", "Show the Element token", "messages works"][..], &curl[..]].concat() {
        assert!(page.text.contains(text), "{text} in {}", page.text);
    }
    let again = connecting.browser.get(&format!("/oauth/callback?code=the-code&state={state}")).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN, "a state is used once");
}

#[tokio::test]
async fn a_new_application_is_stored_once_somebody_could_sign_in_with_it() {
    let connecting = Connecting::new().await;
    let begun = async || {
        connecting.fill("/connect/pigeon", &[("application.name", "lofts")]).await;
        let sent = connecting.all_sent();
        let of = |asked: &str| {
            sent.iter().filter(|(known, _)| known == asked).map(|(_, body)| body.clone()).collect::<Vec<_>>()
        };
        assert!(of("POST /applications").is_empty(), "a sign-in that is broken off leaves none");
        let checked = of("POST /applications?dryRun=true").pop().unwrap();
        assert_eq!((&checked["name"], &checked["apiSecret"]), (&json!("lofts"), &json!("hush")));
        of("POST /elements/pigeon/oauth/url").pop().unwrap()
    };
    let asked = begun().await;
    assert_eq!((&asked["application"], &asked["apiKey"]), (&json!(""), &json!("client")));
    assert_eq!(asked["scope"], "coo.messages", "of what is ticked");
    let state = asked["state"].as_str().unwrap();
    connecting.browser.get(&format!("/oauth/callback?code=c&state={state}")).await;
    let made = connecting.sent_to("POST /instances").pop().unwrap();
    assert_eq!(made["configuration"]["oauth.application"], "lofts");
    assert!(made["configuration"].get("oauth.api.secret").is_none());

    let asked = begun().await;
    connecting.refuse(400, "the provider's token endpoint answered 401 invalid_client");
    let state = asked["state"].as_str().unwrap();
    let refused = connecting.browser.get(&format!("/oauth/callback?code=c&state={state}")).await;
    let sent = connecting.all_sent();
    assert!(
        sent.iter().any(|(asked, _)| asked == "DELETE /applications/lofts"),
        "nobody gets in with it: {sent:?}"
    );
    let form = connecting.browser.get(refused.location()).await.text;
    assert!(form.contains("value=\"hush\"") && form.contains("value=\"lofts\""), "{form}");
}

#[tokio::test]
async fn a_second_tab_does_not_break_the_first_ones_sign_in() {
    let connecting = Connecting::new().await;
    let first = connecting.begin().await;
    let second = connecting.begin().await;
    let done = connecting.browser.get(&format!("/oauth/callback?code=one&state={first}")).await;
    assert_eq!(done.location(), "/instances/7/connected", "{}", done.text);
    let done = connecting.browser.get(&format!("/oauth/callback?code=two&state={second}")).await;
    assert_eq!(done.location(), "/instances/7/connected", "{}", done.text);
    assert_eq!(connecting.sent_to("POST /instances").len(), 2);
    let again = connecting.browser.get(&format!("/oauth/callback?code=one&state={first}")).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN, "each once");
}

#[tokio::test]
async fn the_oldest_of_many_sign_ins_makes_room_and_headers_stay_small() {
    let connecting = Connecting::new().await;
    let mut states = Vec::new();
    for _ in 0..40 {
        connecting.browser.later(TimeDelta::seconds(1));
        states.push(connecting.begin().await);
        assert!(connecting.browser.cookie_bytes() < 8_500, "{}", connecting.browser.cookie_bytes());
    }
    let done = async |state: &str| {
        connecting.browser.get(&format!("/oauth/callback?code=c&state={state}")).await.status
    };
    assert_eq!(done(&states[0]).await, StatusCode::FORBIDDEN);
    assert_eq!(done(&states[39]).await, StatusCode::SEE_OTHER);
    assert_eq!(done(&states[38]).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn back_from_the_provider_the_form_is_as_it_was() {
    let connecting = Connecting::new().await;
    connecting.begin().await;
    let back = connecting.browser.get("/connect/pigeon").await.text;
    for text in ["value=\"Mine\"", "value=\"a, b\"", "Begin with a new form"] {
        assert!(back.contains(text), "{text}");
    }
    let fresh = connecting.browser.get("/connect/pigeon?fresh=true").await.text;
    assert!(!fresh.contains("value=\"Mine\""));
}

#[tokio::test]
async fn what_was_typed_before_the_session_ended_is_there_after_signing_in_but_for_secrets() {
    let connecting = Connecting::new().await;
    let form = connecting.browser.get("/connect/pigeon").await;
    assert!(form.text.contains("known-client"), "what the host knows beforehand");
    connecting.browser.end_session();
    let fields = [
        ("name", "Typed"),
        ("item.oauth.api.secret", "hush"),
        ("item.oauth.api.key", "client"),
        ("do", "go"),
    ];
    let ended = connecting.browser.post("/connect/pigeon", &fields).await;
    assert_eq!(ended.location(), "/sign-in?next=%2Fconnect%2Fpigeon");
    assert!(!connecting.browser.cookies_as_text().contains("hush"));
    connecting.browser.sign_in_again().await;
    let again = connecting.browser.get("/connect/pigeon").await.text;
    assert!(again.contains("value=\"Typed\"") && again.contains("Your session had ended"), "{again}");
    assert!(!again.contains("hush"), "whoever signed in may be another");
    assert!(!connecting.browser.get("/connect/pigeon").await.text.contains("Typed"), "once");
}

#[tokio::test]
async fn no_other_site_leaves_a_draft() {
    let connecting = Connecting::new().await;
    connecting.browser.end_session();
    for headers in [&[][..], &[("origin", "https://evil.example")], &[("sec-fetch-site", "cross-site")]] {
        connecting.browser.post_from("/connect/pigeon", headers, &[("name", "Planted")]).await;
        connecting.browser.sign_in_again().await;
        let form = connecting.browser.get("/connect/pigeon").await.text;
        assert!(form.contains("Connect Pigeon") && !form.contains("Planted"), "{headers:?}");
        connecting.browser.end_session();
    }
}

#[tokio::test]
async fn a_test_event_is_sent_for_the_form_and_stores_nothing() {
    let connecting = Connecting::new().await;
    let tested =
        connecting.fill("/connect/pigeon", &[("do", "test-event"), ("item.loft", "secret loft")]).await;
    assert_eq!(tested.status, StatusCode::OK);
    assert!(tested.text.contains("The callback took the test event: 200 in 41 ms."), "{}", tested.text);
    assert!(tested.text.contains("value=\"Mine\""), "the form stays");
    let sent = connecting.all_sent();
    let (_, body) = sent.iter().find(|(asked, _)| asked == "POST /instances/test-event").unwrap();
    assert_eq!(body["configuration"]["event.notification.callback.url"], "https://app.example/events");
    assert!(body["configuration"].get("oauth.api.secret").is_none(), "only what a callback has: {body}");
    assert!(!sent.iter().any(|(asked, _)| asked.ends_with("POST /instances")));
}

#[tokio::test]
async fn a_form_says_how_to_register_and_polls_unless_told_otherwise() {
    let connecting = Connecting::new().await;
    let page = connecting.browser.get("/connect/pigeon").await;
    for text in ["Build a loft.", "https://loft.example", "Ask the keeper.", "No corn."] {
        assert!(page.text.contains(text), "{text}");
    }
    let enabled = page.text.split("id=\"item.event.notification.enabled\"").nth(1).unwrap();
    assert!(enabled.split('>').next().unwrap().contains("checked"));
    connecting.refuse(502, "the loft said no_corn");
    let refused = connecting.fill("/connect/pigeon", &[]).await;
    assert!(refused.text.contains("<strong>Bring corn.</strong>"), "{}", refused.text);
    assert!(refused.text.contains("role=\"alert\" tabindex=\"-1\" autofocus"));
}

#[tokio::test]
async fn a_state_that_is_not_this_sessions_exchanges_nothing() {
    let connecting = Connecting::new().await;
    let state = connecting.begin().await;
    for query in ["code=c&state=other", "code=c", "code=c&state=", "error=access_denied&state=other"] {
        let refused = connecting.browser.get(&format!("/oauth/callback?{query}")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{query}");
    }
    connecting.browser.later(TimeDelta::minutes(31));
    let late = connecting.browser.get(&format!("/oauth/callback?code=c&state={state}")).await;
    assert_eq!(late.status, StatusCode::FORBIDDEN);
    assert!(connecting.sent_to("POST /instances").is_empty());
}

/// The browser forgets what it kept for it; whoever copied that before does not. The interface takes the state once.
#[tokio::test]
async fn a_state_counts_once_for_whoever_kept_the_cookies() {
    let connecting = Connecting::new().await;
    let state = connecting.begin().await;
    let copied = connecting.browser.copied_cookies();
    let done = connecting.browser.get(&format!("/oauth/callback?code=one&state={state}")).await;
    assert_eq!(done.location(), "/instances/7/connected");
    let gone = connecting.browser.get(&format!("/oauth/callback?code=one&state={state}")).await;
    assert_eq!(gone.status, StatusCode::FORBIDDEN);
    connecting.refuse_with(400, json!({ "message": "it came before", "code": "signInRepeated" }));
    for query in [format!("code=two&state={state}"), format!("error=access_denied&state={state}")] {
        connecting.browser.put_back(copied.clone());
        let again = connecting.browser.get(&format!("/oauth/callback?{query}")).await;
        assert!(again.location().starts_with("/connect/pigeon?again="), "{query}: {}", again.location());
        let page = connecting.browser.get(again.location()).await;
        assert_eq!(page.text.contains("may have ended well"), query.starts_with("code"), "{}", page.text);
    }
    let sent = connecting.sent_to("POST /instances");
    let of = |name: &str| sent.iter().map(|body| body["providerData"][name].clone()).collect::<Vec<_>>();
    assert_eq!(of("code"), ["one", "two"]);
    assert_eq!(of("once"), [state.as_str(), &state]);
}

/// Its cookie is still in the browser: whoever signs in there next may be another, and gets nobody's mailbox.
#[tokio::test]
async fn what_another_session_began_exchanges_nothing() {
    let connecting = Connecting::new().await;
    let state = connecting.begin().await;
    connecting.browser.end_session();
    connecting.browser.sign_in_again().await;
    let refused = connecting.browser.get(&format!("/oauth/callback?code=c&state={state}")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(connecting.sent_to("POST /instances").is_empty());
}

#[tokio::test]
async fn a_denied_login_returns_to_the_filled_form_with_the_reason() {
    let connecting = Connecting::new().await;
    let state = connecting.begin().await;
    let query = format!("error=access_denied&error_description=No+%3Cb%3E&state={state}");
    let denied = connecting.browser.get(&format!("/oauth/callback?{query}")).await;
    assert!(denied.location().starts_with("/connect/pigeon?again="));
    let page = connecting.browser.get(denied.location()).await;
    for text in ["denied at the provider: No &lt;b&gt;", "value=\"Mine\"", "value=\"hush\"", "value=\"a, b\""]
    {
        assert!(page.text.contains(text), "{text}");
    }
    let fresh = connecting.browser.get("/connect/pigeon").await;
    assert!(!fresh.text.contains("hush"), "a new form is empty");
}

#[tokio::test]
async fn what_the_interface_refuses_is_told_at_its_field() {
    let connecting = Connecting::new().await;
    connecting.refuse(
        400,
        "`event.poller.configuration.messages.url`: is odd; `oauth.api.key`: is wrong; `loft`: is full",
    );
    let page = connecting.fill("/connect/pigeon", &[]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for (field, text) in [
        ("item.event.poller.configuration", "messages.url: is odd"),
        ("item.oauth.api.key", "Is wrong"),
        ("item.loft", "Is full"),
    ] {
        assert!(
            page.text.contains(&format!("id=\"{field}-error\">{text}<")),
            "{field}: {text} in {}",
            page.text
        );
    }
    assert!(
        connecting.sent_to("POST /elements/pigeon/oauth/url").len() <= 2,
        "only the page asked for the login"
    );
    *connecting.refusal.lock().unwrap() = None;
    let state = connecting.begin().await;
    connecting.refuse(502, "the provider's token endpoint answered 500");
    let failed = connecting.browser.get(&format!("/oauth/callback?code=c&state={state}")).await;
    assert!(failed.location().starts_with("/connect/pigeon?again="));
    let page = connecting.browser.get(failed.location()).await;
    assert!(page.text.contains("token endpoint answered 500") && page.text.contains("value=\"Mine\""));
}

#[tokio::test]
async fn a_form_that_no_cookie_holds_is_refused_in_words() {
    let connecting = Connecting::new().await;
    // What does not deflate.
    let digest = |index: u32| ring::digest::digest(&ring::digest::SHA256, &index.to_be_bytes());
    let long: String = (0..300).map(|index| URL_SAFE_NO_PAD.encode(digest(index))).collect();
    let page = connecting.fill("/connect/pigeon", &[("item.loft", &long)]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("too large to be kept in the browser"));
    assert!(!page.headers.contains_key("set-cookie"));
}

async fn poller_of(connecting: &Connecting, others: &[(&str, &str)]) -> Option<Value> {
    connecting.fill("/connect/pigeon", others).await;
    let sent = connecting.sent_to("POST /instances?dryRun=true").pop()?;
    Some(sent["configuration"]["event.poller.configuration"].clone())
}

#[tokio::test]
async fn list_or_code_counts_whichever_was_changed() {
    let connecting = Connecting::new().await;
    let code = ("item.event.poller.configuration", r#"{"labels":{"url":"/l"}}"#);
    let list = ("poll.1.url", "/hubs/x/messages?a=b");
    let both = json!({ "url": "/hubs/x/messages?a=b", "idField": "id", "size": 7 });
    assert_eq!(poller_of(&connecting, &[code]).await, Some(json!({ "labels": { "url": "/l" } })));
    assert_eq!(poller_of(&connecting, &[list]).await, Some(json!({ "messages": both })), "the rest stays");
    let ticked = poller_of(&connecting, &[("poll.0.on", "true"), ("poll.1.on", "")]).await;
    assert_eq!(ticked, Some(json!({ "labels": { "url": "/hubs/x/labels", "idField": "id" } })));
    let dates = [("poll.1.dates", "true"), ("poll.1.updatedDateField", "changed")];
    let dated = poller_of(&connecting, &dates).await.unwrap();
    assert_eq!(dated["messages"]["datesConfiguration"], json!({ "updatedDateField": "changed" }));
    assert_eq!(
        poller_of(&connecting, &[code, list, ("poll.in-step", "true")]).await,
        Some(json!({ "labels": { "url": "/l" } }))
    );
    assert_eq!(
        poller_of(&connecting, &[code, list]).await,
        None,
        "both were changed: nobody knows which counts"
    );
    let undecided = connecting.fill("/connect/pigeon", &[code, list]).await;
    assert!(undecided.text.contains("List and code were both changed"));
    assert!(undecided.text.contains("/hubs/x/messages?a=b") && undecided.text.contains("&quot;/l&quot;"));
    let applied = connecting.fill("/connect/pigeon", &[code, list, ("do", "to-code")]).await;
    assert!(applied.text.contains("The list counts") && !applied.text.contains("&quot;/l&quot;"));
    let taken = connecting.fill("/connect/pigeon", &[code, list, ("do", "from-code")]).await;
    assert!(taken.text.contains("The code counts") && !taken.text.contains("?a=b"));
}
