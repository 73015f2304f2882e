//! Contents that are longer than an answer, by a link to where they are streamed.

use super::{Hubs, encoded};
use crate::world::{GMAIL_USER, OUTLOOK_USER};
use app::App;
use axum::body::Body;
use axum::response::Response;
use chrono::Duration;
use doubles::{Attachment, AttachmentKind, Mail};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// Of a file, and of an answer.
const FILE_BYTES: usize = 50_000;
const ANSWER_BYTES_MAX: usize = 20_000;
const ADDRESS: &str = "https://downloads.test";
/// Minutes that a link leads anywhere.
const VALID_MIN: i64 = 5;

/// A long file of each mailbox, by its path.
async fn files(hubs: &Hubs) -> [(&'static str, String); 2] {
    let world = &hubs.world;
    let gmail = world.google.deliver(GMAIL_USER, Mail::default());
    world.google.attach(GMAIL_USER, &gmail, "film.mp4", "video/mp4", FILE_BYTES);
    let film = Attachment {
        name: "film.mp4".to_owned(),
        content_type: "video/mp4".to_owned(),
        size_bytes: FILE_BYTES as u64,
        is_inline: false,
        kind: AttachmentKind::File,
    };
    let outlook = world.microsoft.deliver_with(OUTLOOK_USER, Mail::default(), vec![film]);
    let of = async |connector, message: &str, key: &str| {
        let path = format!("/hubs/general/messages/{}/attachments", encoded(message));
        let file = hubs.list(connector, &path).await[0][key].as_str().unwrap().to_owned();
        format!("{path}/{}/content", encoded(&file))
    };
    [("gmail", of("gmail", &gmail, "id").await), ("outlookemail", of("outlookemail", &outlook, "Id").await)]
}

/// What a process whose answers are short says of a content.
async fn asked(hubs: &Hubs, app: &App, connector: &str, path: &str) -> Response {
    let (_, authorization) = if connector == "gmail" { &hubs.gmail } else { &hubs.outlook };
    hubs.world.open_on(app, authorization, path).await
}

/// The link's part behind the address.
async fn link(hubs: &Hubs, app: &App, connector: &str, path: &str) -> String {
    let response = asked(hubs, app, connector, path).await;
    assert_eq!(response.status(), 307, "{connector}");
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(response.headers()["cache-control"], "private, no-store");
    let link = location.strip_prefix(ADDRESS).unwrap_or_else(|| panic!("{location}"));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    assert!(link.bytes().all(is_plain), "{link}");
    link.to_owned()
}

async fn followed(app: &App, link: &str) -> Response {
    let request = http::Request::get(link).body(Body::empty()).unwrap();
    app.downloads().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn what_is_longer_than_an_answer_is_streamed_by_a_link() {
    let hubs = Hubs::new(595).await;
    let app = hubs.world.another_process_holding(ANSWER_BYTES_MAX, Some(ADDRESS));
    for (connector, path) in files(&hubs).await {
        let link = link(&hubs, &app, connector, &path).await;
        let response = followed(&app, &link).await;
        assert_eq!(response.status(), 200, "{connector}");
        let headers = response.headers().clone();
        assert_eq!(headers["content-type"], "application/octet-stream");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert!(
            headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"film.mp4\"")
        );
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        assert!(bytes == doubles::content_of(FILE_BYTES), "{connector} gives other bytes");
        let short = path.rsplit_once("/attachments").unwrap().0.to_owned() + "/attachments";
        assert_eq!(
            asked(&hubs, &app, connector, &short).await.status(),
            200,
            "{connector}: a list is no content"
        );
    }
}

#[tokio::test]
async fn what_fits_an_answer_has_no_link() {
    let hubs = Hubs::new(596).await;
    let app = hubs.world.another_process_holding(FILE_BYTES, Some(ADDRESS));
    for (connector, path) in files(&hubs).await {
        assert_eq!(asked(&hubs, &app, connector, &path).await.status(), 200, "{connector}");
    }
}

#[tokio::test]
async fn without_an_address_a_long_content_is_refused() {
    let hubs = Hubs::new(597).await;
    let app = hubs.world.another_process_holding(ANSWER_BYTES_MAX, None);
    for (connector, path) in files(&hubs).await {
        assert_eq!(asked(&hubs, &app, connector, &path).await.status(), 413, "{connector}");
    }
}

/// A link gives what it was made for, for a while, and to whoever may still read it.
#[tokio::test]
async fn a_link_is_bound_to_a_time_and_to_its_instance() {
    let hubs = Hubs::new(598).await;
    let app = hubs.world.another_process_holding(ANSWER_BYTES_MAX, Some(ADDRESS));
    let [(connector, path), (other, others)] = files(&hubs).await;
    let first = link(&hubs, &app, connector, &path).await;
    hubs.world.clock.advance(Duration::minutes(VALID_MIN) - Duration::seconds(1));
    assert_eq!(followed(&app, &first).await.status(), 200, "again, after the connection broke");
    hubs.world.clock.advance(Duration::seconds(1));
    assert_eq!(followed(&app, &first).await.status(), 410);
    let second = link(&hubs, &app, connector, &path).await;
    let mut forged = second.clone().into_bytes();
    let last = forged.last_mut().unwrap();
    *last = if *last == b'A' { b'Q' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for unknown in [forged.as_str(), "/downloads/1.1.AAAA", "/downloads/", "/elements/api-v2/instances", "/"]
    {
        assert_eq!(followed(&app, unknown).await.status(), 404, "{unknown}");
    }
    let disabled = link(&hubs, &app, other, &others).await;
    hubs.world
        .call("DELETE", &format!("/instances/{}/enabled", hubs.outlook.0), &serde_json::Value::Null)
        .await;
    assert_eq!(followed(&app, &disabled).await.status(), 403, "switched off meanwhile");
    hubs.world.call("DELETE", &format!("/instances/{}", hubs.gmail.0), &serde_json::Value::Null).await;
    assert_eq!(followed(&app, &second).await.status(), 404, "deleted meanwhile");
    hubs.world.run_until_idle().await;
}

#[tokio::test]
async fn a_linked_message_is_one() {
    let hubs = Hubs::new(599).await;
    let app = hubs.world.another_process_holding(1, Some(ADDRESS));
    let message = hubs.world.google.deliver(GMAIL_USER, Mail::default());
    let path = format!("/hubs/general/messages/{message}/raw");
    let link = link(&hubs, &app, "gmail", &path).await;
    assert_eq!(followed(&app, &link).await.headers()["content-type"], "message/rfc822");
}
