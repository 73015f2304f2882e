//! What has to be done at the provider before anybody can sign in: a checklist, with what to copy there.

use super::definition::Definition;
use crate::ui;
use maud::{Markup, html};

/// The checklist, opened where nothing is stored yet.
pub(super) fn checklist(definition: &Definition, callback: &str, is_open: bool) -> Markup {
    let Some(told) = &definition.registration else { return html! {} };
    let polled = definition.resources.keys().map(String::as_str);
    let scopes = told.scopes_for(polled).join("\n");
    html! {
        section.card.connect {
            details.registration open[is_open] {
                summary { "Before the first mailbox: register an application with the provider" }
                div.inner {
                    p { "Once for all mailboxes. " a href=(told.address) rel="noreferrer" target="_blank" { "Open the provider's console" } "; it opens in a new tab." }
                    ol.steps { @for step in &told.steps { li { (step) } } }
                    (ui::copied("Redirect address", "redirect-address", callback))
                    @if !scopes.is_empty() {
                        (ui::copied("Scopes, for all that can be polled", "all-scopes", &scopes))
                        p.hint { "Leave out what you do not poll. A sign-in asks for what is ticked below, and no more." }
                    }
                    @if !told.consent.is_empty() { h2 { "Where an administrator has to consent" } p { (told.consent) } }
                    @if !told.refusals.is_empty() {
                        details {
                            summary { "If the provider refuses" }
                            dl.refusals {
                                @for one in &told.refusals {
                                    div { dt { code { (one.code) } } dd { (one.cause) " " (one.remedy) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
