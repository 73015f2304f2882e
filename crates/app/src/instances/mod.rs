//! Creating, changing and deleting instances.

mod backfill;
mod baseline;
mod by_link;
mod change;
mod create;
mod credentials;
mod kept_token;
mod login_terms;
pub(crate) mod mailbox_address;
mod other_mailbox;
mod patch;
mod refusal;
mod stopped;
mod stored;
mod switch;
mod tags;
mod test_event;
mod trial;
mod walk;

pub(crate) use backfill::{BackfillOrder, backfilled, begin as begin_backfill};
pub(crate) use baseline::mailbox_digest;
pub(crate) use change::{change, try_change};
pub(crate) use create::{Creation, create, token_of, try_create};
pub(crate) use credentials::SignInCode;
pub(crate) use login_terms::LoginTerms;
pub(crate) use patch::{OnOther, Patch};
pub(crate) use refusal::{NotByLink, OtherMailbox, Refusal};
pub(crate) use stored::{mailbox, subscription, understood};
pub(crate) use switch::{delete, now_needs_sign_in, release, resume, set_enabled};
pub(crate) use tags::TagChange;
pub(crate) use test_event::{NotTested, TestTarget, send_test};
pub(crate) use trial::{Outcome, Trial};
pub(crate) use walk::{LOOKS_COUNT_MAX, READS_COUNT_MAX, Walk};
