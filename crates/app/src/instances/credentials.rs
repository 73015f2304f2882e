//! The configuration of an instance, split into what is stored and what is secret, and checked.

use super::Refusal;
use crate::app::Inner;
use crate::ports::Secrets;
use connectors::Connector;
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use domain::settings::{
    CALLBACK_URL, EVENT_BUS, Items, MASK, OAUTH_API_KEY, OAUTH_API_SECRET, OAUTH_CALLBACK_URL, Settings,
    given, is_secret,
};
use std::sync::Arc;

/// Puts the secret items aside. A masked value means "unchanged": what was there before stays.
pub(super) fn split(items: Items, before: &Secrets) -> Result<(Items, Secrets), Refusal> {
    let mut plain = Items::new();
    let mut secrets = before.clone();
    let mut errors = Vec::new();
    for (key, value) in items {
        if !is_secret(&key) {
            plain.insert(key, value);
        } else if value != MASK {
            secrets.insert(key, value);
        } else if !before.contains_key(&key) {
            errors.push(Invalid::new(key, "is masked, but there is no earlier value"));
        }
    }
    secrets.retain(|_, value| !value.is_empty());
    if errors.is_empty() { Ok((plain, secrets)) } else { Err(Refusal::Invalid(errors)) }
}

/// Checks everything about a configuration that can be checked without the provider.
pub(super) fn check(
    app: &Inner,
    connector: &Arc<dyn Connector>,
    plain: &Items,
    secrets: &Secrets,
) -> Result<Settings, Refusal> {
    let mut errors = Vec::new();
    for key in [OAUTH_API_KEY, OAUTH_API_SECRET] {
        if !secrets.contains_key(key) {
            errors.push(Invalid::new(key, "is required"));
        }
    }
    let settings = match Settings::parse(plain, &connector.descriptor().default_poller()) {
        Ok(settings) => Some(settings),
        Err(more) => {
            errors.extend(more);
            None
        }
    };
    if app.config.require_https_callbacks
        && given(plain, CALLBACK_URL).is_some_and(|url| !url.starts_with("https:"))
    {
        errors.push(Invalid::new(CALLBACK_URL, "must be an https address"));
    }
    if settings.as_ref().is_some_and(|settings| settings.bus) && app.ports.bus.is_none() {
        errors.push(Invalid::new(EVENT_BUS, "must be false: there is no event bus here"));
    }
    let resources: &[ResourceConfig] = settings.as_ref().map_or(&[], |settings| &settings.resources);
    errors.extend(resources.iter().filter_map(|resource| connector.check(resource).err()));
    match settings {
        Some(settings) if errors.is_empty() => Ok(settings),
        _ => Err(Refusal::Invalid(errors)),
    }
}

/// The redirect address that codes are exchanged with.
pub(super) fn redirect_uri(plain: &Items) -> Result<&str, Refusal> {
    given(plain, OAUTH_CALLBACK_URL)
        .ok_or_else(|| Refusal::rule(OAUTH_CALLBACK_URL, "is required to exchange `providerData.code`"))
}
