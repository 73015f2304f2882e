//! Events, notifications and deliveries.

use super::parameters::*;
use crate::api::route::{CallerKind, Route, get, post, put};
use crate::api::{analytics, deliveries, events, notifications, sink, subscriptions};

pub(super) fn routes() -> Vec<Route> {
    log().into_iter().chain(told()).collect()
}

fn log() -> Vec<Route> {
    let filters = [&FROM, &TO, &OBJECT_TYPE, &EVENT_TYPE, &OBJECT_ID, &STATUS, &PAGE_SIZE, &NEXT_PAGE];
    vec![
        get("/instances/events", events::list_all, "List events, newest first").with(&filters).page("Event"),
        get(
            "/instances/events/dispositions",
            events::dispositions,
            "Tell what became of events, newest first",
        )
        .with(&filters)
        .page("Disposition"),
        get("/instances/events/analytics", analytics::all, "Count events by interval")
            .with(&[&FROM, &TO, &INTERVAL])
            .many("Count"),
        get(
            "/instances/events/analytics/instances",
            analytics::by_instance,
            "Count events by interval and instance",
        )
        .with(&[&FROM, &TO, &INTERVAL])
        .many("Counts"),
        get(
            "/instances/events/analytics/accounts",
            analytics::by_account,
            "Count events by interval and account",
        )
        .with(&[&FROM, &TO, &INTERVAL, &ACCOUNT_IDS])
        .many("Counts"),
        get("/instances/events/{event}", events::one_of_all, "Read an event by its id").one("Event"),
        get("/instances/{id}/events", events::list, "List events of an instance, newest first")
            .with(&filters)
            .page("Event"),
        get("/instances/{id}/events/{event}", events::one, "Read an event of an instance").one("Event"),
        post(
            "/instances/{id}/events/{event}/retry",
            events::retry,
            "Deliver an event again: same id, same body",
        )
        .one("Retry"),
    ]
}

fn told() -> Vec<Route> {
    vec![
        get("/notifications", notifications::list, "List the newest notifications of topics")
            .with(&[&TOPICS])
            .many("Notification"),
        get("/notifications/{number}", notifications::one, "Read a notification by its number")
            .with(&[&FROM, &TO])
            .one("Notification"),
        get(
            "/notifications/{number}/subscriptions/deliveries",
            deliveries::of_notification,
            "List deliveries of a notification",
        )
        .with(&[&HYDRATE, &FROM, &TO])
        .many("Delivery"),
        get(
            "/notifications/{number}/subscriptions/{subscription}/deliveries",
            deliveries::of_notification_and_subscription,
            "Read the delivery of a notification to a subscription",
        )
        .with(&[&HYDRATE, &FROM, &TO])
        .one("Delivery"),
        get("/notifications/subscriptions", subscriptions::list, "List subscriptions")
            .with(&[&WHERE_DELIVERY, &LARGE_PAGE_SIZE, &NEXT_PAGE])
            .page("Subscription"),
        get("/notifications/subscriptions/{subscription}", subscriptions::one, "Read a subscription")
            .one("Subscription"),
        get(
            "/notifications/subscriptions/deliveries",
            deliveries::list,
            "List what waits to be delivered, oldest first in each instance",
        )
        .with(&[&WHERE_DELIVERY, &HYDRATE, &LARGE_PAGE_SIZE, &NEXT_PAGE])
        .page("Delivery"),
        put(
            "/notifications/subscriptions/deliveries",
            subscriptions::release,
            "Release what is queued, in order, for a page of subscriptions",
        )
        .with(&[&WHERE_DELIVERY, &LARGE_PAGE_SIZE, &NEXT_PAGE])
        .page("Release"),
    ]
}

/// Any method would do for the original; these are the ones that vendors call with.
pub(super) fn sink() -> Vec<Route> {
    let summary = "Take a callback that points at the service itself: nothing follows";
    ["/events", "/events/", "/events/{*rest}"]
        .into_iter()
        .flat_map(|path| [get(path, sink::take, summary), post(path, sink::take, summary)])
        .map(|route| route.by(CallerKind::Anybody))
        .collect()
}
