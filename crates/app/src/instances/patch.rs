//! What a client wants changed of an instance.

use super::SignInCode;
use super::tags::TagChange;
use domain::settings::Items;
use domain::sign_in_link::LinkKey;

/// What a sign-in to another mailbox than the instance has does.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OnOther {
    /// It takes the place of the former one.
    #[default]
    Replaces,
    /// Nothing until it is confirmed.
    Asks,
    /// Nothing, and nobody is asked. Also where it can't be told whose mailbox it is.
    Refused,
}

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
    /// What a sign-in to another mailbox does.
    pub(crate) on_other: OnOther,
    /// The link that the sign-in came by, which is spent with it.
    pub(crate) spends: Option<LinkKey>,
    /// The items are all there are: what they do not name goes, except for what the instance signs in with.
    pub(crate) replaces: bool,
}

impl Patch {
    /// Whether somebody signed in for it.
    pub(super) fn signs_in(&self) -> bool {
        self.code.is_some() || self.confirmation.is_some()
    }

    /// What the record of changes calls it.
    pub(super) fn action(&self) -> &'static str {
        match self.spends {
            Some(_) => "instance.signed_in_by_link",
            None => "instance.changed",
        }
    }
}
