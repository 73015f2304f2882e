//! Instances: by id, by the Element token, and below their connector.

use super::parameters::*;
use crate::api::route::{CallerKind, Entry, Parameter};
use crate::api::{
    backfill, configuration, docs, elements, explain, fleet, instances, lists, poll, test_event,
};

/// Of each list of instances.
static LIST: [&Parameter; 11] = [
    &HEALTH,
    &WAITING,
    &NAMED_APPLICATION,
    &TAGS,
    &SEARCH_TEXT,
    &MAILBOX,
    &HYDRATE,
    &WITH_HEALTH,
    &ORDER_INSTANCES,
    &PAGE_SIZE,
    &NEXT_PAGE,
];

pub(super) fn routes<E: Entry>() -> Vec<E> {
    let all = [
        all(),
        by_id(),
        work(),
        own(),
        below_connector(),
        configuration_below_connector(),
        own_below_connector(),
    ];
    all.into_iter().flatten().collect()
}

fn all<E: Entry>() -> Vec<E> {
    vec![
        E::post("createInstance", "/instances", instances::create, "Create an instance from a sign-in")
            .or(&[409, 502])
            .by(CallerKind::Organization),
        E::post(
            "tryInstance",
            "/instances/trial",
            instances::try_create,
            "Try a creation, for at most 20 seconds, without storing anything",
        )
        .or(&[502])
        .by(CallerKind::Organization),
        E::post(
            "testCallback",
            "/instances/test-event",
            test_event::send,
            "Send a signed test event to a callback, once; nothing is stored of it",
        )
        .or(&[404, 429])
        .by(CallerKind::Organization),
        E::get(
            "listInstances",
            "/instances",
            lists::list_or_own,
            "List instances, or with an Element token read its own",
        )
        .or(&[404])
        .with(&[&CONNECTOR])
        .with(&LIST),
        E::get(
            "countInstancesByKind",
            "/instances/counts",
            fleet::counts,
            "Count instances by status, connector, tag and application, at most 10,000 in a page",
        )
        .with(&[
            &HEALTH,
            &WAITING,
            &CONNECTOR,
            &NAMED_APPLICATION,
            &TAGS,
            &SEARCH_TEXT,
            &MAILBOX,
            &NEXT_PAGE,
        ]),
        E::get(
            "countInstances",
            "/instances/count",
            lists::count,
            "Count instances, at most 10,000 in a page",
        )
        .with(&[&NEXT_PAGE]),
        E::get(
            "listPollerRecords",
            "/instances/event-poller-records",
            lists::poller_records,
            "List polled resources with their state; a page counts instances",
        )
        .with(&[&CONNECTOR, &TAGS, &SEARCH_TEXT, &PAGE_SIZE, &NEXT_PAGE]),
        E::get(
            "listStoppedInstances",
            "/instances/polling-disabled",
            lists::polling_disabled,
            "List instances whose polls stopped, and why",
        )
        .with(&[&PAGE_SIZE, &NEXT_PAGE]),
    ]
}

fn by_id<E: Entry>() -> Vec<E> {
    vec![
        E::get("getInstance", "/instances/{id}", instances::read, "Read an instance"),
        E::put(
            "replaceInstance",
            "/instances/{id}",
            instances::replace,
            "Replace an instance; what it signs in with stays",
        )
        .or(&[409, 502])
        .with(&[&RE_AUTHENTICATE]),
        E::patch(
            "updateInstance",
            "/instances/{id}",
            instances::patch,
            "Change an instance; a code signs in again",
        )
        .or(&[409, 502])
        .with(&[&CONFIRM_MAILBOX]),
        E::post(
            "tryInstanceChange",
            "/instances/{id}/trial",
            instances::try_patch,
            "Try a change, for at most 20 seconds, without storing anything",
        )
        .or(&[502]),
        E::delete("deleteInstance", "/instances/{id}", instances::delete, "Delete an instance").or(&[409]),
        E::put(
            "enableInstance",
            "/instances/{id}/enabled",
            instances::enable,
            "Enable an instance, and release what waits",
        )
        .or(&[409]),
        E::delete("disableInstance", "/instances/{id}/enabled", instances::disable, "Disable an instance")
            .or(&[409]),
        E::get(
            "listInstanceObjects",
            "/instances/{id}/objects",
            elements::objects_of,
            "List the names of what the mailbox has",
        ),
        E::get(
            "getInstanceDocs",
            "/instances/{id}/docs",
            docs::of_instance,
            "Describe how the mailbox is read, as OpenAPI",
        ),
        E::get(
            "listConfiguration",
            "/instances/{id}/configuration",
            configuration::list,
            "List configuration items",
        ),
        E::get(
            "getConfigurationItem",
            "/instances/{id}/configuration/{item}",
            configuration::read,
            "Read a configuration item",
        ),
        E::patch(
            "updateConfigurationItem",
            "/instances/{id}/configuration/{item}",
            configuration::change,
            "Change a configuration item",
        )
        .or(&[409, 502]),
    ]
}

