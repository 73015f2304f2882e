//! One mailbox at one of the providers, and what a person does to it.

use crate::callback::Told;
use crate::outside::Outside;
use doubles::{FaultKind, Google, Mail, Microsoft};
use std::sync::Mutex;

/// A mailbox of a user.
pub struct Mailbox {
    at: Provider,
    user: String,
    random: Mutex<fastrand::Rng>,
}

enum Provider {
    Google(Google),
    Microsoft(Microsoft),
}

impl Mailbox {
    /// A mailbox at Google; the name makes its address.
    pub fn gmail(outside: &Outside, name: &str) -> Self {
        Self::new(Provider::Google(outside.google.clone()), name)
    }

    /// A mailbox at Microsoft; the name makes its address.
    pub fn outlook(outside: &Outside, name: &str) -> Self {
        Self::new(Provider::Microsoft(outside.microsoft.clone()), name)
    }

    fn new(at: Provider, name: &str) -> Self {
        let user = format!("{name}@example.com");
        match &at {
            Provider::Google(google) => google.add_account(&user),
            Provider::Microsoft(microsoft) => microsoft.add_account(&user),
        }
        Mailbox { at, user, random: Mutex::new(fastrand::Rng::with_seed(7)) }
    }

    /// Key of its connector.
    pub fn connector(&self) -> &'static str {
        match self.at {
            Provider::Google(_) => "gmail",
            Provider::Microsoft(_) => "outlookemail",
        }
    }

    /// Whose mailbox it is.
    pub fn address(&self) -> &str {
        &self.user
    }

    /// Some mail.
    pub fn mail(&self) -> Mail {
        Mail::sample(&mut self.random.lock().unwrap())
    }

    /// A code as if the user had consented.
    pub fn code(&self) -> String {
        match &self.at {
            Provider::Google(google) => google.new_code(&self.user),
            Provider::Microsoft(microsoft) => microsoft.new_code(&self.user),
        }
    }

    /// A message of last year, unread.
    pub fn old_message(&self) -> String {
        match &self.at {
            Provider::Google(google) => {
                let id = google.import_old(&self.user, self.mail());
                google.add_label(&self.user, &id, "UNREAD");
                id
            }
            Provider::Microsoft(microsoft) => microsoft.import_old(&self.user, self.mail()),
        }
    }

    /// A mail comes in.
    pub fn deliver(&self) -> Told {
        Told::new(
            "CREATED",
            match &self.at {
                Provider::Google(google) => google.deliver(&self.user, self.mail()),
                Provider::Microsoft(microsoft) => microsoft.deliver(&self.user, self.mail()),
            },
        )
    }

    /// Marks a message read; returns the event expected for it.
    pub fn mark_read(&self, id: &str) -> Told {
        match &self.at {
            Provider::Google(google) => google.remove_label(&self.user, id, "UNREAD"),
            Provider::Microsoft(microsoft) => microsoft.mark_read(&self.user, id),
        };
        Told::new("UPDATED", id)
    }

    /// Stars or flags it.
    pub fn mark(&self, id: &str) -> Told {
        match &self.at {
            Provider::Google(google) => google.add_label(&self.user, id, "STARRED"),
            Provider::Microsoft(microsoft) => microsoft.flag(&self.user, id),
        };
        Told::new("UPDATED", id)
    }

    /// Deletes it as far as the provider tells of it: for good, or into the deleted items.
    pub fn delete(&self, id: &str) -> Told {
        match &self.at {
            Provider::Google(google) => {
                google.purge(&self.user, id);
                Told::new("DELETED", id)
            }
            Provider::Microsoft(microsoft) => {
                microsoft.soft_delete(&self.user, id);
                Told::new("UPDATED", id)
            }
        }
    }

    /// From now on the provider has had enough of this mailbox.
    pub fn limit(&self, retry_after_s: u32) {
        let kind = FaultKind::RateLimited { retry_after_s: Some(retry_after_s) };
        match &self.at {
            Provider::Google(google) => google.fail_account(&self.user, kind),
            Provider::Microsoft(microsoft) => microsoft.fail_account(&self.user, kind),
        }
    }

    /// Ends [`Mailbox::limit`].
    pub fn unlimit(&self) {
        match &self.at {
            Provider::Google(google) => google.heal_account(&self.user),
            Provider::Microsoft(microsoft) => microsoft.heal_account(&self.user),
        }
    }

    /// The user takes back what was granted.
    pub fn revoke(&self) {
        match &self.at {
            Provider::Google(google) => google.revoke(&self.user),
            Provider::Microsoft(microsoft) => microsoft.revoke(&self.user),
        }
    }

    /// The most requests that were in flight at once.
    pub fn in_flight_peak(&self) -> usize {
        match &self.at {
            Provider::Google(google) => google.usage(&self.user).in_flight_peak,
            Provider::Microsoft(microsoft) => microsoft.usage(&self.user).in_flight_peak,
        }
    }

    /// Requests that the provider let in so far.
    pub fn requests_count(&self) -> u64 {
        match &self.at {
            Provider::Google(google) => google.usage(&self.user).admitted,
            Provider::Microsoft(microsoft) => microsoft.usage(&self.user).admitted,
        }
    }
}
