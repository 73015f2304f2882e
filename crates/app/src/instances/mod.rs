//! Creating, changing and deleting instances.

mod backfill;
mod baseline;
mod change;
mod create;
mod credentials;
mod refusal;
mod stopped;
mod stored;
mod switch;
mod tags;
mod trial;
mod walk;

pub(crate) use backfill::{BackfillOrder, begin as begin_backfill};
pub(crate) use baseline::mailbox_digest;
pub(crate) use change::{Patch, change, try_change};
pub(crate) use create::{Creation, create, token_of, try_create};
pub(crate) use credentials::SignInCode;
pub(crate) use refusal::Refusal;
pub(crate) use stored::{mailbox, subscription, understood};
pub(crate) use switch::{delete, now_needs_sign_in, release, resume, set_enabled};
pub(crate) use tags::TagChange;
pub(crate) use trial::{Outcome, Trial};
pub(crate) use walk::{LOOKS_COUNT_MAX, READS_COUNT_MAX, Walk};
