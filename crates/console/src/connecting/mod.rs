//! Connecting and editing: what a connector asks for, what was filled in, and what is kept while a user signs in at
//! the provider. No connector is named here.

mod application;
mod definition;
mod filled;
mod pending;
mod polling;
mod posted;
mod problems;
mod registration;
mod test_event;
mod trial;
mod view;
mod view_application;
mod view_polling;
mod view_registration;

pub(crate) use application::{Applications, Keep};
pub(crate) use definition::{CALLBACK, Definition, SCOPE};
pub(crate) use filled::Filled;
pub(crate) use pending::{OtherMailbox, Pending, callback};
pub(crate) use polling::{Action, Sides};
pub(crate) use posted::PostedForm;
pub(crate) use problems::Problems;
pub(crate) use test_event::flash as test_event_flash;
pub(crate) use trial::{in_words as trial_in_words, table as trial_table};
pub(crate) use view::{FormKind, View, form};
