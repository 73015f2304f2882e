//! The form, in the documented order.

use super::application::{Applications, Keep};
use super::definition::{Definition, Editor, FormPart, Item, KEY, VENDOR_METHOD_WORDS};
use super::filled::{Filled, field_name};
use super::polling::Sides;
use super::problems::Problems;
use super::test_event;
use super::view_application::{self, ApplicationView};
use super::view_polling::polling;
use super::view_registration::checklist;
use crate::api::Answer;
use crate::flash::Tone;
use crate::signed::Signed;
use crate::ui::{self, Field, field, marked, sentence};
use maud::{Markup, html};

/// The slider ends here; the number goes on.
const SLIDER_MINUTES_MAX: u64 = 60;

/// What the form is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FormKind {
    Create,
    Edit,
}

/// A form to be shown.
pub(crate) struct View<'a> {
    pub(crate) kind: FormKind,
    pub(crate) definition: &'a Definition,
    pub(crate) filled: &'a Filled,
    pub(crate) problems: &'a Problems,
    /// Where the form is posted to.
    pub(crate) action: &'a str,
    /// Where the provider sends users back, to be registered there.
    pub(crate) callback: &'a str,
    /// What list and code just did.
    pub(crate) said: Option<&'a str>,
    /// List and code, where they differ.
    pub(crate) sides: Option<&'a Sides>,
    /// How a test of the callback went.
    pub(crate) tested: Option<&'a Answer>,
    /// What the mailbox can sign in with.
    pub(crate) applications: &'a Applications,
    /// What was said of keeping a new application.
    pub(crate) keep: Option<&'a Keep>,
}

pub(crate) fn form(signed: &Signed, view: &View<'_>) -> Markup {
    let definition = view.definition;
    let optional: Vec<&Item> = definition.part(FormPart::Optional).collect();
    let body = html! {
        // The button that Enter presses.
        button.unseen type="submit" name="do" value="go" tabindex="-1" aria-hidden="true" {}
        section.card.connect {
            (field(&Field { value: &view.filled.name, error: view.problems.about("name").as_deref(), hint: Some("What the instance is called, for you."), required: true, ..Field::new("name", "Name") }))
            @if !optional.is_empty() { (optional_fields(view, &optional)) }
            (view_application::fields(&application_view(view)))
            @for item in definition.part(FormPart::Application) { (shown(view, item)) }
        }
        section.card.connect {
            h2 { "Event Configuration" }
            @for item in definition.part(FormPart::Events) { (shown(view, item)) }
            @if view.kind == FormKind::Create {
                div.test-event {
                    button type="submit" name="do" value="test-event" formnovalidate { "Send a test event" }
                    p.hint { "A signed event that is marked as a test goes to the callback now. Nothing is stored." }
                    @if let Some(answer) = view.tested { (test_event::outcome(answer)) }
                }
            }
        }
        section.card.connect {
            (field(&Field { value: &view.filled.tags, error: view.problems.about("tags").as_deref(), hint: Some("With commas between them."), ..Field::new("tags", "Tags") }))
        }
        div.actions {
            @match view.kind {
                FormKind::Create => { button.primary type="submit" name="do" value="go" { "Create Instance" } a.button href="/connect" { "Cancel" } }
                FormKind::Edit => {
                    button.primary type="submit" name="do" value="go" { "Update" }
                    button type="submit" name="do" value="try" { "Try" }
                    a.button href=(view.action.trim_end_matches("/edit")) { "Cancel" }
                }
            }
        }
        @match view.kind {
            FormKind::Create => { p.hint { "Next you sign in at " (definition.name) " and come back here." } }
            FormKind::Edit => { p.hint { "Try asks the provider what each resource would do, and stores nothing." } }
        }
    };
    html! {
        (problems(view))
        @if view.kind == FormKind::Create { (checklist(definition, view.callback, view.applications.is_empty() && view.filled.text(KEY).is_empty())) }
        div.connect-form { (ui::form(signed, view.action, body)) }
    }
}

fn application_view<'a>(view: &View<'a>) -> ApplicationView<'a> {
    let View { kind, definition, filled, problems, applications, keep, .. } = *view;
    ApplicationView { definition, filled, problems, applications, keep, is_new: kind == FormKind::Create }
}

/// What is wrong, before the form: what no field shows, and where to look.
fn problems(view: &View<'_>) -> Markup {
    let mut fields: Vec<(&str, String, &str)> =
        vec![("name", "name".to_owned(), "Name"), ("tags", "tags".to_owned(), "Tags")];
    fields.extend(
        view.definition
            .items
            .iter()
            .map(|item| (item.key.as_str(), field_name(&item.key), item.label.as_str())),
    );
    fields.extend(view_application::labels().map(|(key, label)| (key, field_of(key), label)));
    let keys: Vec<&str> = fields.iter().map(|(key, _, _)| *key).collect();
    let wrong: Vec<_> = fields.iter().filter(|(key, _, _)| view.problems.about(key).is_some()).collect();
    html! {
        @if !view.problems.is_empty() {
            // Read first, and where the keyboard goes on from.
            div role="alert" tabindex="-1" autofocus {
                (ui::notice(Tone::Bad, html! {
                    p { strong { "Nothing was stored." } }
                    @for text in view.problems.beside(&keys) { p { (text) } }
                    (view.definition.advice(&view.problems.beside(&[]).join(" ")))
                    @if !wrong.is_empty() {
                        p { "Look at: " @for (index, (_, id, label)) in wrong.iter().enumerate() { @if index > 0 { ", " } a href={ "#" (id) } { (label) } } }
                    }
                }))
            }
        }
    }
}

