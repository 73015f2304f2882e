//! What instances are called, for lists that know their numbers.

use crate::api::address;
use crate::signed::Signed;
use crate::ui;
use maud::{Markup, html};
use serde_json::Value;
use std::collections::HashMap;

/// Names looked up for one page; an instance beyond them is shown by its number.
const NAMES_COUNT_MAX: &str = "200";

#[derive(Default)]
pub(crate) struct Names(HashMap<u64, String>);

impl Names {
    /// Nothing is known where the list can't be had: a page with numbers is better than none.
    pub(crate) async fn read(signed: &Signed) -> Self {
        let path = address(&["instances"], &[("pageSize", NAMES_COUNT_MAX), ("hydrate", "false")]);
        let found = signed.api.get(&path).await.map(|answer| Self::of(answer.rows()));
        found.unwrap_or_default()
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
