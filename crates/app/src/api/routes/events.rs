//! Events, notifications and deliveries.

use super::parameters::*;
use crate::api::route::{CallerKind, Route, get, post, put};
use crate::api::{analytics, deliveries, events, life, notifications, sink, subscriptions};

pub(super) fn routes() -> Vec<Route> {
    log().into_iter().chain(told()).collect()
}

fn log() -> Vec<Route> {
    let filters =
        [&FROM, &TO, &OBJECT_TYPE, &EVENT_TYPE, &OBJECT_ID, &SUBJECT, &STATUS, &PAGE_SIZE, &NEXT_PAGE];
    vec![
        get("listAllEvents", "/instances/events", events::list_all, "List events, newest first")
            .with(&filters),
        get(
            "listDispositions",
            "/instances/events/dispositions",
            events::dispositions,
            "List what became of events, newest first",
        )
        .with(&filters),
        get("countEvents", "/instances/events/analytics", analytics::all, "Count events by interval")
            .or(&[403])
            .with(&[&FROM, &TO, &INTERVAL, &ACCOUNT_IDS]),
        get(
            "countEventsByInstance",
            "/instances/events/analytics/instances",
            analytics::by_instance,
            "Count events by interval and instance",
        )
        .or(&[403])
        .with(&[&FROM, &TO, &INTERVAL, &ACCOUNT_IDS]),
        get(
            "countEventsByAccount",
            "/instances/events/analytics/accounts",
            analytics::by_account,
            "Count events by interval and account",
        )
        .or(&[403])
        .with(&[&FROM, &TO, &INTERVAL, &ACCOUNT_IDS]),
        get("getEvent", "/instances/events/{event}", events::one_of_all, "Read an event by its id"),
        get("listEvents", "/instances/{id}/events", events::list, "List events of an instance, newest first")
            .with(&filters),
        get(
            "getInstanceEvent",
            "/instances/{id}/events/{event}",
            events::one,
            "Read an event of an instance",
        ),
        get(
            "listLives",
            "/instances/{id}/objects/{object}/life",
            life::of_object,
            "List the changes of an object, each from the provider to the receiver, newest first",
        )
        .with(&[&PAGE_SIZE, &NEXT_PAGE]),
        post(
            "retryEvent",
            "/instances/{id}/events/{event}/retry",
            events::retry,
            "Deliver an event again: same id, same body",
        )
        .or(&[409]),
    ]
}

fn told() -> Vec<Route> {
    vec![
        get(
            "listNotifications",
            "/notifications",
            notifications::list,
            "List the newest notifications of topics",
        )
        .with(&[&TOPICS]),
        get(
            "getNotification",
            "/notifications/{number}",
            notifications::one,
            "Read a notification by its number",
        )
        .with(&[&FROM, &TO]),
        get(
            "listNotificationDeliveries",
            "/notifications/{number}/subscriptions/deliveries",
            deliveries::of_notification,
            "List deliveries of a notification",
        )
        .with(&[&HYDRATE, &FROM, &TO]),
        get(
            "getNotificationDelivery",
            "/notifications/{number}/subscriptions/{subscription}/deliveries",
            deliveries::of_notification_and_subscription,
            "Read the delivery of a notification to a subscription",
        )
        .with(&[&HYDRATE, &FROM, &TO]),
        get("listSubscriptions", "/notifications/subscriptions", subscriptions::list, "List subscriptions")
            .with(&[&WHERE_DELIVERY, &LARGE_PAGE_SIZE, &NEXT_PAGE]),
        get(
            "getSubscription",
            "/notifications/subscriptions/{subscription}",
            subscriptions::one,
            "Read a subscription",
        ),
        get(
            "listDeliveries",
            "/notifications/subscriptions/deliveries",
            deliveries::list,
            "List deliveries: of each instance what waits, oldest first, then what was delivered, newest first",
        )
        .with(&[&WHERE_DELIVERY, &HYDRATE, &LARGE_PAGE_SIZE, &NEXT_PAGE]),
        put(
            "releaseDeliveries",
            "/notifications/subscriptions/deliveries",
            subscriptions::release,
            "Release what is queued, in order, for a page of subscriptions",
        )
        .or(&[409])
        .with(&[&WHERE_DELIVERY, &LARGE_PAGE_SIZE, &NEXT_PAGE]),
    ]
}

/// Any method would do for the original; these are the ones that vendors call with.
pub(super) fn sink() -> Vec<Route> {
    let summary = "Take a callback that points at the service itself: nothing follows";
    let any = [
        get("probeSink", "/events", sink::take, summary),
        post("postToSink", "/events", sink::take, summary),
        get("probeSinkRoot", "/events/", sink::take, summary),
        post("postToSinkRoot", "/events/", sink::take, summary),
        get("probeSinkPath", "/events/{*rest}", sink::take, summary),
        post("postToSinkPath", "/events/{*rest}", sink::take, summary),
    ];
    any.into_iter().map(|route| route.by(CallerKind::Anybody)).collect()
}
