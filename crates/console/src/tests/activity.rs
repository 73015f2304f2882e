//! Events, deliveries and the overview.

use super::{Browser, HOSTILE};
use axum::http::{StatusCode, header};

const LIST: &str = "GET /elements/api-v2/instances/events?";

#[tokio::test]
async fn filters_are_the_interface_s() {
    let browser = Browser::signed_in().await;
    let query = "from=2026-11-22T10%3A00&to=2026-11-22T11%3A00&type=CREATED&resource=messages&object=o-1&status=queued&page=t";
    let page = browser.get(&format!("/activity?{query}")).await;
    assert_eq!(page.status, StatusCode::OK);
    let wanted = "from=2026-11-22T10%3A00%3A00Z&to=2026-11-22T11%3A00%3A00Z&eventType=CREATED&objectType=messages&objectId=o-1&status=queued&pageSize=50&nextPage=t";
    assert!(browser.asked().contains(&format!("{LIST}{wanted}")));
    // The next page is of the same filters, and the form shows them.
    assert!(page.text.contains("status=queued&amp;page=next-token"), "{}", page.text);
    assert!(page.text.contains("First page"));
    assert!(page.text.contains("<option value=\"queued\" selected>Queued</option>"));
}

#[tokio::test]
async fn a_length_of_time_begins_before_now() {
    let browser = Browser::signed_in().await;
    browser.get("/instances/7/activity?range=1h").await;
    let wanted =
        "GET /elements/api-v2/instances/7/events?from=2026-11-22T11%3A00%3A00Z&pageSize=50".to_owned();
    assert!(browser.asked().contains(&wanted));
}

#[tokio::test]
async fn a_row_tells_what_became_of_an_event() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/activity").await;
    for text in ["2 created, 1 deleted", "To be tried again", "in 30 s", "503 in 12 ms", "/activity/e-1"] {
        assert!(page.text.contains(text), "{text}");
    }
}

#[tokio::test]
async fn a_row_is_called_as_its_message_is() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/activity").await;
    let named = "<bdi>&lt;img src=x onerror=&quot;alert(1)&quot;&gt;";
    assert!(page.text.contains(&format!("href=\"/activity/e-1\">{named}")), "{}", page.text);
    assert!(page.text.contains(" and 2 more</bdi>"));
}

#[tokio::test]
async fn a_search_that_looked_at_a_part_says_how_far_and_goes_on() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/activity?subject=rare").await;
    assert!(!page.text.contains("Nothing matches</h2>"), "that is not known");
    for text in ["Nothing matches so far.", "Searched to ", "2026-11-21 09:30:00 UTC", "Search on"] {
        assert!(page.text.contains(text), "{text}\n{}", page.text);
    }
    assert!(page.text.contains("href=\"/activity?subject=rare&amp;page=next-token\""));
}

#[tokio::test]
async fn an_instance_is_found_by_its_id() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/activity?instance=7&status=queued").await;
    assert_eq!(
        (page.status, page.location()),
        (StatusCode::SEE_OTHER, "/instances/7/activity?status=queued")
    );
}

#[tokio::test]
async fn an_instance_is_found_by_its_mailbox_and_then_by_its_name() {
    let browser = Browser::signed_in().await;
    let list = |search: &str| format!("GET /elements/api-v2/instances?{search}&hydrate=false&pageSize=20");
    browser.get("/activity?instance=ada%40example.com").await;
    assert!(browser.asked().contains(&list("mailbox=ada%40example.com")), "{:?}", browser.asked());
    let page = browser.get("/activity?instance=nobody%40example.com").await;
    assert!(browser.asked().contains(&list("searchText=nobody%40example.com")), "{:?}", browser.asked());
    // Its address goes into no other address.
    assert!(!page.text.contains("nobody@example.com&amp;") && !page.text.contains("nobody%40"));
    let page = browser.get("/activity?instance=none").await;
    assert!(page.text.contains("no name contains it, and no mailbox has this address"), "{}", page.text);
}

#[tokio::test]
async fn what_is_on_its_way_is_both_statuses_of_that() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/activity?status=onTheWay").await;
    assert!(page.text.contains("<option value=\"onTheWay\" selected>On its way, or tried again</option>"));
    assert!(browser.asked().contains(&format!("{LIST}status=onTheWay&pageSize=50")));
}

