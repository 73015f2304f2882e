//! What instances are called, for lists that know their numbers.

use crate::api::address;
use crate::signed::Signed;
use crate::ui;
use maud::{Markup, html};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// What is said where a name is not stored as it was given: the interface takes markup out of names.
pub(crate) fn told_otherwise(given: &str, stored: &Value) -> String {
    match stored["name"].as_str() {
        Some(name) if !given.is_empty() && name != given => {
            // What turns text around in the name ends with it.
            format!(" Names have no markup: it is called \u{201c}\u{2068}{name}\u{2069}\u{201d}.")
        }
        _ => String::new(),
    }
}

#[derive(Default)]
pub(crate) struct Names(HashMap<u64, String>);

impl Names {
    /// Of the instances that these records name. One that can't be had is shown by its number: a page with numbers is
    /// better than none.
    pub(crate) async fn read(signed: &Signed, records: &[Value]) -> Self {
        let ids: BTreeSet<u64> = records.iter().filter_map(|one| one["instanceId"].as_u64()).collect();
        let mut names = HashMap::new();
        for id in ids {
            let path = address(&["instances", &id.to_string()], &[]);
            if let Ok(answer) = signed.api.get(&path).await {
                names.insert(id, answer.body["name"].as_str().unwrap_or_default().to_owned());
            }
        }
        Names(names)
    }

    pub(crate) fn of(instances: &[Value]) -> Self {
        let pair = |one: &Value| Some((one["id"].as_u64()?, one["name"].as_str()?.to_owned()));
        Names(instances.iter().filter_map(pair).collect())
    }

    pub(crate) fn link(&self, id: u64) -> Markup {
        html! { a href={ "/instances/" (id) } { (ui::name(&self.name(id))) } }
    }

    pub(crate) fn name(&self, id: u64) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| format!("Instance {id}"))
    }
}
