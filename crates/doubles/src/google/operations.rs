//! What a person, or the world, does to a Gmail mailbox.

use super::labels::Label;
use super::mailbox::{Attachment, Lag, Mailbox};
use super::{Google, World, watch};
use crate::clock::DAY_US;
use crate::fault::FaultKind;
use crate::mail::Mail;
use crate::oauth::Consent;

const SCOPE: &str = "https://www.googleapis.com/auth/gmail.readonly";

/// A message as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSnapshot {
    /// Message id.
    pub id: String,
    /// Thread id.
    pub thread_id: String,
    /// Label ids.
    pub labels: Vec<String>,
    /// The last history record that touched the message.
    pub history_id: u64,
}

/// What saving a draft gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedDraft {
    /// Stays the same over all saves.
    pub draft_id: String,
    /// New with every save.
    pub message_id: String,
}

/// Operations by account.
///
/// # Panics
/// All of them panic on an account that was not added: that is a mistake in the test, not a case of it.
impl Google {
    /// Adds an account with an empty mailbox. Adding it again changes nothing.
    pub fn add_account(&self, email: &str) {
        let World { rng, mailboxes, lag, .. } = &mut *self.world();
        let mailbox = || Mailbox::new(email, *lag, rng);
        mailboxes.entry(email.to_owned()).or_insert_with(mailbox);
    }

    /// A code as if the user had consented; any `redirect_uri` goes with it.
    pub fn new_code(&self, email: &str) -> String {
        self.new_code_with(email, SCOPE)
    }

    /// The same for these scopes.
    pub(super) fn new_code_with(&self, email: &str, scope: &str) -> String {
        let now_us = self.0.front.clock.now_us();
        let World { rng, grants, mailboxes, .. } = &mut *self.world();
        assert!(mailboxes.contains_key(email), "no account {email}");
        let consent = Consent { account: email.to_owned(), scope: scope.to_owned(), offline: true };
        grants.new_code(consent, None, None, now_us, rng)
    }

    /// A refresh token that stands in data of an earlier run is good.
    pub fn accept_refresh_token(&self, email: &str, token: &str) {
        let consent = Consent { account: email.to_owned(), scope: SCOPE.to_owned(), offline: true };
        self.world().grants.accept_refresh_token(consent, token);
    }

    /// Sets the client id and secret the token endpoint accepts.
    pub fn set_client(&self, id: &str, secret: &str) {
        self.world().grants.set_client(id, secret);
    }

    /// Sets how long new access tokens last; 3599 s at first.
    pub fn set_token_lifetime_s(&self, lifetime_s: i64) {
        self.world().grants.lifetime_s = lifetime_s;
    }

    /// Grants this scope from now on, whatever is asked for, as when a person unticks one.
    pub fn set_granted_scope(&self, scope: Option<&str>) {
        self.world().grants.scope = scope.map(str::to_owned);
    }

    /// Ends everything the account has granted: refreshing gives `invalid_grant`, the API 401.
    pub fn revoke(&self, email: &str) {
        self.world().grants.revoke(email);
    }

    /// Ends the access tokens of the account before their time; its refresh tokens stay good.
    pub fn expire_access_tokens(&self, email: &str) {
        self.world().grants.expire_access(email);
    }

    /// How many requests reached the token endpoint, failures to order aside.
    pub fn token_requests_count(&self) -> u64 {
        self.world().grants.token_requests_count
    }

    /// A mail comes in, unread.
    pub fn deliver(&self, email: &str, mail: Mail) -> String {
        self.add(email, mail, &["UNREAD", "CATEGORY_PERSONAL", "INBOX"], 0)
    }

    /// A mail is sent.
    pub fn send(&self, email: &str, mail: Mail) -> String {
        self.add(email, mail, &["SENT"], 0)
    }

    /// A mail is set to be sent after a delay; until then it lies there with its date in the future.
    pub fn schedule_send(&self, email: &str, mail: Mail, delay_us: i64) -> String {
        self.add(email, mail, &["SCHEDULED"], delay_us)
    }