/// What can be asked of a mailbox's polls and its sign-in.
fn work<E: Entry>() -> Vec<E> {
    vec![
        E::get(
            "getInstanceOAuthUrl",
            "/instances/{id}/oauth/url",
            elements::oauth_url_again,
            "Get the address where the user signs in again",
        )
        .or(&[400])
        .with(&[&STORED_CALLBACK_URL, &SCOPE, &STATE, &CODE_CHALLENGE, &CODE_CHALLENGE_METHOD]),
        E::post("pollInstance", "/instances/{id}/poll", poll::now, "Poll now, for at most 20 seconds")
            .or(&[400, 404, 409, 502]),
        E::post(
            "resumeInstance",
            "/instances/{id}/resume",
            instances::resume,
            "Forget failures and back-offs, and poll",
        )
        .or(&[409]),
        E::post(
            "startBackfill",
            "/instances/{id}/backfill",
            backfill::begin,
            "Read a window of the past again",
        )
        .or(&[409]),
        E::post(
            "previewBackfill",
            "/instances/{id}/backfill/preview",
            backfill::preview,
            "Count what a backfill would read, for at most 20 seconds, without beginning it",
        )
        .or(&[409]),
        E::post(
            "explainAbsence",
            "/instances/{id}/explain",
            explain::one,
            "Explain why something was not sent, under today's configuration",
        ),
        E::get("listBackfills", "/instances/{id}/backfill", backfill::list, "List backfills"),
        E::get(
            "getBackfill",
            "/instances/{id}/backfill/{backfill}",
            backfill::one,
            "Show how far a backfill is",
        ),
    ]
}

fn own<E: Entry>() -> Vec<E> {
    let own = |route: E| route.by(CallerKind::Element);
    vec![
        own(E::put("replaceOwnInstance", "/instances", instances::replace, "Replace the token's instance")
            .or(&[409, 502]))
        .with(&[&RE_AUTHENTICATE]),
        own(E::patch("updateOwnInstance", "/instances", instances::patch, "Change the token's instance")
            .or(&[409, 502]))
        .with(&[&CONFIRM_MAILBOX]),
        own(E::delete("deleteOwnInstance", "/instances", instances::delete, "Delete the token's instance")
            .or(&[409])),
        own(E::put(
            "enableOwnInstance",
            "/instances/enabled",
            instances::enable,
            "Enable the token's instance",
        )
        .or(&[409])),
        own(E::delete(
            "disableOwnInstance",
            "/instances/enabled",
            instances::disable,
            "Disable the token's instance",
        )
        .or(&[409])),
        own(E::get(
            "listOwnInstanceObjects",
            "/instances/objects",
            elements::objects_of,
            "List the names of what the token's mailbox has",
        )),
        own(E::get(
            "listOwnObjects",
            "/objects",
            elements::objects_of,
            "The same, by the original's other name",
        )),
        own(E::get(
            "getOwnInstanceDocs",
            "/instances/docs",
            docs::of_instance,
            "Describe how the token's mailbox is read, as OpenAPI",
        )),
        own(E::get(
            "listOwnConfiguration",
            "/instances/configuration",
            configuration::list,
            "List configuration items of the token's instance",
        )),
        own(E::get(
            "getOwnConfigurationItem",
            "/instances/configuration/{item}",
            configuration::read,
            "Read a configuration item of the token's instance",
        )),
        own(E::patch(
            "updateOwnConfigurationItem",
            "/instances/configuration/{item}",
            configuration::change,
            "Change a configuration item of the token's instance",
        )
        .or(&[409, 502])),
    ]
}