#[tokio::test]
async fn what_is_not_there_says_what_to_do() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/activity?object=none").await;
    assert!(page.text.contains("Nothing matches") && page.text.contains("Show all events"));
    let page = browser.get("/instances/9/activity").await;
    assert!(page.text.contains("No events yet"), "{}", page.text);
    let page = browser.get("/deliveries?instance=9").await;
    assert!(page.text.contains("Nothing waits"));
    assert_eq!(browser.get("/deliveries?instance=7%20or%201").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_event_says_why_it_waits_and_how_its_signature_is_checked() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/activity/e-1").await;
    for text in [
        "Attempt 1 was answered 503. It is tried again in 30 s.",
        "elements-webhook-id: e-1",
        "openssl dgst -sha256 -hmac",
        "Retry now",
        "11:59:59.250 UTC",
        "503 in 12 ms",
        "webhook-timestamp: 1795348799",
    ] {
        assert!(page.text.contains(text), "{text}\n{}", page.text);
    }
    let saved = browser.get("/activity/e-1/body").await;
    assert!(saved.text.starts_with("{\"message\""));
    assert_eq!(saved.headers[header::CONTENT_DISPOSITION], "attachment; filename=\"e-1.json\"");
}

#[tokio::test]
async fn a_queued_event_offers_its_release() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/activity/e-2").await;
    assert!(page.text.contains("Queued: the callback is suspended since"));
    assert!(page.text.contains("action=\"/deliveries/release\""));
}

#[tokio::test]
async fn a_retry_needs_the_form_s_token() {
    let browser = Browser::signed_in().await;
    let token = browser.get("/activity/e-1").await.form_token();
    assert_eq!(browser.post("/activity/e-1/retry", &[]).await.status, StatusCode::FORBIDDEN);
    let retry = "POST /elements/api-v2/instances/7/events/e-1/retry".to_owned();
    assert!(!browser.asked().contains(&retry));
    let posted = browser.post("/activity/e-1/retry", &[("form_token", &token)]).await;
    assert_eq!((posted.status, posted.location()), (StatusCode::SEE_OTHER, "/activity/e-1"));
    assert!(browser.asked().contains(&retry));
    assert!(browser.get("/activity/e-1").await.text.contains("It is delivered again"));
}

#[tokio::test]
async fn a_release_is_of_one_instance_or_of_all() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/deliveries").await;
    assert!(page.text.contains("Suspended: ") && page.text.contains("1 notification waits"));
    let token = page.form_token();
    browser.post("/deliveries/release", &[("form_token", &token), ("instance", "7")]).await;
    browser.post("/deliveries/release", &[("form_token", &token)]).await;
    let released: Vec<String> =
        browser.asked().into_iter().filter(|asked| asked.starts_with("PUT")).collect();
    let path = "PUT /elements/api-v2/notifications/subscriptions/deliveries";
    assert_eq!(released, [format!("{path}?where=instanceId%3D7"), path.to_owned()]);
}

#[tokio::test]
async fn the_overview_says_how_all_is_and_its_pictures_have_words() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/?span=day").await;
    for text in [
        "The mailbox has a suspended callback",
        "1 notification is",
        "Needs somebody",
        "41 events: 40 delivered, 1 not yet.",
        "role=\"img\" aria-labelledby=\"events-chart-title events-chart-text\"",
        "<td class=\"number\">40</td>",
        "Mailboxes by status",
        "href=\"/instances?status=suspended\"",
    ] {
        assert!(page.text.contains(text), "{text}\n{}", page.text);
    }
    assert!(!page.text.contains(" style="));
}

#[tokio::test]
async fn hostile_events_stay_texts() {
    let browser = Browser::signed_in().await;
    for path in ["/", "/activity", "/activity/e-1", "/activity/e-2", "/deliveries", "/instances/7/activity"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.text.contains("<img") && !page.text.contains(HOSTILE), "{path}");
        assert_eq!(page.text.matches("<h1").count(), 1, "{path}");
    }
    let page = browser.get("/activity?object=%22%3E%3Cimg&resource=%22%3E%3Cimg").await;
    assert!(!page.text.contains("<img"));
}

#[tokio::test]
async fn only_a_demo_has_an_inspector() {
    let browser = Browser::signed_in().await;
    assert_eq!(browser.get("/inspector").await.status, StatusCode::NOT_FOUND);
    assert!(!browser.get("/activity").await.text.contains("Callback inspector"));
    let browser = Browser::inspecting().await;
    let page = browser.get("/inspector").await;
    assert!(page.text.contains("503 refused") && page.text.contains("Signature not valid"));
    assert!(!page.text.contains("<img"));
}
