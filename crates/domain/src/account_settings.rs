//! What an account is set to.

use crate::invalid::Invalid;
use crate::setting_keys::Items;
use serde_json::{Map, Value};

/// What a failed attempt of a callback leads to: `retry` or `queue`.
pub const FAILURE_POLICY: &str = "notification.webhook.failure.policy";

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
            (FAILURE_POLICY, _) => errors.push(Invalid::new(key, "must be a text")),
            _ => {
                // Enough of it to recognise.
                let shown: String = key.chars().take(64).collect();
                errors.push(Invalid::new(shown, format!("is not an account setting; `{FAILURE_POLICY}` is")));
            }
        }
    }
    if errors.is_empty() { Ok(items) } else { Err(errors) }
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
            "`notification.webhook.failure.policy`: must be a text; `x`: is not an account setting; `notification.webhook.failure.policy` is"
        );
    }
}
