//! What happens in the demo's mailboxes.

use anyhow::Context as _;
use doubles::{Google, Mail, Microsoft};
use serde_json::json;
use std::path::Path;

const GMAIL: (&str, &str) = ("gmail", "ada@example.com");
const OUTLOOK: (&str, &str) = ("outlookemail", "grace@example.com");
/// What is polled beside messages: one resource by comparing, one by its dates.
const LABELS: &str = "labels";
const CONTACTS: &str = "contacts";
/// What the user of Outlook consents to.
const OUTLOOK_SCOPE: &str =
    "offline_access https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/Contacts.Read";

/// A change that was made, and what should arrive for it.
pub(super) struct Expected {
    pub(super) connector: &'static str,
    pub(super) instance: u64,
    pub(super) what: String,
    pub(super) object_id: String,
}

/// Both mailboxes and the mail that fills them.
pub(super) struct Mailboxes {
    google: Google,
    microsoft: Microsoft,
    mails: Vec<Mail>,
    random: fastrand::Rng,
    round: usize,
    instances: [u64; 2],
    /// The last message delivered to each.
    last: [String; 2],
}

impl Mailboxes {
    /// `mail_dir` holds `.eml` files; without it mail is made up.
    pub(super) fn new(google: Google, microsoft: Microsoft, mail_dir: Option<&Path>) -> anyhow::Result<Self> {
        google.add_account(GMAIL.1);
        microsoft.add_account(OUTLOOK.1);
        microsoft.set_granted_scope(Some(OUTLOOK_SCOPE));
        let mails = match mail_dir {
            Some(folder) => doubles::mails_from_dir(folder).context("reading MAIL_DIR")?,
            None => Vec::new(),
        };
        Ok(Mailboxes {
            google,
            microsoft,
            mails,
            random: fastrand::Rng::with_seed(7),
            round: 0,
            instances: [0; 2],
            last: [String::new(), String::new()],
        })
    }

    /// Signs both users in: connector, authorization code, and what is polled beside messages.
    pub(super) fn sign_in(&self) -> [(&'static str, String, &'static str); 2] {
        [
            (GMAIL.0, self.google.new_code(GMAIL.1), LABELS),
            (OUTLOOK.0, self.microsoft.new_code(OUTLOOK.1), CONTACTS),
        ]
    }

    pub(super) fn connected(&mut self, connector: &str, instance: u64) {
        self.instances[usize::from(connector != GMAIL.0)] = instance;
    }

    /// Makes the next change, in the two mailboxes in turn.
    pub(super) fn change(&mut self) -> Expected {
        let round = self.round;
        self.round += 1;
        match round % 2 {
            0 => self.change_gmail(round / 2),
            _ => self.change_outlook(round / 2),
        }
    }

    fn change_gmail(&mut self, round: usize) -> Expected {
        let mail = self.next_mail();
        let (google, user) = (&self.google, GMAIL.1);
        let id = self.last[0].clone();
        let mut object_id = id.clone();
        let what = match round % 5 {
            0 => {
                self.last[0] = google.deliver(user, mail);
                object_id.clone_from(&self.last[0]);
                "new mail"
            }
            1 => {
                google.remove_label(user, &id, "UNREAD");
                "marked read"
            }
            2 => {
                google.add_label(user, &id, "STARRED");
                "starred"
            }
            3 => {
                object_id = google.create_label(user, &format!("Label {round}"));
                "new label"
            }
            _ => {
                google.purge(user, &id);
                "deleted for good"
            }
        };
        Expected { connector: GMAIL.0, instance: self.instances[0], what: what.to_owned(), object_id }
    }

    fn change_outlook(&mut self, round: usize) -> Expected {
        let mail = self.next_mail();
        let (microsoft, user) = (&self.microsoft, OUTLOOK.1);
        let id = self.last[1].clone();
        let mut object_id = id.clone();
        let what = match round % 5 {
            0 => {
                self.last[1] = microsoft.deliver(user, mail);
                object_id.clone_from(&self.last[1]);
                "new mail"
            }
            1 => {
                microsoft.mark_read(user, &id);
                "marked read"
            }
            2 => {
                microsoft.flag(user, &id);
                "flagged"
            }
            3 => {
                object_id =
                    microsoft.add_contact(user, &json!({ "displayName": format!("Contact {round}") }));
                "new contact"
            }
            _ => {
                microsoft.soft_delete(user, &id);
                "moved to Deleted Items"
            }
        };
        Expected { connector: OUTLOOK.0, instance: self.instances[1], what: what.to_owned(), object_id }
    }

    fn next_mail(&mut self) -> Mail {
        match self.mails.len() {
            0 => Mail::sample(&mut self.random),
            count => Mail { date_us: None, ..self.mails[self.round % count].clone() },
        }
    }
}
