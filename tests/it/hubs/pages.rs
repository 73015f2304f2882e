//! Pages fit together.

use super::{COUNT, Hubs};
use serde_json::Value;

const LISTS: [(&str, &str); 12] = [
    ("gmail", "messages"),
    ("gmail", "changed-messages"),
    ("gmail", "threads"),
    ("gmail", "drafts"),
    ("gmail", "labels"),
    ("outlookemail", "messages"),
    ("outlookemail", "contacts"),
    ("outlookemail", "events"),
    ("outlookemail", "folders"),
    ("outlookemail", "calendars"),
    ("outlookemail", "folders/inbox/messages"),
    ("outlookemail", "messages?orderBy=ReceivedDateTime"),
];

fn path(resource: &str, parameters: &str) -> String {
    let sign = if resource.contains('?') { '&' } else { '?' };
    format!("/hubs/general/{resource}{sign}{parameters}")
}

#[tokio::test]
async fn two_pages_are_one_of_twice_the_size() {
    let hubs = Hubs::new(541).await;
    hubs.fill();
    for (connector, resource) in LISTS {
        for size in [1, 3, 5] {
            let page = async |number: usize, size: usize| {
                hubs.list(connector, &path(resource, &format!("page={number}&pageSize={size}"))).await
            };
            let (first, second) = (page(1, size).await, page(2, size).await);
            assert_eq!((first.len(), second.len()), (size, size), "{resource}");
            assert_eq!([first, second].concat(), page(1, 2 * size).await, "{resource} by {size}");
        }
        let beyond = hubs.list(connector, &path(resource, "page=40&pageSize=5")).await;
        assert!(beyond.is_empty(), "{resource}: behind the last page there is nothing");
    }
}

/// From the first page to the last by tokens alone: everything once.
#[tokio::test]
async fn the_tokens_lead_through_the_whole_list() {
    let hubs = Hubs::new(542).await;
    hubs.fill();
    for (connector, resource) in LISTS {
        let whole = hubs.list(connector, &path(resource, "pageSize=100")).await;
        assert!(whole.len() >= COUNT, "{resource}");
        let mut found: Vec<Value> = Vec::new();
        let mut parameters = "pageSize=4".to_owned();
        for turn in 0.. {
            assert!(turn < 20, "{resource} has no last page");
            let reply = hubs.call(connector, &path(resource, &parameters)).await;
            assert_eq!(reply.status, 200, "{resource}: {}", reply.body);
            found.extend(reply.body.as_array().unwrap().iter().cloned());
            let Some(token) = reply.headers.get("elements-next-page-token") else { break };
            parameters = format!("pageSize=4&nextPage={}", token.to_str().unwrap());
        }
        assert_eq!(found, whole, "{resource}");
    }
}

#[tokio::test]
async fn a_token_wins_over_a_page_number() {
    let hubs = Hubs::new(543).await;
    hubs.fill();
    for (connector, resource) in LISTS {
        let first = hubs.call(connector, &path(resource, "pageSize=3")).await;
        let token = first.headers["elements-next-page-token"].to_str().unwrap();
        let second = hubs.list(connector, &path(resource, "page=2&pageSize=3")).await;
        let by_token =
            hubs.list(connector, &path(resource, &format!("page=1&pageSize=3&nextPage={token}"))).await;
        assert_eq!(by_token, second, "{resource}");
    }
}

/// Old clients count pages from 0, and ask for more than some resources give at once.
#[tokio::test]
async fn page_zero_is_the_first_and_a_page_is_as_long_as_it_can_be() {
    let hubs = Hubs::new(546).await;
    hubs.fill();
    for (connector, resource) in LISTS {
        let first = hubs.list(connector, &path(resource, "page=1&pageSize=3")).await;
        assert_eq!(hubs.list(connector, &path(resource, "page=0&pageSize=3")).await, first, "{resource}");
        let whole = hubs.list(connector, &path(resource, "pageSize=100")).await;
        assert_eq!(hubs.list(connector, &path(resource, "pageSize=200")).await, whole, "{resource}");
    }
}

/// A token says where to go on in its own list, and nothing to any other.
#[tokio::test]
async fn what_is_no_token_or_no_page_is_refused_by_name() {
    let hubs = Hubs::new(544).await;
    hubs.fill();
    for (connector, resource) in LISTS {
        for (parameters, word) in [
            ("nextPage=nonsense", "nextPage"),
            ("nextPage=eyJhZnRlciI6Nzd9", "nextPage"),
            ("pageSize=0", "pageSize"),
            ("pageSize=many", "pageSize"),
        ] {
            let reply = hubs.call(connector, &path(resource, parameters)).await;
            assert_eq!(reply.status, 400, "{resource} {parameters}: {}", reply.body);
            reply.assert_refused(400);
            assert!(reply.body["message"].as_str().unwrap().contains(word), "{resource}: {}", reply.body);
        }
    }
}

#[tokio::test]
async fn totals_are_told_where_they_are_known() {
    let hubs = Hubs::new(545).await;
    hubs.fill();
    for (connector, resource, total) in [
        ("outlookemail", "contacts", Some(COUNT)),
        ("outlookemail", "events", Some(COUNT)),
        ("outlookemail", "folders/inbox/messages", Some(COUNT)),
        ("outlookemail", "messages", None),
        ("gmail", "messages", None),
    ] {
        let reply = hubs.call(connector, &path(resource, "pageSize=4")).await;
        assert_eq!(reply.headers["elements-returned-count"], "4", "{resource}");
        let told = reply.headers.get("elements-total-count").map(|count| count.to_str().unwrap().to_owned());
        assert_eq!(told, total.map(|total| total.to_string()), "{resource}");
    }
}
