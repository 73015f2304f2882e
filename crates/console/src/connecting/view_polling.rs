//! Configure Polling: the list of resources, and the same as code.

use super::definition::Item;
use super::filled::field_name;
use super::polling::{DATE_FIELDS, Row, rows};
use super::view::View;
use crate::ui::sentence;
use maud::{Markup, html};
use serde_json::Value;

pub(super) fn polling(view: &View<'_>, item: &Item, error: Option<&str>) -> Markup {
    let code = view.filled.text(&item.key);
    let name = field_name(&item.key);
    let (list, base) = view.sides.map_or((code, code), |sides| (&sides.list, &sides.base));
    let rows = rows(list, view.definition);
    html! {
        fieldset.polling data-polling=(name) aria-describedby={ (name) "-hint" @if error.is_some() { " " (name) "-error" } } {
            legend { (item.label) }
            p.hint id={ (name) "-hint" } { "Tick what is polled. The pencil opens how." }
            @if let Some(error) = error { p.error id={ (name) "-error" } { (sentence(error)) } }
            p.said role="status" { @if let Some(said) = view.said { (said) } }
            input type="hidden" name="poll.base" value=(base);
            input type="hidden" name="poll.in-step" value="false";
            @match &rows {
                Some(rows) => { ul.resources { @for (index, row) in rows.iter().enumerate() { (resource(index, row)) } } }
                None => { p { "The code is not a JSON object, so there is no list. Mend the code, then read it again." } }
            }
            (as_code(&name, code, rows.is_some(), error.is_some() || rows.is_none() || view.said.is_some()))
        }
    }
}

fn resource(index: usize, row: &Row) -> Markup {
    let name = |field: &str| format!("poll.{index}.{field}");
    let entry = Value::Object(row.entry.clone()).to_string();
    let text = |field: &str, label: &str, value: &str| {
        html! {
            div.field {
                label for=(name(field)) { (label) }
                input id=(name(field)) name=(name(field)) data-part=(field) type="text" value=(value) autocomplete="off" spellcheck="false";
            }
        }
    };
    html! {
        li data-resource=(row.name) {
            input type="hidden" name=(name("name")) value=(row.name);
            input type="hidden" name=(name("entry")) data-part="entry" value=(entry);
            label.switch { input name=(name("on")) data-part="on" type="checkbox" value="true" checked[row.is_on]; code { (row.name) } }
            details {
                summary aria-label={ "Event Poller Configuration for \"" (row.name) "\"" } title={ "Event Poller Configuration for \"" (row.name) "\"" } { (pencil()) }
                div.inner {
                    h3 { "Event Poller Configuration for \"" (row.name) "\"" }
                    (text("url", "URL", row.text("url")))
                    (text("idField", "ID Field", row.text("idField")))
                    label.switch { input name=(name("dates")) data-part="dates" type="checkbox" value="true" checked[row.has_dates()]; "Advanced Filtering" }
                    div.dates { @for (field, label) in DATE_FIELDS { (text(field, label, row.date(field))) } }
                }
            }
        }
    }
}

fn as_code(name: &str, code: &str, has_list: bool, is_open: bool) -> Markup {
    html! {
        details.code open[is_open] {
            summary { "Code" }
            div.inner {
                label for=(name) { "Raw JSON" }
                textarea id=(name) name=(name) spellcheck="false" autocomplete="off" aria-describedby={ (name) "-hint" } { "\n" (code) }
                div.actions data-without-script="" {
                    @if has_list { button type="submit" name="do" value="to-code" formnovalidate { "Apply to code" } }
                    button type="submit" name="do" value="from-code" formnovalidate { "Read from code" }
                }
            }
        }
    }
}

fn pencil() -> Markup {
    html! {
        svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false" {
            path fill="none" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round" d="M3 17l.8-3.6L13.6 3.6a1.6 1.6 0 0 1 2.3 0l.5.5a1.6 1.6 0 0 1 0 2.3L6.6 16.2Z M12 5.2l2.8 2.8" {}
        }
    }
}
