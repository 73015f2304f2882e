//! What is on pages, and around them.

use super::{Browser, HOSTILE};
use axum::http::{StatusCode, header};

/// Every page that shows without something having to happen before.
const PAGES: [&str; 11] = [
    "/instances",
    "/instances?search=none",
    "/instances/7",
    "/instances/7/sign-in-link",
    "/instances/7/token",
    "/instances/7/why",
    "/instances/7/delete",
    "/instances/8",
    "/connect",
    "/activity",
    "/deliveries",
];

#[tokio::test]
async fn every_page_lets_nothing_in_from_elsewhere() {
    let browser = Browser::signed_in().await;
    for path in PAGES.iter().chain(&["/sign-in/once?key=gone", "/", "/console/assets/none"]) {
        let page = browser.get(path).await;
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.split("; ").any(|one| one == part), "{path}: {part}");
        }
        assert_eq!(page.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(page.headers[header::REFERRER_POLICY], "same-origin", "{path}");
        assert_eq!(page.headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert!(!page.text.contains(" style="), "{path}");
        assert!(!page.text.contains(" onclick="), "{path}");
        assert_eq!(
            page.text.matches("<script").count(),
            page.text.matches("<script src=\"/console/assets/").count()
        );
    }
}

/// A number that is not of now says of when it is.
#[tokio::test]
async fn numbers_that_were_counted_earlier_say_so() {
    let browser = Browser::signed_in().await;
    assert!(browser.get("/instances?connector=kept").await.text.contains("Counted <time "));
    assert!(!browser.get("/instances").await.text.contains("Counted"));
}

#[tokio::test]
async fn hostile_texts_stay_texts() {
    let browser = Browser::signed_in().await;
    for path in PAGES {
        let page = browser.get(path).await;
        assert!(!page.text.contains("<img"), "{path}");
        assert!(!page.text.contains(HOSTILE), "{path}");
    }
    let page = browser.get("/instances/7").await;
    assert!(page.text.contains("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;"));
}

#[tokio::test]
async fn every_page_has_one_heading_and_a_name() {
    let browser = Browser::signed_in().await;
    for path in PAGES {
        let page = browser.get(path).await;
        assert_eq!(page.text.matches("<h1").count(), 1, "{path}");
        assert_eq!(page.text.matches("<main").count(), 1, "{path}");
        assert!(page.text.contains(" · Carillon</title>"), "{path}");
    }
}

#[tokio::test]
async fn the_page_of_an_instance_says_how_push_is_and_what_came_by_it() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/instances/7").await;
    for said in ["Not active", "Polls go on by the interval.", "Last notice", "found 0.8 s after the notice"]
    {
        assert!(page.text.contains(said), "{said}");
    }
    assert!(!page.text.contains("Ends, unless renewed"));
}

#[tokio::test]
async fn pages_of_an_instance_lead_back_to_it() {
    let browser = Browser::signed_in().await;
    for path in ["/instances/7/token", "/instances/7/why", "/instances/7/delete"] {
        let page = browser.get(path).await;
        let crumbs = page.text.split("<nav class=\"crumbs\"").nth(1).unwrap();
        assert!(crumbs.split("</nav>").next().unwrap().contains("href=\"/instances/7\""), "{path}");
    }
}

