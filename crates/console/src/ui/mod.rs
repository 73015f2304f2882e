//! Components: small functions that give markup. A page is made of these, and of plain elements.

mod badge;
mod field;
mod icon;
mod table;

pub(crate) use badge::{Mark, badge, count_of, status};
pub(crate) use field::{Field, capitalized, field, marked, sentence};
pub(crate) use icon::bell;
pub(crate) use table::{Column, Keyed, keyed_table, table};

use crate::flash::{Flash, Tone};
use crate::form::TOKEN_FIELD;
use crate::signed::Signed;
use maud::{Markup, html};

/// A form that posts, with the session's token. Every form that changes something is made by this.
pub(crate) fn form(signed: &Signed, action: &str, body: Markup) -> Markup {
    html! {
        form method="post" action=(action) {
            input type="hidden" name=(TOKEN_FIELD) value=(signed.session.form_token);
            (body)
        }
    }
}

/// A button that posts to an address and nothing more.
pub(crate) fn button(signed: &Signed, action: &str, label: &str) -> Markup {
    form(signed, action, html! { button type="submit" { (label) } })
}

/// A part of the page that the script brings up to date from this same address, every few seconds. The id is
/// unique on the page and stays the same.
pub(crate) fn live(id: &str, body: Markup) -> Markup {
    html! { div id=(id) data-live="" { (body) } }
}

/// The same of a log: rows that are new wait until somebody asks for them.
pub(crate) fn live_log(id: &str, body: Markup) -> Markup {
    html! { div id=(id) data-live="" data-rows="held" { (body) } }
}

/// A box with a heading of the second level.
pub(crate) fn card(heading: &str, body: Markup) -> Markup {
    html! { section.card { h2 { (heading) } (body) } }
}

/// What stands where a list has nothing: why, and what to do next.
pub(crate) fn empty(heading: &str, text: &str, action: Markup) -> Markup {
    html! { div.empty { h2 { (heading) } p { (text) } (action) } }
}

/// A choice of one among some, or none.
pub(crate) fn choice(name: &str, label: &str, none: &str, options: &[(&str, &str)], chosen: &str) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                option value="" { (none) }
                @for (key, label) in options {
                    option value=(key) selected[*key == chosen] { (label) }
                }
            }
        }
    }
}

/// A field for a date and a time.
pub(crate) fn moment(name: &str, label: &str, value: &str) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) type="datetime-local" value=(value.trim_end_matches('Z'));
        }
    }
}

/// A text with a button that copies it, which the script shows.
pub(crate) fn copied(label: &str, id: &str, text: &str) -> Markup {
    html! {
        div.field.copied {
            p { strong { (label) } }
            pre.select id=(id) tabindex="0" { code { (text) } }
            button type="button" hidden data-copies=(id) { "Copy" }
        }
    }
}

/// Something to know before going on.
pub(crate) fn notice(tone: Tone, body: Markup) -> Markup {
    let (class, mark) = match tone {
        Tone::Good => ("notice good", Mark::Good),
        Tone::Bad => ("notice bad", Mark::Bad),
    };
    html! { div class=(class) { (badge::shape(mark)) div { (body) } } }
}

/// What the last form did.
pub(crate) fn flash(flash: &Flash) -> Markup {
    let role = match flash.tone {
        Tone::Good => "status",
        Tone::Bad => "alert",
    };
    html! { div.flash role=(role) { (notice(flash.tone, html! { p { (marked(&flash.text)) } })) } }
}

/// The way through the pages of a list: back to the first, and on.
pub(crate) fn pages(first: Option<&str>, next: Option<&str>) -> Markup {
    html! {
        @if first.is_some() || next.is_some() {
            nav.pages aria-label="Pages" {
                @if let Some(first) = first { a.button href=(first) { "First page" } }
                @if let Some(next) = next { a.button href=(next) rel="next" { "Next page" } }
            }
        }
    }
}

/// What a list lacks: whoever misses something in it does not take it for deleted.
pub(crate) fn lacking(unreadable_count: u64) -> Markup {
    html! {
        @match unreadable_count {
            0 => {}
            1 => { p.muted { "1 that can't be read is not shown." } }
            count => { p.muted { (count) " that can't be read are not shown." } }
        }
    }
}

/// The way to what a demo's receiver got, where this is a demo.
pub(crate) fn inspector_link(signed: &Signed) -> Markup {
    html! { @if signed.shared.0.inspector.is_some() { a.button href="/inspector" { "Callback inspector" } } }
}

/// A name that somebody gave: marks in it that turn the direction of text around end with it.
pub(crate) fn name(text: &str) -> Markup {
    html! { bdi { (text) } }
}

/// Tags of an instance.
pub(crate) fn tags<'a>(tags: impl IntoIterator<Item = &'a str>) -> Markup {
    let mut tags = tags.into_iter().peekable();
    html! {
        @if tags.peek().is_some() {
            ul.tags { @for tag in tags { li { a href=(crate::api::address(&["instances"], &[("tags", tag)])) { (name(tag)) } } } }
        }
    }
}
