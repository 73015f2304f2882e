//! A posted form, read.

use super::definition::{Definition, POLLER};
use super::filled::Filled;
use super::polling::{Action, Decision, Sides, decide};
use super::problems::Problems;
use crate::form::Fields;

/// What a posted form asks for.
pub(crate) struct PostedForm {
    pub(crate) filled: Filled,
    pub(crate) action: Action,
    /// What list and code just did.
    pub(crate) said: Option<&'static str>,
    /// List and code, if both were changed without a choice between them.
    pub(crate) sides: Option<Sides>,
    /// Why it can't be sent as it is.
    pub(crate) problems: Problems,
}

impl PostedForm {
    pub(crate) fn of(definition: &Definition, fields: &Fields) -> Self {
        let action = Action::of(fields);
        let (poller, sides) = match decide(fields, action) {
            Decision::Says(poller) => (poller, None),
            Decision::Undecided(sides) => (sides.code.clone(), Some(sides)),
        };
        let filled = Filled::posted(definition, fields, &poller);
        let problems = match sides {
            None if matches!(action, Action::Go | Action::Try) && filled.name.is_empty() => {
                Problems::at("name", "is required")
            }
            Some(_) => Problems::at(
                POLLER,
                "list and code were both changed, and differ: apply the list to the code, or read it from the code",
            ),
            None => Problems::default(),
        };
        PostedForm {
            filled,
            said: match action {
                Action::ToCode => Some("The list counts: the code says what is ticked."),
                Action::FromCode => Some("The code counts: the list shows what it says."),
                Action::Try | Action::TestEvent | Action::Go => None,
            },
            action,
            sides,
            problems,
        }
    }

    /// A form that was not sent yet.
    pub(crate) fn unsent(filled: Filled) -> Self {
        PostedForm { filled, action: Action::Go, said: None, sides: None, problems: Problems::default() }
    }

    /// Whether the form is only shown again.
    pub(crate) fn is_only_shown(&self) -> bool {
        matches!(self.action, Action::ToCode | Action::FromCode) || !self.problems.is_empty()
    }
}
