//! Push of an instance, in words.

use crate::signed::Signed;
use crate::time::{self, relative, relative_or};
use crate::ui::{self, Mark, badge};
use maud::{Markup, html};
use serde_json::Value;

/// Whether the provider tells of changes, where the instance wants that.
pub(super) fn card(signed: &Signed, instance: &Value) -> Markup {
    let push = &instance["push"];
    let at = |field: &str| time::read(push[field].as_str());
    html! {
        @if push.is_object() {
            (ui::card("Push", html! {
                (state(push))
                dl.facts {
                    @if let Some(since) = at("since") { div { dt { "Since" } dd { (time::exact(since)) } } }
                    @if let Some(until) = at("until") { div { dt { "Ends, unless renewed" } dd { (relative(until, signed.now)) } } }
                    div { dt { "Last notice" } dd { (relative_or(at("lastHintAt"), signed.now, "none yet")) } }
                }
            }))
        }
    }
}

fn state(push: &Value) -> Markup {
    let reason = push["reason"].as_str().unwrap_or("it is being set up");
    html! {
        @if push["active"] == true {
            p.state { (badge(Mark::Good, "Active")) span { "The provider tells of changes, and they are polled for at once." } }
        } @else {
            p.state { (badge(Mark::Warning, "Not active")) span { (ui::sentence(reason)) ". Polls go on by the interval." } }
        }
    }
}

/// That the last change of a resource came by push, and how fast.
pub(super) fn of_change(resource: &Value) -> Markup {
    html! {
        @if let Some(ms) = resource["lastPush"]["latencyMilliseconds"].as_i64() {
            p.reason { "Last change by push: found " (tenths(ms)) " s after the notice" }
        }
    }
}

fn tenths(ms: i64) -> String {
    let tenths = (ms.max(0) + 50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn push_is_told_in_words() {
        let words = |push: Value| state(&push).into_string();
        assert!(words(json!({ "active": true })).contains("The provider tells of changes"));
        let inactive = words(json!({ "active": false, "reason": "there is no public address" }));
        assert!(inactive.contains("There is no public address. Polls go on by the interval."), "{inactive}");
        let change = |ms: i64| of_change(&json!({ "lastPush": { "latencyMilliseconds": ms } })).into_string();
        assert!(change(849).contains("found 0.8 s after the notice"));
        assert!(change(-3).contains("found 0.0 s"));
        assert!(change(61_950).contains("found 62.0 s"));
        assert_eq!(of_change(&json!({ "lastPush": null })).into_string(), "");
    }
}