#[tokio::test]
async fn assets_are_kept_for_a_year_under_the_name_of_their_content() {
    let browser = Browser::new();
    let page = browser.get("/sign-in").await;
    for name in ["console.css.", "console.js.", "bell.svg."] {
        let at = page.text.find(&format!("/console/assets/{name}")).unwrap();
        let path = page.text[at..].split('"').next().unwrap();
        let asset = browser.get(path).await;
        assert_eq!(asset.status, StatusCode::OK);
        assert_eq!(asset.headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    }
}

#[tokio::test]
async fn a_list_says_how_each_instance_is() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/instances?tags=a,b&search=x&page=token").await;
    for text in ["Backing off", "1 min ago", "in 30 s", "1 suspended", "page=next-token"] {
        assert!(page.text.contains(text), "{text}");
    }
    let asked = browser.asked();
    let query = "searchText=x&tags%5B%5D=a&tags%5B%5D=b";
    let list = format!("{query}&withHealth=true&hydrate=false&pageSize=50&nextPage=token");
    for path in [format!("instances?{list}"), format!("instances/counts?{query}")] {
        assert!(asked.contains(&format!("GET /elements/api-v2/{path}")), "{asked:?}");
    }
    let lists = asked.iter().filter(|asked| asked.contains("nextPage="));
    assert_eq!(lists.count(), 1, "the token of a list goes to no other: {asked:?}");
}

#[tokio::test]
async fn an_address_is_looked_for_among_the_mailboxes_and_then_among_the_names() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/instances?search=ada%40example.com&tags=a").await;
    assert!(page.text.contains("names were not looked at"));
    assert!(
        page.text.contains("name=\"mailbox\" value=\"ada@example.com\""),
        "the bulk action is about the same"
    );
    assert!(page.text.contains("/instances?mailbox=ada%40example.com&amp;tags=a"), "and so is each link");
    let asked = browser.asked();
    for path in ["instances?mailbox=ada%40example.com", "instances/counts?mailbox=ada%40example.com"] {
        let path = format!("GET /elements/api-v2/{path}&tags%5B%5D=a");
        assert!(asked.iter().any(|asked| asked.starts_with(&path)), "{asked:?}");
    }
    assert!(!asked.iter().any(|asked| asked.contains("searchText")), "{asked:?}");
    for (search, encoded) in [("nobody@example.com", "nobody%40example.com"), ("@sales", "%40sales")] {
        let page = browser.get(&format!("/instances?search={search}")).await;
        assert!(!page.text.contains("names were not looked at"), "{search}");
        let asked = browser.asked();
        let list = format!("GET /elements/api-v2/instances?searchText={encoded}");
        assert!(asked.iter().any(|asked| asked.starts_with(&list)), "{search}: {asked:?}");
    }
}

#[tokio::test]
async fn a_search_without_a_find_says_what_to_do() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/instances?search=none").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("Nothing matches") && page.text.contains("Show all instances"));
}

#[tokio::test]
async fn what_the_interface_refuses_is_shown_with_its_request() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/instances/8").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.text.contains("There is nothing here") && page.text.contains("<code>r-1</code>"));
    assert!(page.text.contains("aria-label=\"Main\""), "errors have the menu, too");
}

#[tokio::test]
async fn what_was_done_is_said_once() {
    let browser = Browser::signed_in().await;
    let token = browser.get("/instances/7").await.form_token();
    browser.post("/instances/7/poll", &[("form_token", &token)]).await;
    assert!(browser.get("/instances/7").await.text.contains("Polled: 2 events."));
    assert!(!browser.get("/instances/7").await.text.contains("Polled: 2 events"));
}

#[tokio::test]
async fn an_instance_is_deleted_after_a_page_that_asks() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/instances/7/delete").await;
    assert!(!browser.asked().iter().any(|asked| asked.starts_with("DELETE")));
    let deleted = browser.post("/instances/7/delete", &[("form_token", &page.form_token())]).await;
    assert_eq!(deleted.location(), "/instances");
    assert_eq!(browser.asked(), ["DELETE /elements/api-v2/instances/7"]);
}

#[tokio::test]
async fn an_address_that_nobody_knows_is_a_page_for_a_browser() {
    let as_browser = [("accept", "text/html,application/xhtml+xml")];
    for (browser, has_menu) in [(Browser::new(), false), (Browser::signed_in().await, true)] {
        let page = browser.send("GET", "/nope", &as_browser, String::new()).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert!(page.text.contains("There is nothing here"), "{}", page.text);
        assert_eq!(page.text.contains("aria-label=\"Main\""), has_menu);
        assert!(page.headers.get(header::CONTENT_SECURITY_POLICY).is_some());
        for (path, accept) in [("/nope", "application/json"), ("/elements/api-v2/nope", "text/html")] {
            let answer = browser.send("GET", path, &[("accept", accept)], String::new()).await;
            assert!(answer.text.contains("requestId"), "{path}");
        }
    }
}

