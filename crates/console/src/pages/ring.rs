//! The first event of a mailbox that was just connected: the page waits for it and shows it.

use crate::api::address;
use crate::event::{Delivery, Event};
use crate::flash::Tone;
use crate::signed::Signed;
use crate::time::relative_or;
use crate::ui::{self, badge};
use maud::{Markup, html};
use serde_json::Value;

/// Where the first event stands.
pub(super) enum Ring<'a> {
    /// None will come: events are off, or the mailbox is.
    Off,
    /// There is nowhere to send one.
    Nowhere,
    Waiting,
    Came(Event<'a>),
}

impl<'a> Ring<'a> {
    pub(super) fn of(instance: &Value, newest: Option<&'a Value>) -> Self {
        let configured =
            |key: &str| instance["configuration"][key].as_str().is_some_and(|text| !text.is_empty());
        let is_sent = configured("event.notification.callback.url")
            || instance["configuration"]["event.notification.eventbridge"].as_str() == Some("true");
        match newest {
            Some(record) => Ring::Came(Event::of(record)),
            None if instance["eventsEnabled"] != true || instance["disabled"] == true => Ring::Off,
            None if !is_sent => Ring::Nowhere,
            None => Ring::Waiting,
        }
    }

    /// Whether the page will show something else soon: until the first event has an outcome.
    pub(super) fn waits(&self) -> bool {
        match self {
            Ring::Waiting => true,
            Ring::Came(event) => matches!(event.delivery(), Delivery::Created | Delivery::Retry),
            Ring::Off | Ring::Nowhere => false,
        }
    }

    pub(super) fn shown(&self, signed: &Signed, instance: &Value, path: &str) -> Markup {
        match self {
            Ring::Off => {
                warning("Events are off: nothing of this mailbox is polled, and no event will come.", path)
            }
            Ring::Nowhere => warning("There is no callback: events are only logged, and sent nowhere.", path),
            Ring::Waiting => ui::card(
                "Waiting for the first event",
                html! {
                    p role="status" { "Send a mail to this mailbox, or change something in it. The event shows here by itself, as soon as a poll finds it; “Poll now” looks at once." }
                    dl.facts {
                        div { dt { "Next poll" } dd { (relative_or(crate::time::read(instance["nextPoll"].as_str()), signed.now, "soon")) } }
                    }
                    (ui::form(signed, &format!("{path}/poll"), html! { input type="hidden" name="waits" value="true"; button type="submit" { "Poll now" } }))
                },
            ),
            Ring::Came(event) => ui::card(
                "The first event is here",
                html! {
                    p.ring role="status" {
                        (ui::bell())
                        " " strong { (event.counts()) } " in " code { (event.resource()) }
                        ", " (relative_or(event.created_at(), signed.now, "just now"))
                    }
                    @if let Some(subject) = event.subject() { p { (ui::name(subject)) } }
                    p { (badge(event.delivery().mark(), event.delivery().name())) }
                    div.actions { a.button href=(address(&["activity", event.id()], &[])) { "See the event" } }
                },
            ),
        }
    }
}

fn warning(text: &str, path: &str) -> Markup {
    ui::notice(
        Tone::Bad,
        html! { p { strong { (text) } } p { a href={ (path) "/edit" } { "Edit the instance" } " to change that." } },
    )
}
