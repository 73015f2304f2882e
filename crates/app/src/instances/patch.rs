//! What a client wants changed of an instance.

use super::SignInCode;
use super::tags::TagChange;
use domain::settings::Items;

/// What a client wants changed; what is `None` stays. No `Debug`: it holds secrets.
#[derive(Clone, Default)]
pub(crate) struct Patch {
    pub(crate) name: Option<String>,
    pub(crate) tags: Option<TagChange>,
    /// Items to merge in.
    pub(crate) items: Option<Items>,
    /// The code of a new sign-in.
    pub(crate) code: Option<SignInCode>,
    /// What stands for a sign-in to another mailbox, which is to take the place of the former one.
    pub(crate) confirmation: Option<String>,
    /// A sign-in to another mailbox changes nothing until it is confirmed.
    pub(crate) asks_first: bool,
    /// The items are all there are: what they do not name goes, except for what the instance signs in with.
    pub(crate) replaces: bool,
}

impl Patch {
    /// Whether somebody signed in for it.
    pub(super) fn signs_in(&self) -> bool {
        self.code.is_some() || self.confirmation.is_some()
    }
}