    /// An old mail is imported: it is new in the mailbox, its date is its own, or a year ago.
    pub fn import_old(&self, email: &str, mail: Mail) -> String {
        let now_us = self.0.front.clock.now_us();
        let offset_us = mail.date_us.map_or(-365 * DAY_US, |date_us| date_us - now_us);
        self.add(email, mail, &["INBOX"], offset_us)
    }

    /// Saves a draft, a new one or a former one again.
    pub fn save_draft(&self, email: &str, draft_id: Option<&str>, mail: Mail) -> SavedDraft {
        let now_us = self.0.front.clock.now_us();
        let saved = self.change(email, |mailbox, rng| mailbox.save_draft(draft_id, mail, now_us, rng));
        SavedDraft { draft_id: saved.0, message_id: saved.1 }
    }

    /// Sends a draft and gives the id of the sent message; `None` without such a draft.
    pub fn send_draft(&self, email: &str, draft_id: &str) -> Option<String> {
        let now_us = self.0.front.clock.now_us();
        self.change(email, |mailbox, rng| mailbox.send_draft(draft_id, now_us, rng))
    }

    /// Throws a draft away; false without such a draft.
    pub fn delete_draft(&self, email: &str, draft_id: &str) -> bool {
        self.change(email, |mailbox, rng| mailbox.delete_draft(draft_id, rng))
    }

    /// Puts a file to a message that came in; false without such a message. History says nothing of it, so that it
    /// belongs right behind the delivery.
    pub fn attach(&self, email: &str, id: &str, filename: &str, mime_type: &str, size_bytes: usize) -> bool {
        let (filename, mime_type) = (filename.to_owned(), mime_type.to_owned());
        self.change(email, |mailbox, _| match mailbox.messages.get_mut(id) {
            Some(message) => {
                message.attachments.push(Attachment { filename, mime_type, size_bytes });
                true
            }
            None => false,
        })
    }

    /// Makes a label of one's own and gives its id.
    pub fn create_label(&self, email: &str, name: &str) -> String {
        self.change(email, |mailbox, _| mailbox.create_label(name))
    }

    /// Gives a label of one's own another name; false without such a label. No history tells of it.
    pub fn rename_label(&self, email: &str, label: &str, name: &str) -> bool {
        self.change_label(email, label, |label| label.name = name.to_owned())
    }

    /// Gives a label of one's own colours; false without such a label.
    pub fn color_label(&self, email: &str, label: &str, text: &str, background: &str) -> bool {
        self.change_label(email, label, |label| label.color = Some((text.to_owned(), background.to_owned())))
    }

    /// Removes a label of one's own, with a history record for each message that had it; false without such a label.
    pub fn delete_label(&self, email: &str, label: &str) -> bool {
        self.change(email, |mailbox, rng| mailbox.delete_label(label, rng))
    }

    /// Adds a label, in one history record. This and the following give false without such a message.
    pub fn add_label(&self, email: &str, id: &str, label: &str) -> bool {
        self.modify(email, id, &[label], &[])
    }

    /// Removes a label, in one history record.
    pub fn remove_label(&self, email: &str, id: &str, label: &str) -> bool {
        self.modify(email, id, &[], &[label])
    }

    /// Adds and removes labels in one history record that tells both.
    pub fn modify(&self, email: &str, id: &str, add: &[&str], remove: &[&str]) -> bool {
        self.change(email, |mailbox, rng| mailbox.relabel(id, add, remove, rng))
    }

    /// Adds and removes labels of many messages in one history record, as Gmail does for a selection; gives how many of
    /// them there are.
    pub fn modify_all(&self, email: &str, ids: &[&str], add: &[&str], remove: &[&str]) -> usize {
        self.change(email, |mailbox, rng| mailbox.relabel_all(ids, add, remove, rng))
    }

    /// Moves a message to the trash: two history records, one for the label that comes, one for the other.
    pub fn trash(&self, email: &str, id: &str) -> bool {
        self.add_label(email, id, "TRASH") && self.remove_label(email, id, "INBOX")
    }

    /// Takes a message out of the trash, back to the inbox.
    pub fn untrash(&self, email: &str, id: &str) -> bool {
        self.modify(email, id, &["INBOX"], &["TRASH"])
    }

