//! An OAuth application that is registered with a provider, stored once for all the mailboxes that sign in with it.

use crate::invalid::Invalid;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Longest name, bytes: it is part of a path, and in the configuration of each instance.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest tenant: a domain name has at most 253 bytes.
const TENANT_BYTES_MAX: usize = 253;
/// Longest client id or secret, bytes.
const CREDENTIAL_BYTES_MAX: usize = 4096;

/// A stored application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Whose it is.
    pub organization_id: u32,
    /// Its name, which instances give; unique in the organization.
    pub name: String,
    /// Key of the connector that it is for.
    pub connector: String,
    /// Client id at the provider. Refresh tokens are bound to it, so that it never changes.
    pub api_key: String,
    /// Client secret at the provider, sealed for this organization and name.
    pub api_secret_sealed: String,
    /// The tenant whose users alone may sign in, where the provider has such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// Goes up with each change.
    pub version: u64,
}

/// Whether a text can be an application's name.
pub fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(is_letter)
}

/// What is wrong with a name, if anything.
pub fn check_name(name: &str) -> Option<Invalid> {
    let rule =
        format!("must be 1 to {NAME_BYTES_MAX} letters, digits, `-`, `_` and `.`, and not begin with `.`");
    (!is_name(name)).then(|| Invalid::new("name", rule))
}

/// What is wrong with a tenant, if anything: it becomes part of an address.
pub fn check_tenant(tenant: &str) -> Option<Invalid> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let is_tenant = (1..=TENANT_BYTES_MAX).contains(&tenant.len())
        && tenant.bytes().all(is_letter)
        && tenant.bytes().any(|byte| byte.is_ascii_alphanumeric());
    (!is_tenant).then(|| Invalid::new("tenant", "must be a tenant's id or domain name"))
}

/// What is wrong with a client id or secret, if anything.
pub fn check_credential(key: &str, value: &str) -> Option<Invalid> {
    let is_credential =
        (1..=CREDENTIAL_BYTES_MAX).contains(&value.len()) && !value.chars().any(char::is_control);
    let rule = format!("must be 1 to {CREDENTIAL_BYTES_MAX} bytes, without line breaks");
    (!is_credential).then(|| Invalid::new(key, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_stand_in_a_path() {
        for name in ["gmail", "Sales-2026", "a.b_c", "0"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", ".a", "a/b", "a b", "ä", "a?b", &"x".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_tenant_can_stand_in_an_address() {
        for tenant in ["contoso.onmicrosoft.com", "9b2f0f4e-1a2b-4c3d-8e4f-000000000000"] {
            assert!(check_tenant(tenant).is_none(), "{tenant}");
        }
        for tenant in ["", "..", "a/b", "a?b", "a b", "a@b"] {
            assert!(check_tenant(tenant).is_some(), "{tenant}");
        }
    }

    #[test]
    fn a_credential_has_no_line_breaks() {
        assert!(check_credential("apiSecret", "GOCSPX-x~y.z").is_none());
        for value in ["", "a\nb", "a\u{0}"] {
            assert!(check_credential("apiSecret", value).is_some(), "{value:?}");
        }
    }
}
