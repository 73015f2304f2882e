//! Push: asking providers for notices, and turning these into polls.
//!
//! Below the polls: a poll keeps the watches of its mailbox ([`Keeping`]), a change of an instance ends them ([`leave`]),
//! and a notice becomes jobs ([`arrive`], [`pull()`]).

mod arrive;
mod due;
mod keep;
mod key;
mod leave;
mod pull;
mod reach;
mod signed;
mod status;
mod stored;

pub(crate) use arrive::{PushPosted, arrive, hand_on, read};
pub use arrive::{ReadAhead, row_named};
pub(crate) use keep::Keeping;
pub(crate) use key::key_of;
pub(crate) use leave::{leave, leave_former, left};
pub use pull::Pull;
pub(crate) use pull::{is_pulled_by, pull};
pub(crate) use status::{reading, status};
