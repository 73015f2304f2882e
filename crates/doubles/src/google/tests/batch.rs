use http::Method;

use super::*;
use crate::{Fault, FaultKind, Route};

fn body(parts: &[(&str, &str, &str)]) -> Vec<u8> {
    let parts = parts.iter().map(|(id, path, headers)| {
        let own = format!("--b\r\nContent-Type: application/http\r\nContent-ID: <{id}>\r\n\r\n");
        format!("{own}GET {path} HTTP/1.1\r\n{headers}\r\n\r\n")
    });
    format!("{}--b--\r\n", parts.collect::<String>()).into_bytes()
}

/// The status of each part, in the order they came back in.
fn statuses(text: &str) -> Vec<(&str, &str)> {
    let parts = text.split("Content-ID: <response-").skip(1);
    parts
        .map(|part| (part.split('>').next().unwrap(), part.split("HTTP/1.1 ").nth(1).unwrap().split_at(3).0))
        .collect()
}

#[tokio::test]
async fn parts_succeed_and_fail_one_by_one() {
    let World { google, caller, .. } = world().await;
    google.add_account("bo@double.example");
    let of_bo = format!("Authorization: Bearer {}", access_token(&google, "bo@double.example").await);
    let id = google.deliver(ADA, mail("x"));
    google.push_fault(Fault { on: Route::List, kind: FaultKind::ForbiddenLimit, times: 1 });
    let parts = [
        ("1", &*format!("{ME}/messages/{id}?format=minimal"), ""),
        ("2", "/gmail/v1/users/me/messages/gone", ""),
        ("3", "/gmail/v1/users/me/messages", ""),
        ("4", "/gmail/v1/users/bo@double.example/profile", &of_bo),
    ];
    let caller = caller.with("content-type", "multipart/mixed; boundary=\"b\"");
    let got = caller.send(Method::POST, "/batch/gmail/v1", body(&parts)).await;
    assert_eq!((got.status, got.header("content-type")), (200, "multipart/mixed; boundary=batch_double"));
    assert_eq!(statuses(&got.text()), [("4", "200"), ("3", "403"), ("2", "404"), ("1", "200")]);
    assert!(got.text().contains("\"emailAddress\":\"bo@double.example\""));
}

#[tokio::test]
async fn parts_count_against_the_limit_one_by_one() {
    let World { google, caller, .. } = world().await;
    let names: Vec<_> = (0..25).map(|number| number.to_string()).collect();
    let path = format!("{ME}/profile");
    let parts: Vec<_> = names.iter().map(|name| (name.as_str(), path.as_str(), "")).collect();
    let caller = caller.with("content-type", "multipart/mixed; boundary=b");
    let got = caller.send(Method::POST, "/batch", body(&parts)).await.text();
    let refused = statuses(&got).iter().filter(|(_, status)| *status == "429").count();
    assert_eq!((refused, google.usage(ADA).in_flight_peak, google.usage(ADA).in_flight), (15, 10, 0));
}

#[tokio::test]
async fn batches_have_limits() {
    let World { caller, .. } = world().await;
    let send = async |content_type: &str, count: usize| {
        let parts = vec![("1", "/gmail/v1/users/me/profile", ""); count];
        let caller = caller.with("content-type", content_type);
        caller.send(Method::POST, "/batch/gmail/v1", body(&parts)).await.status
    };
    assert_eq!(send("multipart/mixed; boundary=b", 100).await, 200);
    assert_eq!(send("multipart/mixed; boundary=b", 101).await, 400);
    assert_eq!(send("multipart/mixed; boundary=b", 0).await, 400);
    assert_eq!(send("multipart/mixed", 1).await, 400);
}
