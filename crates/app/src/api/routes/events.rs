//! Events, notifications and deliveries.

use super::parameters::*;
use crate::api::route::{CallerKind, Entry};
use crate::api::{analytics, deliveries, events, life, notifications, sink, subscriptions};

pub(super) fn routes<E: Entry>() -> Vec<E> {
    log().into_iter().chain(told()).collect()
}

fn log<E: Entry>() -> Vec<E> {
    let filters =
        [&FROM, &TO, &OBJECT_TYPE, &EVENT_TYPE, &OBJECT_ID, &SUBJECT, &STATUS, &PAGE_SIZE, &NEXT_PAGE];
    vec![
        E::get("listAllEvents", "/instances/events", events::list_all, "List events, newest first")
            .with(&filters),
        E::get(
            "listDispositions",
            "/instances/events/dispositions",
            events::dispositions,
            "List what became of events, newest first",
        )
        .with(&filters),
        E::get("countEvents", "/instances/events/analytics", analytics::all, "Count events by interval")
            .or(&[403])
            .with(&[&FROM, &TO, &INTERVAL, &ACCOUNT_IDS]),
        E::get(
            "countEventsByInstance",
            "/instances/events/analytics/instances",
            analytics::by_instance,
            "Count events by interval and instance",
        )
        .or(&[403])
        .with(&[&FROM, &TO, &INTERVAL, &ACCOUNT_IDS]),
        E::get(
            "countEventsByAccount",
            "/instances/events/analytics/accounts",
            analytics::by_account,
            "Count events by interval and account",
        )
        .or(&[403])
        .with(&[&FROM, &TO, &INTERVAL, &ACCOUNT_IDS]),
        E::get("getEvent", "/instances/events/{event}", events::one_of_all, "Read an event by its id"),
        E::get(
            "listEvents",
            "/instances/{id}/events",
            events::list,
            "List events of an instance, newest first",
        )
        .with(&filters),
        E::get(
            "getInstanceEvent",
            "/instances/{id}/events/{event}",
            events::one,
            "Read an event of an instance",
        ),
        E::get(
            "listLives",
            "/instances/{id}/objects/{object}/life",
            life::of_object,
            "List the changes of an object, each from the provider to the receiver, newest first",
        )
        .with(&[&PAGE_SIZE, &NEXT_PAGE]),
        E::post(
            "retryEvent",
            "/instances/{id}/events/{event}/retry",
            events::retry,
            "Deliver an event again: same id, same body",
        )
        .or(&[409]),
    ]
}

fn told<E: Entry>() -> Vec<E> {
    vec![
        E::get(
            "listNotifications",
            "/notifications",
            notifications::list,
            "List the newest notifications of topics",
        )
        .with(&[&TOPICS]),
        E::get(
            "getNotification",
            "/notifications/{number}",
            notifications::one,
            "Read a notification by its number",
        )
        .with(&[&FROM, &TO]),
        E::get(
            "listNotificationDeliveries",
            "/notifications/{number}/subscriptions/deliveries",
            deliveries::of_notification,
            "List deliveries of a notification",
        )
        .with(&[&HYDRATE, &FROM, &TO]),
        E::get(
            "getNotificationDelivery",
            "/notifications/{number}/subscriptions/{subscription}/deliveries",
            deliveries::of_notification_and_subscription,
            "Read the delivery of a notification to a subscription",
        )
        .with(&[&HYDRATE, &FROM, &TO]),
        E::get("listSubscriptions", "/notifications/subscriptions", subscriptions::list, "List subscriptions")
            .with(&[&WHERE_DELIVERY, &LARGE_PAGE_SIZE, &NEXT_PAGE]),
        E::get(
            "getSubscription",
            "/notifications/subscriptions/{subscription}",
            subscriptions::one,
            "Read a subscription",
        ),
        E::get(
            "listDeliveries",
            "/notifications/subscriptions/deliveries",
            deliveries::list,
            "List deliveries: of each instance what waits, oldest first, then what was delivered, newest first",
        )
        .with(&[&WHERE_DELIVERY, &HYDRATE, &LARGE_PAGE_SIZE, &NEXT_PAGE]),
        E::put(
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
pub(super) fn sink<E: Entry>() -> Vec<E> {
    let summary = "Take a callback that points at the service itself: nothing follows";
    let any = [
        E::get("probeSink", "/events", sink::take, summary),
        E::post("postToSink", "/events", sink::take, summary),
        E::get("probeSinkRoot", "/events/", sink::take, summary),
        E::post("postToSinkRoot", "/events/", sink::take, summary),
        E::get("probeSinkPath", "/events/{*rest}", sink::take, summary),
        E::post("postToSinkPath", "/events/{*rest}", sink::take, summary),
    ];
    any.into_iter().map(|route| route.by(CallerKind::Anybody)).collect()
}
