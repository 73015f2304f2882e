//! The table of routes. The router and the description of the interface are made from it, so there is no other list.

mod accounts;
mod elements;
mod events;
mod hubs;
mod instances;
mod parameters;

use super::elements::health;
use super::openapi;
use super::route::{CallerKind, Route, get};

/// Everything below the base path whose bodies are small.
pub(super) fn dialect() -> Vec<Route> {
    [instances::routes(), elements::routes(), hubs::routes(), events::routes(), accounts::routes()]
        .into_iter()
        .flatten()
        .collect()
}

/// Below the base path too: callbacks that point at ourselves, which are larger.
pub(super) fn sink() -> Vec<Route> {
    events::sink()
}

/// Outside of the base path.
pub(super) fn outside() -> Vec<Route> {
    vec![
        get("getHealth", "/health", health, "Tell that the service is up").by(CallerKind::Anybody),
        get("getOpenApi", "/openapi.json", openapi::serve, "Describe the interface").by(CallerKind::Anybody),
    ]
}
