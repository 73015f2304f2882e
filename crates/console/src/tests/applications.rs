//! Stored applications, on their own pages.

use super::connect_scripted::Connecting;
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn applications_are_listed_stored_rotated_and_not_deleted_while_somebody_names_them() {
    let connecting = Connecting::new().await;
    let list = connecting.browser.get("/applications").await;
    assert!(
        list.text.contains("href=\"/applications/lofts\"") && !list.text.contains("<img"),
        "{}",
        list.text
    );
    let token = list.form_token();
    let fields = [
        ("form_token", token.as_str()),
        ("name", "lofts"),
        ("connector", "pigeon"),
        ("apiKey", "k"),
        ("apiSecret", "hush"),
        ("tenant", ""),
    ];
    let added = connecting.browser.post("/applications", &fields).await;
    assert_eq!(added.location(), "/applications", "{}", added.text);
    let sent = connecting.sent_to("POST /applications").pop().unwrap();
    assert_eq!(sent, json!({ "name": "lofts", "connector": "pigeon", "apiKey": "k", "apiSecret": "hush" }));
    let one = connecting.browser.get("/applications/lofts").await;
    assert!(
        one.text.contains("2 instances name it")
            && one.text.contains(">Mine<")
            && one.text.contains("href=\"/instances?application=lofts\"")
    );
    assert!(!one.text.contains("/applications/lofts/delete"), "it can't go");
    let rotated = connecting
        .browser
        .post("/applications/lofts", &[("form_token", &token), ("apiSecret", " new ")])
        .await;
    assert_eq!(rotated.location(), "/applications/lofts");
    assert_eq!(connecting.sent_to("PATCH /applications/lofts"), [json!({ "apiSecret": " new " })]);
}

#[tokio::test]
async fn a_refused_application_is_shown_with_what_was_filled_in_and_what_is_wrong() {
    let connecting = Connecting::new().await;
    let token = connecting.browser.get("/applications").await.form_token();
    let fields =
        [("form_token", token.as_str()), ("name", "lofts"), ("apiKey", "wrong"), ("apiSecret", "hush")];
    connecting.refuse(409, "`apiKey`: can't change");
    let page = connecting.browser.post("/applications", &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for text in [
        "role=\"alert\" tabindex=\"-1\" autofocus",
        "href=\"#apiKey\">API Key</a>",
        "id=\"apiKey-error\"",
        "aria-describedby=\"apiKey-hint apiKey-error\"",
        "aria-invalid=\"true\"",
        "value=\"wrong\"",
    ] {
        assert!(page.text.contains(text), "{text} in {}", page.text);
    }
    assert!(!page.text.contains("hush"), "a secret is shown to nobody");
    connecting.refuse(400, "`apiSecret`: must have 8 characters");
    let change = [("form_token", token.as_str()), ("apiSecret", "short")];
    let page = connecting.browser.post("/applications/lofts", &change).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("id=\"apiSecret-error\"") && !page.text.contains("short"), "{}", page.text);
}