    /// Marks a message as spam, in one history record.
    pub fn spam(&self, email: &str, id: &str) -> bool {
        self.modify(email, id, &["SPAM"], &["INBOX"])
    }

    /// Deletes a message for good.
    pub fn purge(&self, email: &str, id: &str) -> bool {
        self.change(email, |mailbox, rng| mailbox.purge(id, rng))
    }

    /// Brings back a message that was deleted for good, under its id; history says that it was added. False where none
    /// was deleted.
    pub fn restore(&self, email: &str, id: &str) -> bool {
        self.change(email, |mailbox, rng| mailbox.restore(id, rng))
    }

    /// Everything before the current history id is forgotten: a cursor from before gets a 404.
    pub fn expire_history(&self, email: &str) {
        self.change(email, |mailbox, _| mailbox.expire_history());
    }

    /// The latest history id.
    pub fn current_history_id(&self, email: &str) -> u64 {
        self.change(email, |mailbox, _| mailbox.history_id)
    }

    /// Every message as it stands, in order of ids.
    pub fn messages(&self, email: &str) -> Vec<MessageSnapshot> {
        let snapshot = |message: &super::mailbox::Message| MessageSnapshot {
            id: message.id.clone(),
            thread_id: message.thread_id.clone(),
            labels: message.labels.clone(),
            history_id: message.history_id,
        };
        self.change(email, |mailbox, _| mailbox.messages.values().map(snapshot).collect())
    }

    /// Makes getting this message fail, every time, until it is healed.
    pub fn poison(&self, email: &str, id: &str, kind: FaultKind) {
        self.change(email, |mailbox, _| mailbox.poisoned.insert(id.to_owned(), kind));
    }

    /// Ends [`Google::poison`].
    pub fn heal(&self, email: &str, id: &str) {
        self.change(email, |mailbox, _| mailbox.poisoned.remove(id));
    }

    /// Quota units the account has used so far.
    pub fn units(&self, email: &str) -> u64 {
        self.change(email, |mailbox, _| mailbox.units)
    }

    /// Puts a page with a token and no history before every page that has some.
    pub fn set_empty_pages(&self, on: bool) {
        self.world().options.empty_pages = on;
    }

    /// Whether messages inside history records carry their labels; they do at first.
    pub fn set_history_labels(&self, on: bool) {
        self.world().options.labels = on;
    }

    /// History shows the records of later changes only some time after them, between these bounds, drawn for each. The
    /// ids that answers name count them at once, and messages can be read at once. In order, no record shows before an
    /// earlier one; else a later change may show first.
    pub fn set_history_lag(&self, min_us: i64, max_us: i64, is_ordered: bool) {
        let world = &mut *self.world();
        world.lag = Lag { min_us, max_us, is_ordered };
        world.mailboxes.values_mut().for_each(|mailbox| mailbox.lag = world.lag);
    }

    /// Whether history begins with a few records up to the one asked from, as it should not.
    pub fn set_old_records(&self, on: bool) {
        self.world().options.old_records = on;
    }

    fn add(&self, email: &str, mail: Mail, labels: &[&str], offset_us: i64) -> String {
        let now_us = self.0.front.clock.now_us();
        self.change(email, |mailbox, rng| mailbox.add(mail, labels, now_us + offset_us, now_us, rng))
    }

    fn change_label(&self, email: &str, id: &str, change: impl FnOnce(&mut Label)) -> bool {
        self.change(email, |mailbox, _| {
            mailbox.labels.iter_mut().find(|label| label.id == id).map(change).is_some()
        })
    }

    pub(super) fn change<R>(&self, email: &str, f: impl FnOnce(&mut Mailbox, &mut fastrand::Rng) -> R) -> R {
        let now_us = self.0.front.clock.now_us();
        let World { rng, mailboxes, push, .. } = &mut *self.world();
        let Some(mailbox) = mailboxes.get_mut(email) else { panic!("no account {email}") };
        mailbox.now_us = now_us;
        let before = mailbox.history_id;
        let done = f(mailbox, rng);
        watch::tell(mailbox, before, push, now_us);
        done
    }
}
