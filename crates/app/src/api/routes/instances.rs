//! Instances: by id, by the Element token, and below their connector.

use super::parameters::*;
use crate::api::route::{CallerKind, Route, delete, get, patch, post, put};
use crate::api::{backfill, configuration, elements, instances, lists, poll};

pub(super) fn routes() -> Vec<Route> {
    [all(), by_id(), own(), below_connector()].into_iter().flatten().collect()
}

fn all() -> Vec<Route> {
    vec![
        post("/instances", instances::create, "Create an instance from a sign-in")
            .with(&[&DRY_RUN])
            .body("InstanceRequest")
            .one("InstanceOrDryRun"),
        get("/instances", lists::list_or_own, "List instances, or with an Element token read its own")
            .with(&[&TAGS, &SEARCH_TEXT, &HYDRATE, &PAGE_SIZE, &NEXT_PAGE])
            .one("InstanceOrInstances"),
        get("/instances/count", lists::count, "Count instances").one("InstanceCount"),
        get(
            "/instances/event-poller-records",
            lists::poller_records,
            "List polled resources and where they stand; a page is of instances",
        )
        .with(&[&TAGS, &SEARCH_TEXT, &PAGE_SIZE, &NEXT_PAGE])
        .page("PollerRecord"),
        get(
            "/instances/polling-disabled",
            lists::polling_disabled,
            "List instances whose polls stopped, and why",
        )
        .with(&[&PAGE_SIZE, &NEXT_PAGE])
        .page("StoppedInstance"),
    ]
}

fn by_id() -> Vec<Route> {
    vec![
        get("/instances/{id}", instances::read, "Read an instance").one("Instance"),
        put("/instances/{id}", instances::replace, "Replace an instance; what it signs in with stays")
            .with(&[&DRY_RUN, &RE_AUTHENTICATE])
            .body("InstancePatch")
            .one("InstanceOrDryRun"),
        patch("/instances/{id}", instances::patch, "Change an instance; a code signs in again")
            .with(&[&DRY_RUN])
            .body("InstancePatch")
            .one("InstanceOrDryRun"),
        delete("/instances/{id}", instances::delete, "Delete an instance"),
        put("/instances/{id}/enabled", instances::enable, "Switch an instance on, and release what waits")
            .one("Enabled"),
        delete("/instances/{id}/enabled", instances::disable, "Switch an instance off").one("Enabled"),
        get("/instances/{id}/configuration", configuration::list, "List configuration items")
            .many("ConfigurationItem"),
        get("/instances/{id}/configuration/{item}", configuration::read, "Read a configuration item")
            .one("ConfigurationItem"),
        patch("/instances/{id}/configuration/{item}", configuration::change, "Change a configuration item")
            .body("ConfigurationValue")
            .one("ConfigurationItem"),
        get(
            "/instances/{id}/oauth/url",
            elements::oauth_url_again,
            "Tell where to send a user to sign in again",
        )
        .with(&[&STORED_CALLBACK_URL, &SCOPE, &STATE, &CODE_CHALLENGE, &CODE_CHALLENGE_METHOD])
        .one("OAuthUrl"),
        post("/instances/{id}/poll", poll::now, "Poll now, for at most 20 seconds")
            .one("PollReport")
            .or_failed("PollReport"),
        post("/instances/{id}/resume", instances::resume, "Forget failures and back-offs, and poll")
            .one("Instance")
            .status(202),
        post("/instances/{id}/backfill", backfill::begin, "Read a window of the past again")
            .body("BackfillRequest")
            .one("Backfill")
            .status(202),
        get("/instances/{id}/backfill", backfill::list, "List backfills").many("Backfill"),
        get("/instances/{id}/backfill/{backfill}", backfill::one, "Tell how far a backfill is")
            .one("Backfill"),
    ]
}

fn own() -> Vec<Route> {
    let own = |route: Route| route.by(CallerKind::Element);
    vec![
        own(put("/instances", instances::replace, "Replace the token's instance"))
            .with(&[&DRY_RUN, &RE_AUTHENTICATE])
            .body("InstancePatch")
            .one("InstanceOrDryRun"),
        own(patch("/instances", instances::patch, "Change the token's instance"))
            .with(&[&DRY_RUN])
            .body("InstancePatch")
            .one("InstanceOrDryRun"),
        own(delete("/instances", instances::delete, "Delete the token's instance")),
        own(put("/instances/enabled", instances::enable, "Switch the token's instance on")).one("Enabled"),
        own(delete("/instances/enabled", instances::disable, "Switch the token's instance off"))
            .one("Enabled"),
        own(get(
            "/instances/configuration",
            configuration::list,
            "List configuration items of the token's instance",
        ))
        .many("ConfigurationItem"),
        own(get(
            "/instances/configuration/{item}",
            configuration::read,
            "Read a configuration item of the token's instance",
        ))
        .one("ConfigurationItem"),
        own(patch(
            "/instances/configuration/{item}",
            configuration::change,
            "Change a configuration item of the token's instance",
        ))
        .body("ConfigurationValue")
        .one("ConfigurationItem"),
    ]
}

fn below_connector() -> Vec<Route> {
    vec![
        post("/elements/{element}/instances", instances::create_at, "Create an instance of a connector")
            .with(&[&DRY_RUN])
            .body("InstanceRequest")
            .one("InstanceOrDryRun"),
        get("/elements/{element}/instances", lists::list_of, "List instances of a connector")
            .with(&[&TAGS, &SEARCH_TEXT, &HYDRATE, &PAGE_SIZE, &NEXT_PAGE])
            .page("Instance"),
        get("/elements/{element}/instances/{id}", instances::read, "Read an instance of a connector")
            .one("Instance"),
        put("/elements/{element}/instances/{id}", instances::replace, "Replace an instance of a connector")
            .with(&[&DRY_RUN, &RE_AUTHENTICATE])
            .body("InstancePatch")
            .one("InstanceOrDryRun"),
        patch("/elements/{element}/instances/{id}", instances::patch, "Change an instance of a connector")
            .with(&[&DRY_RUN])
            .body("InstancePatch")
            .one("InstanceOrDryRun"),
        delete("/elements/{element}/instances/{id}", instances::delete, "Delete an instance of a connector"),
        put(
            "/elements/{element}/instances/{id}/enabled",
            instances::enable,
            "Switch an instance of a connector on",
        )
        .one("Enabled"),
        delete(
            "/elements/{element}/instances/{id}/enabled",
            instances::disable,
            "Switch an instance of a connector off",
        )
        .one("Enabled"),
        get(
            "/elements/{element}/instances/{id}/configuration",
            configuration::list,
            "List configuration items of an instance of a connector",
        )
        .many("ConfigurationItem"),
        get(
            "/elements/{element}/instances/{id}/configuration/{item}",
            configuration::read,
            "Read a configuration item of an instance of a connector",
        )
        .one("ConfigurationItem"),
        patch(
            "/elements/{element}/instances/{id}/configuration/{item}",
            configuration::change,
            "Change a configuration item of an instance of a connector",
        )
        .body("ConfigurationValue")
        .one("ConfigurationItem"),
    ]
}
