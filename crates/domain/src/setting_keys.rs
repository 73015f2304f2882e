//! Names of configuration items, and the items themselves as texts.

use std::collections::BTreeMap;

/// What a secret looks like in replies; sent back, it means "unchanged".
pub const MASK: &str = "********";

/// Client id of the OAuth application.
pub const OAUTH_API_KEY: &str = "oauth.api.key";
/// Client secret of the OAuth application.
pub const OAUTH_API_SECRET: &str = "oauth.api.secret";
/// Name of a stored application, instead of a client id and secret.
pub const OAUTH_APPLICATION: &str = "oauth.application";
/// Redirect address of the OAuth application.
pub const OAUTH_CALLBACK_URL: &str = "oauth.callback.url";
/// Scopes to ask for, separated by spaces.
pub const OAUTH_SCOPE: &str = "oauth.scope";
/// Access token that another system already has.
pub const OAUTH_USER_TOKEN: &str = "oauth.user.token";
/// Refresh token that another system already has.
pub const OAUTH_REFRESH_TOKEN: &str = "oauth.user.refresh_token";
/// Key of the HMAC over each callback.
pub const SIGNATURE_KEY: &str = "event.notification.signature.key";
/// Whether the mailbox is polled.
pub const EVENTS_ENABLED: &str = "event.notification.enabled";
/// Where notifications are posted.
pub const CALLBACK_URL: &str = "event.notification.callback.url";
/// Whether notifications also go to the event bus.
pub const EVENT_BUS: &str = "event.notification.eventbridge";
/// Minutes between polls.
pub const REFRESH_INTERVAL: &str = "event.poller.refresh_interval";
/// Polled resources, as a JSON object.
pub const POLLER_CONFIGURATION: &str = "event.poller.configuration";
/// Polled resources, as the older list of URLs.
pub const POLLER_URLS: &str = "event.poller.urls";
/// How changes are found.
pub const VENDOR_TYPE: &str = "event.vendor.type";
/// The topic that the provider publishes to, under push.
pub const PUSH_TOPIC: &str = "event.vendor.push.topic";
/// The subscription of the topic that we pull from.
pub const PUSH_SUBSCRIPTION: &str = "event.vendor.push.subscription";
/// Who signs what is pushed to us: the address of an account.
pub const PUSH_ACCOUNT: &str = "event.vendor.push.account";
/// The key of the account that we pull with.
pub const PUSH_KEY: &str = "event.vendor.push.key";
/// Whether hub reads leave out fields without a value.
pub const FILTER_NULLS: &str = "filter.response.nulls";
/// Additional headers of each callback.
pub const CALLBACK_HEADERS: &str = "event.notification.callback.headers";
/// Whether the callback is told of the connection's health, too.
pub const CALLBACK_HEALTH: &str = "event.notification.health.enabled";
/// Longest callback body, thousands of bytes.
pub const CALLBACK_KILOBYTES: &str = "event.notification.callback.kilobytes";
/// User name of Basic authentication at the callback.
pub const BASIC_USERNAME: &str = "event.notification.basic.username";
/// Password of Basic authentication at the callback.
pub const BASIC_PASSWORD: &str = "event.notification.basic.password";
/// The signature key before the present one; it signs too until [`SIGNATURE_PREVIOUS_UNTIL`].
pub const SIGNATURE_PREVIOUS_KEY: &str = "event.notification.signature.previous.key";
/// Until when the previous signature key signs too.
pub const SIGNATURE_PREVIOUS_UNTIL: &str = "event.notification.signature.previous.until";
/// Password of another system; never stored.
pub const PASSWORD: &str = "password";

/// Resources polled for one instance.
pub(crate) const RESOURCES_COUNT_MAX: usize = 20;

/// Configuration items as texts.
pub type Items = BTreeMap<String, String>;

/// The value of an item, where it is not empty.
pub fn given<'a>(items: &'a Items, key: &str) -> Option<&'a str> {
    items.get(key).map(|value| value.trim()).filter(|value| !value.is_empty())
}