/// What leads somewhere, does something or is a heading, often among other words.
const AMONG_WORDS: [&str; 4] = ["a", "button", "h1", "h2"];

#[tokio::test]
async fn a_name_turns_nothing_around_it() {
    let browser = Browser::signed_in().await;
    let mut count = 0;
    for path in PAGES {
        let page = browser.get(path).await.text;
        for (at, _) in page.match_indices("&lt;img src=x") {
            let before = &page[..at];
            let is_in = |element: &str| {
                let begins = before.rfind(&format!("<{element} ")).max(before.rfind(&format!("<{element}>")));
                begins > before.rfind(&format!("</{element}>"))
            };
            let is_attribute = before.rfind('<') > before.rfind('>');
            if !is_attribute && AMONG_WORDS.into_iter().any(is_in) {
                let near: String = before.chars().skip(before.chars().count().saturating_sub(150)).collect();
                assert!(is_in("bdi") || is_in("code"), "{path}: {near}");
                count += 1;
            }
        }
    }
    assert!(count > 10, "{count} names");
}

#[tokio::test]
async fn everything_else_is_the_interface() {
    let browser = Browser::new();
    let answer = browser.get("/elements/api-v2/instances").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.headers.get(header::CONTENT_SECURITY_POLICY).is_none());
}

/// Once, where one releases what waits; what began is said to last.
#[tokio::test]
async fn a_suspension_is_explained_once_and_lasts() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/instances/11").await.text;
    assert_eq!(
        page.matches("it answered 410").count() + page.matches("It answered 410").count(),
        1,
        "{page}"
    );
    assert!(page.contains(" data-lasting=\"\">for 49 s</time>"), "{page}");
    assert!(page.contains("Without notices</strong> <time ") && page.contains(": the watch ended"), "{page}");
    assert!(!page.contains("Callback suspended"), "the notice says it");
}

#[tokio::test]
async fn a_link_that_was_made_can_be_copied() {
    let browser = Browser::signed_in().await;
    let token = browser.get("/instances/7/sign-in-link").await.form_token();
    let made = browser.post("/instances/7/sign-in-link", &[("form_token", &token)]).await;
    let link = "id=\"link\" tabindex=\"0\"><code>https://console.example/link?key=7.RANDOM</code>";
    assert!(made.text.contains(link) && made.text.contains("data-copies=\"link\""), "{}", made.text);
}

/// A colleague sees where events go, and not what opens the way there.
#[tokio::test]
async fn a_secret_in_a_callback_address_is_masked() {
    let browser = Browser::signed_in().await;
    let page = browser.get("/instances/11").await.text;
    assert!(page.contains("https://app.example/events?a=1&amp;token=********"), "{page}");
    assert!(!page.contains("topsecret"));
}

#[tokio::test]
async fn each_list_says_how_many_it_lacks_that_can_not_be_read() {
    let browser = Browser::signed_in().await;
    for path in [
        "/instances?page=damaged",
        "/activity?page=damaged",
        "/deliveries?page=damaged",
        "/deliveries?instance=7&page=damaged",
        "/bulk?page=damaged",
        "/applications?next=damaged",
    ] {
        let page = browser.get(path).await;
        assert!(page.text.contains("2 that can't be read are not shown."), "{path}: {}", page.text);
        let whole = browser.get(path.split(['?', '&']).next().unwrap()).await;
        assert!(!whole.text.contains("can't be read"), "{path}: {}", whole.text);
    }
    let counted = browser.get("/").await;
    assert!(counted.text.contains("1 that can't be read is not shown."), "{}", counted.text);
}
