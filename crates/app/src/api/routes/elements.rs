//! Connectors.

use super::parameters::*;
use crate::api::elements;
use crate::api::route::{Route, get, post};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/elements", elements::list, "List connectors").many("Element"),
        get("/elements/keys", elements::keys, "List the connectors' keys").many("ElementKey"),
        get("/elements/{element}", elements::one, "Read a connector, by its key or number").one("Element"),
        get("/elements/{element}/metadata", elements::metadata, "Tell what a connector can do")
            .one("ElementMetadata"),
        get(
            "/elements/{element}/configuration",
            elements::configuration,
            "List what an instance is told, in the order of a form",
        )
        .many("ElementItem"),
        get("/elements/{element}/oauth/url", elements::oauth_url, "Tell where to send a user to sign in")
            .with(&[&API_KEY, &CALLBACK_URL, &SCOPE, &STATE, &CODE_CHALLENGE, &CODE_CHALLENGE_METHOD])
            .one("OAuthUrl"),
        get(
            "/elements/{element}/oauth/url/default",
            elements::oauth_url,
            "The same, by the original's other name",
        )
        .with(&[&API_KEY, &CALLBACK_URL, &SCOPE, &STATE, &CODE_CHALLENGE, &CODE_CHALLENGE_METHOD])
        .one("OAuthUrl"),
        post("/elements/{element}/oauth/url", elements::oauth_url_of, "The same, from a body")
            .body("OAuthUrlRequest")
            .one("OAuthUrl"),
    ]
}
