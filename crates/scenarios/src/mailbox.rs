//! One mailbox at one of the providers, and what a person does to it.

use crate::callback::ReceivedEvent;
use crate::outside::Outside;
use doubles::{Double, FaultKind, Happening, Mail};
use std::sync::{Arc, Mutex};

/// A mailbox of a user.
pub struct Mailbox {
    double: Arc<dyn Double>,
    user: String,
    random: Mutex<fastrand::Rng>,
}

impl Mailbox {
    /// A mailbox of each connector. Each has an account of its own: two connectors may have one provider, which counts
    /// the requests of an account together.
    pub fn each(outside: &Outside, name: &str) -> Vec<Self> {
        let own = |double: Arc<dyn Double>| {
            let name = format!("{name}-{}", double.connector());
            Self::new(double, &name)
        };
        outside.providers.doubles().into_iter().map(own).collect()
    }

    /// A mailbox at Google; the name makes its address.
    pub fn gmail(outside: &Outside, name: &str) -> Self {
        Self::new(outside.providers.double("gmail"), name)
    }

    /// A mailbox at Microsoft; the name makes its address.
    pub fn outlook(outside: &Outside, name: &str) -> Self {
        Self::new(outside.providers.double("outlookemail"), name)
    }

    fn new(double: Arc<dyn Double>, name: &str) -> Self {
        let user = format!("{name}@example.com");
        double.add_account(&user);
        Mailbox { double, user, random: Mutex::new(fastrand::Rng::with_seed(7)) }
    }

    /// What stands in for its provider.
    pub fn double(&self) -> &dyn Double {
        self.double.as_ref()
    }

    /// Key of its connector.
    pub fn connector(&self) -> &'static str {
        self.double.connector()
    }

    /// The resource that is polled of it.
    ///
    /// # Panics
    /// Where the double polls nothing: that is a mistake of its own.
    pub fn resource(&self) -> String {
        let poller = self.double.poller();
        poller.as_object().and_then(|poller| poller.keys().next()).expect("something is polled").clone()
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
        self.double.new_code(&self.user)
    }

    /// A code as if the user had consented to all that there is.
    pub fn code_for_all(&self) -> String {
        self.double.new_code_for_all(&self.user)
    }

    /// A message of last year, unread.
    pub fn old_message(&self) -> String {
        self.double.import_old(&self.user, self.mail())
    }

    /// A mail comes in.
    pub fn deliver(&self) -> ReceivedEvent {
        told(&self.double.receive(&self.user, self.mail()))
    }

    /// Marks a message read; returns the event expected for it.
    pub fn mark_read(&self, id: &str) -> ReceivedEvent {
        told(&self.double.look_at(&self.user, id))
    }

    /// Stars or flags it.
    pub fn mark(&self, id: &str) -> ReceivedEvent {
        told(&self.double.mark(&self.user, id))
    }

    /// Deletes it as far as the provider tells of it: for good, or into the deleted items.
    pub fn delete(&self, id: &str) -> ReceivedEvent {
        told(&self.double.remove(&self.user, id))
    }

    /// Deletes it for good, from wherever it is.
    pub fn purge(&self, id: &str) -> ReceivedEvent {
        told(&self.double.remove_for_good(&self.user, id))
    }

    /// From now on the provider has had enough of this mailbox.
    pub fn limit(&self, retry_after_s: u32) {
        let kind = FaultKind::RateLimited { retry_after_s: Some(retry_after_s) };
        self.double.fail_account(&self.user, kind);
    }

    /// Ends [`Mailbox::limit`].
    pub fn unlimit(&self) {
        self.double.heal_account(&self.user);
    }

    /// The user takes back what was granted.
    pub fn revoke(&self) {
        self.double.revoke(&self.user);
    }

    /// The most requests that were in flight at once.
    pub fn in_flight_peak(&self) -> usize {
        self.double.usage(&self.user).in_flight_peak
    }

    /// The most requests for one message that were in flight at once.
    pub fn message_reads_peak(&self) -> usize {
        self.double.usage(&self.user).message_reads_peak
    }

    /// Requests that the provider let in so far.
    pub fn requests_count(&self) -> u64 {
        self.double.usage(&self.user).admitted
    }
}

fn told(happening: &Happening) -> ReceivedEvent {
    ReceivedEvent::new(happening.event, happening.object_id.clone())
}
