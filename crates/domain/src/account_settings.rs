//! What an account is set to.

use crate::address;
use crate::invalid::Invalid;
use crate::setting_keys::{Items, MASK};
use crate::signature;
use serde_json::{Map, Value};

/// What a failed attempt of a callback leads to: `retry` or `queue`.
pub const FAILURE_POLICY: &str = "notification.webhook.failure.policy";

/// Where an organization's health events are posted; empty: nowhere.
pub const HEALTH_URL: &str = "notification.health.callback.url";
/// The key that they are signed with; empty: none. Stored sealed.
pub const HEALTH_KEY: &str = "notification.health.signature.key";

/// Whether a setting is of the whole organization, not of an account.
pub fn is_of_organization(key: &str) -> bool {
    matches!(key, HEALTH_URL | HEALTH_KEY)
}

/// What a failed attempt leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Another attempt after a while, some times; then everything is queued.
    #[default]
    Retry,
    /// Everything is queued at once.
    Queue,
}

impl FailurePolicy {
    /// Reads a value of [`FAILURE_POLICY`].
    ///
    /// # Errors
    /// The key and the rule.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text.trim() {
            "retry" => Ok(FailurePolicy::Retry),
            "queue" => Ok(FailurePolicy::Queue),
            _ => Err(Invalid::new(FAILURE_POLICY, "must be `retry` or `queue`")),
        }
    }

    /// The policy of an account with these settings.
    pub fn of(settings: &Items) -> Self {
        settings.get(FAILURE_POLICY).and_then(|text| Self::parse(text).ok()).unwrap_or_default()
    }
}

/// Checks what a client sets: only keys that mean something, all values texts. All that is wrong is reported at once.
///
/// # Errors
/// Each key and its rule.
pub fn check(settings: &Map<String, Value>) -> Result<Items, Vec<Invalid>> {
    let mut items = Items::new();
    let mut errors = Vec::new();
    for (key, value) in settings {
        match (key.as_str(), value) {
            (FAILURE_POLICY, Value::String(text)) => match FailurePolicy::parse(text) {
                Ok(_) => drop(items.insert(key.clone(), text.trim().to_owned())),
                Err(error) => errors.push(error),
            },
            (HEALTH_URL, Value::String(text)) => match health_url(text.trim()) {
                Ok(()) => drop(items.insert(key.clone(), text.trim().to_owned())),
                Err(error) => errors.push(error),
            },
            (HEALTH_KEY, Value::String(text)) if text == MASK => {}
            (HEALTH_KEY, Value::String(text)) if signature::is_usable(text) => {
                items.insert(key.clone(), text.clone());
            }
            (HEALTH_KEY, Value::String(_)) => {
                errors.push(Invalid::new(key, "must be base64 of 24 to 64 bytes after `whsec_`"));
            }
            (FAILURE_POLICY | HEALTH_URL | HEALTH_KEY, _) => errors.push(Invalid::new(key, "must be a text")),
            _ => {
                // Enough of it to recognise.
                let shown: String = key.chars().take(64).collect();
                errors.push(Invalid::new(shown, "is not an account setting"));
            }
        }
    }
    if errors.is_empty() { Ok(items) } else { Err(errors) }
}

/// An address that health events can go to. It is shown, so that it has no credentials.
fn health_url(text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        return Ok(());
    }
    match address::parse(text) {
        Err(unusable) => Err(Invalid::new(HEALTH_URL, unusable.to_string())),
        Ok(_) if address::credentials(text).is_some() => {
            Err(Invalid::new(HEALTH_URL, "must be an address without a user name or a password"))
        }
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn known_keys_with_known_values_are_taken() {
        let settings = json!({ FAILURE_POLICY: " queue" });
        let items = check(settings.as_object().unwrap()).unwrap();
        assert_eq!(FailurePolicy::of(&items), FailurePolicy::Queue);
        assert_eq!(FailurePolicy::of(&Items::new()), FailurePolicy::Retry);
        assert!(check(&Map::new()).unwrap().is_empty());
        let settings = json!({ HEALTH_URL: " https://x.example/health", HEALTH_KEY: MASK });
        let items = check(settings.as_object().unwrap()).unwrap();
        assert_eq!(items, Items::from([(HEALTH_URL.to_owned(), "https://x.example/health".to_owned())]));
        assert!(check(json!({ HEALTH_URL: "", HEALTH_KEY: "" }).as_object().unwrap()).is_ok());
    }

    #[test]
    fn everything_else_is_refused_with_key_and_rule() {
        let refused = |settings: Value| {
            let errors = check(settings.as_object().unwrap()).unwrap_err();
            errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(
            refused(json!({ FAILURE_POLICY: "never" })),
            "`notification.webhook.failure.policy`: must be `retry` or `queue`"
        );
        assert_eq!(
            refused(json!({ FAILURE_POLICY: true, "x": "y" })),
            "`notification.webhook.failure.policy`: must be a text; `x`: is not an account setting"
        );
        assert_eq!(
            refused(json!({ HEALTH_URL: "https://u:p@x.example/", HEALTH_KEY: "whsec_short" })),
            "`notification.health.callback.url`: must be an address without a user name or a password; `notification.health.signature.key`: must be base64 of 24 to 64 bytes after `whsec_`"
        );
    }
}
