//! What happens in the demo's mailboxes.

use anyhow::Context as _;
use doubles::{Double, Happening, Mail, Providers};
use std::path::Path;
use std::sync::Arc;

/// Whose mailboxes they are; with more connectors than names they begin again.
const USERS: [&str; 3] = ["ada@example.com", "grace@example.com", "mary@example.com"];

/// What comes with mail.
const FILE_NAME: &str = "Terms and plan.html";

/// A change that was made, and what should arrive for it.
pub(super) struct Expected {
    pub(super) connector: &'static str,
    pub(super) instance: u64,
    pub(super) what: &'static str,
    pub(super) object_id: String,
    /// Its provider tells of changes by itself.
    pub(super) is_told: bool,
}

/// One mailbox.
pub(super) struct Mailbox {
    double: Arc<dyn Double>,
    user: &'static str,
    instance: u64,
    is_told: bool,
    /// What came in last.
    last: String,
    /// What came in before it.
    earlier: Option<String>,
    /// Changes so far.
    round: usize,
}

impl Mailbox {
    fn new(double: Arc<dyn Double>, user: &'static str) -> Self {
        double.add_account(user);
        Mailbox { double, user, instance: 0, is_told: false, last: String::new(), earlier: None, round: 0 }
    }

    pub(super) fn double(&self) -> &dyn Double {
        self.double.as_ref()
    }

    /// Signs its user in.
    pub(super) fn code(&self) -> String {
        self.double.new_code_for_all(self.user)
    }

    /// Its instance, and whether the provider tells it of changes.
    pub(super) fn connected(&mut self, instance: u64, is_told: bool) {
        (self.instance, self.is_told) = (instance, is_told);
    }

    fn change(&mut self, mail: Mail) -> Expected {
        let (double, user, round) = (&self.double, self.user, self.round);
        self.round += 1;
        let id = self.last.clone();
        let happening = match round % 5 {
            0 => self.receive(mail),
            1 => double.look_at(user, &id),
            2 => double.mark(user, &id),
            3 => match double.add_beside(user, round / 5) {
                Some(happening) => happening,
                None => self.receive(mail),
            },
            // Not the last one: a mailbox that is polled once a minute may see nothing of what came and went.
            _ => match self.earlier.take() {
                Some(earlier) => double.remove(user, &earlier),
                None => self.receive(mail),
            },
        };
        let Happening { what, object_id, .. } = happening;
        Expected {
            connector: self.double.connector(),
            instance: self.instance,
            what,
            object_id,
            is_told: self.is_told,
        }
    }

    fn receive(&mut self, mail: Mail) -> Happening {
        let happening = self.double.receive_with(self.user, mail, FILE_NAME);
        let earlier = std::mem::replace(&mut self.last, happening.object_id.clone());
        self.earlier = Some(earlier).filter(|earlier| !earlier.is_empty());
        happening
    }
}

/// A mailbox of each connector, and the mail that fills them.
pub(super) struct Mailboxes {
    mailboxes: Vec<Mailbox>,
    mails: Vec<Mail>,
    random: fastrand::Rng,
    round: usize,
}

impl Mailboxes {
    /// `mail_dir` holds `.eml` files; without it mail is made up.
    pub(super) fn new(providers: &Providers, mail_dir: Option<&Path>) -> anyhow::Result<Self> {
        let users = USERS.into_iter().cycle();
        let each = providers.doubles().into_iter().zip(users);
        let mails = match mail_dir {
            Some(folder) => doubles::mails_from_dir(folder).context("reading MAIL_DIR")?,
            None => Vec::new(),
        };
        Ok(Mailboxes {
            mailboxes: each.map(|(double, user)| Mailbox::new(double, user)).collect(),
            mails,
            random: fastrand::Rng::with_seed(7),
            round: 0,
        })
    }

    /// All of them.
    pub(super) fn each(&mut self) -> impl Iterator<Item = &mut Mailbox> {
        self.mailboxes.iter_mut()
    }

    /// Makes the next change, in the mailboxes in turn.
    pub(super) fn change(&mut self) -> Option<Expected> {
        let mail = self.next_mail();
        let index = self.round.checked_rem(self.mailboxes.len())?;
        self.round += 1;
        Some(self.mailboxes.get_mut(index)?.change(mail))
    }

    fn next_mail(&mut self) -> Mail {
        match self.mails.len() {
            0 => Mail::sample(&mut self.random),
            count => Mail { date_us: None, ..self.mails[self.round % count].clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doubles::Clock;
    use std::collections::HashMap;

    /// Also of a poll that comes right after each deletion, and so never sees what a round began with.
    #[test]
    fn what_came_last_is_never_deleted() {
        let providers = Providers::new(&Clock::new(|| 0), 1);
        let mut mailboxes = Mailboxes::new(&providers, None).unwrap();
        let (mut last, mut deleted_count) = (HashMap::new(), 0);
        for _ in 0..100 {
            let made = mailboxes.change().unwrap();
            match made.what {
                "deleted" | "deleted for good" | "moved to Deleted Items" => {
                    assert_ne!(last[made.connector], made.object_id, "{}", made.connector);
                    deleted_count += 1;
                }
                "new mail" | "new event" => drop(last.insert(made.connector, made.object_id)),
                _ => {}
            }
        }
        assert!(deleted_count > 10);
    }
}
