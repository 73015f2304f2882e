//! Connectors.

use super::parameters::*;
use crate::api::route::Entry;
use crate::api::{docs, elements};

pub(super) fn routes<E: Entry>() -> Vec<E> {
    vec![
        E::get("listElements", "/elements", elements::list, "List connectors")
            .with(&[&LARGE_PAGE_SIZE, &NEXT_PAGE]),
        E::get("listElementKeys", "/elements/keys", elements::keys, "List the connectors' keys"),
        E::get("getElement", "/elements/{element}", elements::one, "Read a connector, by its key or number"),
        E::get(
            "getElementMetadata",
            "/elements/{element}/metadata",
            elements::metadata,
            "Describe what a connector can do",
        ),
        E::get(
            "listElementConfiguration",
            "/elements/{element}/configuration",
            elements::configuration,
            "List the configuration items of a connector, in the order of a form",
        ),
        E::get(
            "listElementObjects",
            "/elements/{element}/objects",
            elements::objects,
            "List the names of what a mailbox of the connector has",
        ),
        E::get(
            "getElementDocs",
            "/elements/{element}/docs",
            docs::of_element,
            "Describe how a mailbox of the connector is read, as OpenAPI",
        ),
        E::get(
            "getOAuthUrl",
            "/elements/{element}/oauth/url",
            elements::oauth_url,
            "Get the address where a user signs in",
        )
        .or(&[400])
        .with(&[
            &API_KEY,
            &APPLICATION,
            &CALLBACK_URL,
            &SCOPE,
            &STATE,
            &CODE_CHALLENGE,
            &CODE_CHALLENGE_METHOD,
        ]),
        E::get(
            "getDefaultOAuthUrl",
            "/elements/{element}/oauth/url/default",
            elements::oauth_url,
            "The same, by the original's other name",
        )
        .or(&[400])
        .with(&[
            &API_KEY,
            &APPLICATION,
            &CALLBACK_URL,
            &SCOPE,
            &STATE,
            &CODE_CHALLENGE,
            &CODE_CHALLENGE_METHOD,
        ]),
        E::post(
            "createOAuthUrl",
            "/elements/{element}/oauth/url",
            elements::oauth_url_of,
            "The same, from a body",
        )
        .or(&[400]),
    ]
}