/// The id of a field that an item may have none of its own for.
fn field_of(key: &str) -> String {
    if key.starts_with("application.") { key.to_owned() } else { field_name(key) }
}

fn optional_fields(view: &View<'_>, items: &[&Item]) -> Markup {
    let is_open = items.iter().any(|item| view.problems.about(&item.key).is_some());
    html! {
        details.optional-fields open[is_open] {
            summary { "Show Optional Fields" }
            div.inner { @for item in items { (shown(view, item)) } }
        }
    }
}

fn shown(view: &View<'_>, item: &Item) -> Markup {
    let (name, error) = (field_name(&item.key), view.problems.about(&item.key));
    let (value, hint) = (view.filled.text(&item.key), hint(view.definition, item));
    let text = |kind, autocomplete| {
        field(&Field {
            kind,
            value,
            hint: Some(&hint),
            error: error.as_deref(),
            required: item.required,
            autocomplete,
            ..Field::new(&name, &item.label)
        })
    };
    match item.editor {
        Editor::Text => text("text", "off"),
        Editor::Address => text("url", "off"),
        Editor::Password => text("password", "new-password"),
        Editor::Interval => interval(view, item, error.as_deref()),
        Editor::Polling => polling(view, item, error.as_deref()),
        Editor::EventType => event_type(view, item),
        Editor::Application => html! {},
        Editor::Switch => html! {
            div.field {
                label.switch { input id=(name) name=(name) type="checkbox" value="true" checked[value == "true"] aria-describedby={ (name) "-hint" @if error.is_some() { " " (name) "-error" } } aria-invalid=[error.as_ref().map(|_| "true")]; (item.label) }
                p.hint id={ (name) "-hint" } { (marked(&hint)) }
                @if let Some(error) = &error { p.error id={ (name) "-error" } { (sentence(error)) } }
            }
        },
        Editor::Lines => html! {
            div.field {
                label for=(name) { (item.label) span.optional { " (optional)" } }
                p.hint id={ (name) "-hint" } { (marked(&hint)) }
                @if let Some(error) = &error { p.error id={ (name) "-error" } { (sentence(error)) } }
                textarea.short id=(name) name=(name) rows="3" spellcheck="false" aria-describedby={ (name) "-hint" @if error.is_some() { " " (name) "-error" } } aria-invalid=[error.as_ref().map(|_| "true")] { "\n" (value) }
            }
        },
    }
}

fn hint(definition: &Definition, item: &Item) -> String {
    let is_said = item.default.is_empty() || definition.initial(item) == item.default;
    match is_said {
        true => item.description.clone(),
        false => format!("{} Left empty: {}", item.description, item.default),
    }
}

/// Number and slider, the number first, so that nothing moves when the slider appears. The slider has no name, so the number counts; the script shows it and keeps both in step.
fn interval(view: &View<'_>, item: &Item, error: Option<&str>) -> Markup {
    let (name, definition) = (field_name(&item.key), view.definition);
    let (min, max) = (definition.interval_min, definition.interval_max);
    html! {
        div.field {
            label for=(name) { (item.label) }
            p.hint id={ (name) "-hint" } { (marked(&item.description)) }
            @if let Some(error) = error { p.error id={ (name) "-error" } { (sentence(error)) } }
            div.interval {
                input id=(name) name=(name) type="number" min=(min) max=(max) step="1" inputmode="numeric" value=(view.filled.text(&item.key))
                    aria-describedby={ (name) "-hint" @if error.is_some() { " " (name) "-error" } } aria-invalid=[error.map(|_| "true")];
                input type="range" hidden data-slider-of=(name) min=(min) max=(SLIDER_MINUTES_MAX.min(max)) value=(view.filled.text(&item.key)) aria-label={ (item.label) ", slider" };
            }
        }
    }
}

fn event_type(view: &View<'_>, item: &Item) -> Markup {
    let (name, value) = (field_name(&item.key), view.filled.text(&item.key));
    html! {
        div.field {
            label for=(name) { (item.label) }
            p.hint id={ (name) "-hint" } { (marked(&item.description)) }
            select id=(name) name=(name) aria-describedby={ (name) "-hint" } {
                @for method in &view.definition.methods { option value=(method) selected[method == value] { (VENDOR_METHOD_WORDS.iter().find(|(known, _)| known == method).map_or(method.as_str(), |(_, words)| words)) } }
            }
        }
    }
}