fn listed_below_connector<E: Entry>() -> E {
    E::get(
        "listElementInstances",
        "/elements/{element}/instances",
        lists::list_of,
        "List instances of a connector, or with an Element token read its own",
    )
    .or(&[404])
    .with(&LIST)
}

fn below_connector<E: Entry>() -> Vec<E> {
    vec![
        E::post(
            "createElementInstance",
            "/elements/{element}/instances",
            instances::create_at,
            "Create an instance of a connector",
        )
        .or(&[409, 502])
        .by(CallerKind::Organization),
        listed_below_connector(),
        E::get(
            "getElementInstance",
            "/elements/{element}/instances/{id}",
            instances::read,
            "Read an instance of a connector",
        ),
        E::put(
            "replaceElementInstance",
            "/elements/{element}/instances/{id}",
            instances::replace,
            "Replace an instance of a connector",
        )
        .or(&[409, 502])
        .with(&[&RE_AUTHENTICATE]),
        E::patch(
            "updateElementInstance",
            "/elements/{element}/instances/{id}",
            instances::patch,
            "Change an instance of a connector",
        )
        .or(&[409, 502])
        .with(&[&CONFIRM_MAILBOX]),
        E::delete(
            "deleteElementInstance",
            "/elements/{element}/instances/{id}",
            instances::delete,
            "Delete an instance of a connector",
        )
        .or(&[409]),
        E::put(
            "enableElementInstance",
            "/elements/{element}/instances/{id}/enabled",
            instances::enable,
            "Enable an instance of a connector",
        )
        .or(&[409]),
        E::delete(
            "disableElementInstance",
            "/elements/{element}/instances/{id}/enabled",
            instances::disable,
            "Disable an instance of a connector",
        )
        .or(&[409]),
    ]
}

fn configuration_below_connector<E: Entry>() -> Vec<E> {
    vec![
        E::get(
            "listElementInstanceConfiguration",
            "/elements/{element}/instances/{id}/configuration",
            configuration::list,
            "List configuration items of an instance of a connector",
        ),
        E::get(
            "getElementInstanceConfigurationItem",
            "/elements/{element}/instances/{id}/configuration/{item}",
            configuration::read,
            "Read a configuration item of an instance of a connector",
        ),
        E::patch(
            "updateElementInstanceConfigurationItem",
            "/elements/{element}/instances/{id}/configuration/{item}",
            configuration::change,
            "Change a configuration item of an instance of a connector",
        )
        .or(&[409, 502]),
    ]
}

fn own_below_connector<E: Entry>() -> Vec<E> {
    let own = |route: E| route.by(CallerKind::Element);
    vec![
        own(E::put(
            "replaceOwnElementInstance",
            "/elements/{element}/instances",
            instances::replace,
            "Replace the token's instance",
        )
        .or(&[409, 502]))
        .with(&[&RE_AUTHENTICATE]),
        own(E::patch(
            "updateOwnElementInstance",
            "/elements/{element}/instances",
            instances::patch,
            "Change the token's instance",
        )
        .or(&[409, 502])
        .with(&[&CONFIRM_MAILBOX])),
        own(E::delete(
            "deleteOwnElementInstance",
            "/elements/{element}/instances",
            instances::delete,
            "Delete the token's instance",
        )
        .or(&[409])),
        own(E::put(
            "enableOwnElementInstance",
            "/elements/{element}/instances/enabled",
            instances::enable,
            "Enable the token's instance",
        )
        .or(&[409])),
        own(E::delete(
            "disableOwnElementInstance",
            "/elements/{element}/instances/enabled",
            instances::disable,
            "Disable the token's instance",
        )
        .or(&[409])),
        own(E::get(
            "listOwnElementInstanceConfiguration",
            "/elements/{element}/instances/configuration",
            configuration::list,
            "List configuration items of the token's instance",
        )),
        own(E::get(
            "getOwnElementInstanceConfigurationItem",
            "/elements/{element}/instances/configuration/{item}",
            configuration::read,
            "Read a configuration item of the token's instance",
        )),
        own(E::patch(
            "updateOwnElementInstanceConfigurationItem",
            "/elements/{element}/instances/configuration/{item}",
            configuration::change,
            "Change a configuration item of the token's instance",
        )
        .or(&[409, 502])),
    ]
}
