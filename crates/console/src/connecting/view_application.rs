//! Which application the mailbox signs in with: a choice of what is stored, and the fields of a new one.

use super::application::{Applications, KEEP_AS, Keep, TENANT};
use super::definition::{APPLICATION, Definition, KEY, SECRET};
use super::filled::{Filled, field_name};
use super::problems::Problems;
use crate::ui::{Field, field, sentence};
use maud::{Markup, html};

/// What these fields show.
pub(super) struct ApplicationView<'a> {
    pub(super) definition: &'a Definition,
    pub(super) filled: &'a Filled,
    pub(super) problems: &'a Problems,
    pub(super) applications: &'a Applications,
    /// What was said of keeping a new one.
    pub(super) keep: Option<&'a Keep>,
    /// Of an instance that is not there yet.
    pub(super) is_new: bool,
}

/// A choice of what is stored, and the fields of a new one.
pub(super) fn fields(view: &ApplicationView<'_>) -> Markup {
    let chosen = view.filled.text(APPLICATION);
    let name = field_name(APPLICATION);
    let error = view.problems.about(APPLICATION);
    let offered = &view.applications.0;
    let is_gone = !chosen.is_empty() && !offered.iter().any(|one| one == chosen);
    html! {
        @if offered.is_empty() && !is_gone { (new(view)) } @else {
            div.field {
                label for=(name) { "Application" }
                p.hint id={ (name) "-hint" } { "What the mailbox signs in with at " (view.definition.name) "." }
                @if let Some(error) = &error { p.error id={ (name) "-error" } { (sentence(error)) } }
                select id=(name) name=(name) aria-describedby={ (name) "-hint" @if error.is_some() { " " (name) "-error" } } aria-invalid=[error.as_ref().map(|_| "true")] {
                    @if is_gone { option value=(chosen) selected { (chosen) } }
                    @for one in offered { option value=(one) selected[one == chosen] { (one) } }
                    option value="" selected[chosen.is_empty()] { "Another one, given below" }
                }
            }
            details.another open[chosen.is_empty() || has_problem(view)] {
                summary { "Another application" }
                div.inner { (new(view)) }
            }
        }
    }
}

fn has_problem(view: &ApplicationView<'_>) -> bool {
    [KEY, SECRET, KEEP_AS, TENANT].iter().any(|key| view.problems.about(key).is_some())
}

/// Id and secret; of a new form also the name that they are stored under.
fn new(view: &ApplicationView<'_>) -> Markup {
    let definition = view.definition;
    let one = |key: &str, kind: &'static str, autocomplete: &'static str| {
        let Some(item) = definition.item(key) else { return html! {} };
        let (name, error) = (field_name(key), view.problems.about(key));
        field(&Field {
            kind,
            autocomplete,
            value: view.filled.text(key),
            hint: Some(&item.description),
            error: error.as_deref(),
            required: view.applications.is_empty() && view.is_new && view.filled.text(APPLICATION).is_empty(),
            ..Field::new(&name, &item.label)
        })
    };
    let beside = |name: &str, label: &str, value: &str, hint: &str| {
        let error = view.problems.about(name);
        field(&Field { value, hint: Some(hint), error: error.as_deref(), ..Field::new(name, label) })
    };
    let has_tenants = definition.registration.as_ref().is_some_and(|told| told.has_tenants);
    html! {
        (one(KEY, "text", "off"))
        (one(SECRET, "password", "new-password"))
        @if view.is_new && definition.asks(APPLICATION) {
            @if has_tenants { (beside(TENANT, "Tenant", view.keep.map_or("", |keep| &keep.tenant), "Only for an application of a single tenant: its id or domain name.")) }
            (beside(KEEP_AS, "Keep the application as", &view.keep.map_or_else(|| suggested(view), |keep| keep.name.clone()), "The next mailbox then only chooses it. Empty: this instance alone has it."))
        }
    }
}

/// A name that is not taken.
fn suggested(view: &ApplicationView<'_>) -> String {
    let key = &view.definition.key;
    let is_free = |name: &String| !view.applications.0.contains(name);
    let numbered = (2..=99).map(|number| format!("{key}-{number}"));
    std::iter::once(key.clone()).chain(numbered).find(is_free).unwrap_or_default()
}

/// Keys that stand in these fields, with their labels, for the summary of what is wrong.
pub(super) fn labels() -> [(&'static str, &'static str); 3] {
    [(APPLICATION, "Application"), (KEEP_AS, "Keep the application as"), (TENANT, "Tenant")]
}
