//! What is asked for: each page of the console and each list of the interface, filtered and deep in.

use crate::fill::{OBJECT, SUBJECT, TAG};
use crate::visitor::Visitor;

const BASE: &str = "/elements/api-v2";

/// Name, address, and whether it is a page that stays open.
pub(crate) async fn all(visitor: &Visitor) -> Vec<(String, String, bool)> {
    let log = visitor.get(&format!("{BASE}/instances/events?pageSize=1"), &[]).await.json();
    let (event, id) = (log[0]["id"].as_str().unwrap().to_owned(), log[0]["instanceId"].to_string());
    let deep_instances = deep(visitor, "/instances?withHealth=true&hydrate=false&pageSize=50", 60).await;
    let deep_log = deep(visitor, "/instances/events?pageSize=50", 200).await;
    let mut all = Vec::new();
    let mut page = |name: &str, path: String| all.push((name.to_owned(), path, true));
    page("Overview", "/".to_owned());
    for (name, query) in [
        ("Instances", ""),
        ("Instances, healthy", "?status=healthy"),
        ("Instances, needs a sign-in", "?status=needsSignIn"),
        ("Instances, backing off", "?status=backingOff"),
        ("Instances, of a connector", "?connector=gmail"),
        ("Instances, of a tag", &format!("?tags={TAG}")),
        ("Instances, by name", "?search=mailbox-9999"),
        ("Instances, by last success", "?sort=lastSuccess"),
    ] {
        page(name, format!("/instances{query}"));
    }
    page("Instances, page 61", format!("/instances?page={deep_instances}"));
    page("An instance", format!("/instances/{id}"));
    for (name, query) in [
        ("Activity", String::new()),
        ("Activity, queued", "?status=queued".to_owned()),
        ("Activity, delivered", "?status=delivered".to_owned()),
        ("Activity, dropped (none)", "?status=dropped".to_owned()),
        ("Activity, retries (none)", "?status=retry".to_owned()),
        ("Activity, an object", format!("?object={OBJECT}")),
        ("Activity, an object that is not there", "?object=nobody".to_owned()),
        ("Activity, a resource", "?resource=labels".to_owned()),
        ("Activity, deletions", "?type=DELETED".to_owned()),
        ("Activity, a subject among the newest", format!("?subject={SUBJECT}")),
        ("Activity, a subject that is not there (5,000 read)", "?subject=nowhere-at-all".to_owned()),
        ("Activity, last day", "?range=1d".to_owned()),
        ("Activity, page 201", format!("?page={deep_log}")),
    ] {
        page(name, format!("/activity{query}"));
    }
    page("Activity of an instance", format!("/instances/{id}/activity"));
    page("Activity of an instance, queued", format!("/instances/{id}/activity?status=queued"));
    page("Deliveries", "/deliveries".to_owned());
    page("An event", format!("/activity/{event}"));
    page("Why, the form", format!("/instances/{id}/why"));
    let mut list = |name: &str, path: String| all.push((name.to_owned(), format!("{BASE}{path}"), false));
    for (name, path) in [
        ("`/instances`", "/instances"),
        ("`/instances/counts`", "/instances/counts"),
        ("`/instances?status[]=suspended`", "/instances?status[]=suspended"),
        ("`/instances?orderBy=lastSuccess`", "/instances?orderBy=lastSuccess"),
        ("`/instances/events`", "/instances/events"),
        ("`/instances/events?status=queued`", "/instances/events?status=queued"),
        ("`/instances/events?subject=…`, not there", "/instances/events?subject=nowhere-at-all"),
        ("`/instances/event-poller-records`", "/instances/event-poller-records"),
        ("`/notifications/subscriptions`", "/notifications/subscriptions"),
        ("`/notifications/subscriptions/deliveries`", "/notifications/subscriptions/deliveries"),
        ("`/instances/polling-disabled`", "/instances/polling-disabled"),
    ] {
        list(name, path.to_owned());
    }
    list("`/instances/events?objectId=…`", format!("/instances/events?objectId={OBJECT}"));
    all
}

/// The token of a page deep in.
async fn deep(visitor: &Visitor, path: &str, pages: usize) -> String {
    let mut token = String::new();
    for _ in 0..pages {
        let seen = visitor.get(&format!("{BASE}{path}&nextPage={token}"), &[]).await;
        let next = seen.header("elements-next-page-token");
        next.unwrap_or_else(|| panic!("{path} ends: {} {}", seen.status, seen.text())).clone_into(&mut token);
    }
    token
}
