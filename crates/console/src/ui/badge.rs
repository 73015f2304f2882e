//! States, told by a shape and a word; the colour only says it again.

use crate::status::{State, Status};
use maud::{Markup, html};

/// A shape with its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A disc.
    Good,
    /// A ring.
    Waiting,
    /// A triangle.
    Warning,
    /// A square.
    Bad,
    /// A diamond: somebody has to do something.
    Ask,
    /// A bar.
    Off,
}

/// A shape and a word.
pub(crate) fn badge(mark: Mark, text: &str) -> Markup {
    html! { span class={ "badge " (class(mark)) } { (shape(mark)) (text) } }
}

/// An instance's status as a badge.
pub(crate) fn status(state: &State) -> Markup {
    badge(mark_of(state.status), state.status.name())
}

fn mark_of(status: Status) -> Mark {
    match status {
        Status::Healthy => Mark::Good,
        Status::Starting | Status::Releasing => Mark::Waiting,
        Status::BackingOff => Mark::Warning,
        Status::Stopped | Status::Failing => Mark::Bad,
        Status::NeedsSignIn | Status::Suspended => Mark::Ask,
        Status::Disabled | Status::EventsOff => Mark::Off,
    }
}

/// How many instances have a status.
pub(crate) fn count_of(status: Status, count: u64) -> Markup {
    let text = format!("{count} {}", status.name().to_lowercase());
    badge(mark_of(status), &text)
}

/// The class of its colour.
pub(crate) fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "good",
        Mark::Waiting => "waiting",
        Mark::Warning => "warning",
        Mark::Bad => "bad",
        Mark::Ask => "ask",
        Mark::Off => "off",
    }
}

/// The shape alone, beside words.
pub(crate) fn shape(mark: Mark) -> Markup {
    html! {
        svg.shape viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" focusable="false" {
            @match mark {
                Mark::Good => { circle cx="6" cy="6" r="5" fill="currentColor" {} }
                Mark::Waiting => { circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="2" {} }
                Mark::Warning => { path d="M6 1 11.5 11 .5 11Z" fill="currentColor" {} }
                Mark::Bad => { rect x="1" y="1" width="10" height="10" rx="1" fill="currentColor" {} }
                Mark::Ask => { path d="M6 0 12 6 6 12 0 6Z" fill="currentColor" {} }
                Mark::Off => { rect x="1" y="4.5" width="10" height="3" rx="1" fill="currentColor" {} }
            }
        }
    }
}
