//! Making items odd.

use serde_json::Value;

use super::Microsoft;
use crate::fault::FaultKind;
use crate::odd::Corruption;

/// # Panics
/// On an account that was not added.
impl Microsoft {
    /// Each page of a list that holds this message, contact, event, calendar or folder fails; `None` heals it.
    pub fn corrupt(&self, email: &str, id: &str, corruption: impl Into<Option<Corruption>>) {
        self.with(email, |mailbox, _| match corruption.into() {
            Some(corruption) => mailbox.odd.corrupt.insert(id.to_owned(), corruption),
            None => mailbox.odd.corrupt.remove(id),
        });
    }

    /// Lists show these properties of an item instead of its own, whatever they are ordered by.
    pub fn show_as(&self, email: &str, id: &str, properties: &Value) {
        let fields = properties.as_object().cloned().unwrap_or_default();
        self.with(email, |mailbox, _| mailbox.odd.shown_as.insert(id.to_owned(), fields));
    }

    /// So many looks at a message, contact or event are answered 404 though it is there; lists show it.
    pub fn miss(&self, email: &str, id: &str, times: u32) {
        self.with(email, |mailbox, _| mailbox.odd.missed.insert(id.to_owned(), times));
    }

    /// The list of the folders at the top fails so; `None` heals it.
    pub fn refuse_folders(&self, email: &str, kind: Option<FaultKind>) {
        self.with(email, |mailbox, _| mailbox.odd.folders = kind);
    }

    /// Pages with more items than this are answered 504.
    pub fn set_page_max(&self, email: &str, page_max: Option<usize>) {
        self.with(email, |mailbox, _| mailbox.odd.page_max = page_max);
    }

    /// Gives a message another time of modification, microseconds since the Unix epoch, which lists show at once.
    pub fn stamp(&self, email: &str, id: &str, at_us: i64) -> bool {
        let now_us = self.0.front.clock.now_us();
        self.with(email, |mailbox, rng| {
            let lag_us = std::mem::replace(&mut mailbox.lag_us, (now_us - at_us, now_us - at_us));
            let found = mailbox.change(id, at_us, now_us, rng, |message| message.modified_us = at_us);
            mailbox.lag_us = lag_us;
            found
        })
    }
}
