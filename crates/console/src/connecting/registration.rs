//! How an application is registered with the provider, and what its refusals mean, as the interface lists it.

use serde_json::Value;
use std::collections::BTreeMap;

/// A refusal of the provider, why it comes, and what to do.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) cause: String,
    pub(super) remedy: String,
}

/// How an application is registered, as the interface lists it.
#[derive(Debug, Clone, Default)]
pub(super) struct Registration {
    pub(super) address: String,
    pub(super) steps: Vec<String>,
    pub(super) consent: String,
    required_scopes: Vec<String>,
    pub(super) has_tenants: bool,
    pub(super) refusals: Vec<Refusal>,
    /// By resource.
    scopes: BTreeMap<String, Vec<String>>,
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

impl Registration {
    /// `None` where there is no sign-in.
    pub(super) fn of(metadata: &Value) -> Option<Self> {
        let told = metadata.get("registration").filter(|told| told.is_object())?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let refusal = |one: &Value| Refusal {
            code: text(&one["code"]),
            cause: text(&one["cause"]),
            remedy: text(&one["remedy"]),
        };
        let resources = metadata["resources"].as_array().into_iter().flatten();
        Some(Registration {
            address: text(&told["address"]),
            steps: texts(&told["steps"]),
            consent: text(&told["consent"]),
            required_scopes: texts(&told["requiredScopes"]),
            has_tenants: told["hasTenants"] == true,
            refusals: told["refusals"].as_array().into_iter().flatten().map(refusal).collect(),
            scopes: resources.map(|one| (text(&one["name"]), texts(&one["scopes"]))).collect(),
        })
    }

    /// What has to be asked for so that these resources can be polled; nothing where it is not known of one of them.
    pub(super) fn scopes_for<'a>(&self, resources: impl Iterator<Item = &'a str>) -> Vec<&str> {
        let mut all: Vec<&str> = self.required_scopes.iter().map(String::as_str).collect();
        for resource in resources {
            let Some(scopes) = self.scopes.get(resource).filter(|scopes| !scopes.is_empty()) else {
                return Vec::new();
            };
            all.extend(scopes.iter().map(String::as_str));
        }
        let mut seen = Vec::new();
        all.retain(|scope| {
            !seen.contains(scope) && {
                seen.push(*scope);
                true
            }
        });
        all
    }

    /// Why what went wrong went wrong, and what to do, as far as that is known.
    pub(super) fn advice(&self, said: &str) -> Vec<(&str, &str)> {
        let known = self.refusals.iter().filter(|one| said.contains(&one.code));
        known.map(|one| (one.cause.as_str(), one.remedy.as_str())).collect()
    }
}
