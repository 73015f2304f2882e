//! Signing in and out, and what forms have to show.

use super::{Browser, HOST};
use axum::http::{StatusCode, header};
use base64::Engine as _;
use chrono::TimeDelta;

const SECRETS: [(&str, &str); 2] = [("user_secret", " u "), ("organization_secret", "o")];

#[tokio::test]
async fn who_signs_in_goes_on_to_where_they_were() {
    let browser = Browser::new();
    let refused = browser.get("/instances?search=a%20b").await;
    assert_eq!(refused.status, StatusCode::SEE_OTHER);
    assert_eq!(refused.location(), "/sign-in?next=%2Finstances%3Fsearch%3Da%2520b");
    let form = browser.get(refused.location()).await;
    assert!(form.text.contains(r#"name="next" value="/instances?search=a%20b""#), "{}", form.text);
    let entered =
        browser.post("/sign-in", &[SECRETS[0], SECRETS[1], ("next", "/instances?search=a%20b")]).await;
    assert_eq!((entered.status, entered.location()), (StatusCode::SEE_OTHER, "/instances?search=a%20b"));
    assert_eq!(browser.get("/instances").await.status, StatusCode::OK);
}

#[tokio::test]
async fn no_other_host_is_gone_on_to() {
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example", "/sign-in", "x"] {
        let browser = Browser::new();
        let entered = browser.post("/sign-in", &[SECRETS[0], SECRETS[1], ("next", next)]).await;
        assert_eq!(entered.location(), "/", "{next}");
    }
}

#[tokio::test]
async fn unknown_secrets_are_refused_in_words() {
    for user in ["x", "", "u, Organization o", "u\r\nx"] {
        let browser = Browser::new();
        let refused = browser.post("/sign-in", &[("user_secret", user), ("organization_secret", "o")]).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{user}");
        assert!(refused.text.contains("These secrets are not known"));
        assert!(refused.headers.get(header::SET_COOKIE).is_none());
    }
}

#[tokio::test]
async fn the_line_that_programs_print_signs_in() {
    for (user, organization) in [
        ("Authorization: User u, Organization o", ""),
        ("User u, Organization o", "x"),
        ("x", " Authorization: Organization o,User u "),
    ] {
        let browser = Browser::new();
        let fields = [("user_secret", user), ("organization_secret", organization)];
        assert_eq!(browser.post("/sign-in", &fields).await.location(), "/", "{user}");
    }
}

#[tokio::test]
async fn the_cookie_is_for_this_host_and_no_script() {
    let cookie = |browser: Browser, headers: &'static [(&str, &str)]| async move {
        let entered = browser.post_from("/sign-in", headers, &SECRETS).await;
        entered.headers[header::SET_COOKIE].to_str().unwrap().to_owned()
    };
    let plain = cookie(Browser::new(), &[]).await;
    assert!(plain.starts_with("carillon_session="), "{plain}");
    assert!(plain.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"), "{plain}");
    for safe in [
        cookie(Browser::new(), &[("x-forwarded-proto", "https")]).await,
        cookie(Browser::with(Some("https://mail.example")), &[]).await,
    ] {
        assert!(safe.starts_with("__Host-carillon_session=") && safe.ends_with("; Secure"), "{safe}");
    }
}

#[tokio::test]
async fn by_https_no_cookie_counts_that_another_host_could_have_made() {
    let browser = Browser::with(Some("https://mail.example"));
    let entered = browser.post_from("/sign-in", &[], &SECRETS).await;
    assert_eq!(entered.location(), "/");
    assert_eq!(browser.get("/instances").await.status, StatusCode::OK);
    for (name, _) in browser.cookies.lock().unwrap().iter_mut() {
        *name = name.strip_prefix("__Host-").unwrap().to_owned();
    }
    assert_eq!(browser.get("/instances").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours() {
    let browser = Browser::signed_in().await;
    browser.later(TimeDelta::hours(12) - TimeDelta::seconds(1));
    let page = browser.get("/instances/7").await;
    assert_eq!(page.status, StatusCode::OK);
    browser.later(TimeDelta::seconds(1));
    assert_eq!(browser.get("/instances/7").await.location(), "/sign-in?next=%2Finstances%2F7");
    let referer = format!("http://{HOST}/instances/7");
    let fields = [("form_token", page.form_token())];
    let fields = [("form_token", fields[0].1.as_str())];
    let posted = browser.post_from("/instances/7/poll", &[("referer", &referer)], &fields).await;
    assert_eq!(posted.location(), "/sign-in?next=%2Finstances%2F7");
}

#[tokio::test]
async fn what_was_sealed_for_something_else_is_no_session() {
    let browser = Browser::signed_in().await;
    for (name, value) in browser.cookies.lock().unwrap().iter_mut() {
        assert_eq!(name, "carillon_session");
        value.replace_range(4..5, if &value[4..5] == "A" { "B" } else { "A" });
    }
    assert_eq!(browser.get("/instances").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn forms_without_the_sessions_token_do_nothing() {
    let browser = Browser::signed_in().await;
    let token = browser.get("/instances/7").await.form_token();
    browser.asked();
    for given in ["", "x", &token[1..]] {
        let refused = browser.post("/instances/7/poll", &[("form_token", given)]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let good = [("form_token", token.as_str())];
    for headers in [
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
    ] {
        let refused = browser.post_from("/instances/7/poll", &headers, &good).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert_eq!(browser.asked(), [""; 0]);
    let taken = browser.post("/instances/7/poll", &good).await;
    assert_eq!((taken.status, taken.location()), (StatusCode::SEE_OTHER, "/instances/7"));
    assert_eq!(browser.asked(), ["POST /elements/api-v2/instances/7/poll"]);
}

#[tokio::test]
async fn a_sign_in_from_another_site_is_refused() {
    let browser = Browser::new();
    let refused = browser.post_from("/sign-in", &[("origin", "https://evil.example")], &SECRETS).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_first_link_signs_in_once() {
    let browser = Browser::new();
    assert_eq!(browser.get("/sign-in/once?key=guess").await.status, StatusCode::GONE);
    let ahead =
        browser.send("GET", "/sign-in/once?key=once", &[("sec-purpose", "prefetch")], String::new()).await;
    assert!(ahead.headers.get(header::SET_COOKIE).is_none());
    let looked = browser.send("HEAD", "/sign-in/once?key=once", &[], String::new()).await;
    assert_eq!((looked.status, looked.headers.get(header::SET_COOKIE)), (StatusCode::NO_CONTENT, None));
    assert_eq!(browser.get("/sign-in/once?key=once").await.location(), "/");
    assert_eq!(browser.get("/instances").await.status, StatusCode::OK);
    assert_eq!(browser.get("/sign-in/once?key=once").await.status, StatusCode::GONE);
}

#[tokio::test]
async fn who_signs_out_is_out() {
    let browser = Browser::signed_in().await;
    let token = browser.get("/instances").await.form_token();
    browser.asked();
    assert_eq!(browser.post("/sign-out", &[("form_token", &token)]).await.location(), "/sign-in");
    assert_eq!(browser.asked(), ["DELETE /elements/api-v2/sessions"]);
    assert!(browser.get("/sign-in").await.text.contains("You are signed out."));
    assert_eq!(browser.get("/instances").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_that_the_interface_knows_no_more_leads_to_the_sign_in() {
    let browser = Browser::signed_in().await;
    let session = r#"session|{"s":"old","t":"t","e":9999999999}"#;
    let sealed: Vec<u8> = session.bytes().rev().collect();
    let sealed = super::URL_SAFE_NO_PAD.encode(sealed);
    *browser.cookies.lock().unwrap() = vec![("carillon_session".to_owned(), sealed)];
    assert_eq!(browser.get("/instances").await.location(), "/sign-in?next=%2Finstances");
    assert!(browser.cookies.lock().unwrap().is_empty());
}
