//! Messages and their files, saved.

use super::{Browser, HOSTILE, error};
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

/// The scripted mailbox of instance 7.
pub(super) fn answer(path: &str, authorization: Option<&str>) -> Option<Response> {
    let below = path.strip_prefix("/hubs/general/messages/")?;
    if authorization != Some("Session s, Element the-token") {
        return Some(error(StatusCode::UNAUTHORIZED, "`Authorization`: needs `Element <instance token>`"));
    }
    let refused = |status: StatusCode, message: &str| error(status, message);
    Some(match below {
        "m-1/raw" => file("message/rfc822"),
        "m-1/attachments/2/content" => file("application/octet-stream"),
        "long/raw" => {
            let to = [(header::LOCATION, "https://downloads.example/downloads/sealed")];
            (StatusCode::TEMPORARY_REDIRECT, to).into_response()
        }
        "m-1/attachments" => Json(json!([
            { "Id": "2", "Name": HOSTILE, "ContentType": "text/html", "Size": 4000 },
            { "id": "a/b", "filename": "", "mimeType": "image/png", "size": 3 },
        ]))
        .into_response(),
        "bare/attachments" => Json(json!([])).into_response(),
        "longer/raw" => refused(StatusCode::PAYLOAD_TOO_LARGE, "the content is longer than 200 MB"),
        "busy/raw" => {
            let message = refused(StatusCode::TOO_MANY_REQUESTS, "the provider asked for a pause");
            ([(header::RETRY_AFTER, "70")], message).into_response()
        }
        "off/raw" => refused(StatusCode::FORBIDDEN, "the instance is disabled"),
        _ => refused(StatusCode::NOT_FOUND, "no such object"),
    })
}

fn file(kind: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"a.html\""),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    (headers, "<script>alert(1)</script>".repeat(100)).into_response()
}

#[tokio::test]
async fn a_strangers_file_is_saved_with_the_policies_of_the_interface() {
    let browser = Browser::signed_in().await;
    for (path, kind) in [
        ("/instances/7/messages/m-1/raw", "message/rfc822"),
        ("/instances/7/messages/m-1/attachments/2/content", "application/octet-stream"),
    ] {
        let saved = browser.get(path).await;
        assert_eq!((saved.status, saved.text.len()), (StatusCode::OK, 2_500), "{path}");
        for (name, value) in [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"a.html\""),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
            (header::CACHE_CONTROL, "private, no-store"),
        ] {
            let all: Vec<_> = saved.headers.get_all(&name).iter().collect();
            assert_eq!(all, [value], "{path}: {name}");
        }
    }
}

#[tokio::test]
async fn a_long_content_is_where_the_interface_says() {
    let browser = Browser::signed_in().await;
    let onward = browser.get("/instances/7/messages/long/raw").await;
    assert_eq!(
        (onward.status, onward.location()),
        (StatusCode::TEMPORARY_REDIRECT, "https://downloads.example/downloads/sealed")
    );
}

#[tokio::test]
async fn a_message_names_its_files() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/instances/7/messages/m-1/attachments").await;
    assert!(!page.text.contains("<img") && !page.text.contains(HOSTILE));
    for text in [
        "href=\"/instances/7/messages/m-1/attachments/2/content\"",
        "href=\"/instances/7/messages/m-1/attachments/a%2Fb/content\"",
        "href=\"/instances/7/messages/m-1/raw\"",
        "without a name",
        "<code>text/html</code>",
    ] {
        assert!(page.text.contains(text), "{text}\n{}", page.text);
    }
    let none = browser.get("/instances/7/messages/bare/attachments").await;
    assert!(none.text.contains("The provider shows none of this message."));
}

#[tokio::test]
async fn what_can_not_be_saved_says_why_and_what_then() {
    let browser = Browser::signed_in().await;
    for (path, status, words) in [
        ("gone/raw", 404, "was moved and has another id since"),
        ("gone/attachments", 404, "was moved and has another id since"),
        ("longer/raw", 413, "more than this host can answer with"),
        ("busy/raw", 429, "Try again in 1 min."),
        ("off/raw", 403, "The instance is disabled"),
    ] {
        let page = browser.get(&format!("/instances/7/messages/{path}")).await;
        assert_eq!(page.status.as_u16(), status, "{path}");
        assert!(page.text.contains(words) && page.text.contains("r-1"), "{path}: {}", page.text);
        assert!(page.text.contains("href=\"/instances/7\""), "{path}: a way back");
    }
}

#[tokio::test]
async fn nothing_is_saved_for_nobody() {
    let page = Browser::new().get("/instances/7/messages/m-1/raw").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert!(page.location().starts_with("/sign-in?next="), "{}", page.location());
}
