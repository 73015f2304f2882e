//! What a person, or the world, does to an Outlook mailbox.

use super::delta_rows::DeltaMoves;
use super::folder::{DELETED_ITEMS, DRAFTS, Folder, INBOX, SENT_ITEMS};
use super::item::Message;
use super::mailbox::Mailbox;
use super::{Microsoft, World};
use crate::clock::{DAY_US, SECOND_US};
use crate::fault::FaultKind;
use crate::mail::Mail;
use crate::oauth::Consent;

const SCOPE: &str = "offline_access https://graph.microsoft.com/Mail.Read";
const BULK_SPAN_US: i64 = 2 * SECOND_US;

/// A message as it stands now, whatever lists show of it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSnapshot {
    /// The immutable id.
    pub id: String,
    /// The default id, which changes when the message is moved.
    pub default_id: String,
    /// The well-known name of its folder, or the display name of a folder without one.
    pub folder: String,
    /// Changes with every change.
    pub change_key: String,
    /// Whether it is read.
    pub is_read: bool,
    /// Whether it is a draft.
    pub is_draft: bool,
    /// When it was received, microseconds since the Unix epoch.
    pub received_at_us: i64,
    /// When it was last modified, microseconds since the Unix epoch.
    pub modified_at_us: i64,
}

/// Operations by account. Ids go in as either kind and come out as immutable ids.
///
/// # Panics
/// All of them panic on an account that was not added: that is a mistake in the test, not a case of it.
impl Microsoft {
    /// Adds an account with an empty mailbox. Adding it again changes nothing.
    pub fn add_account(&self, email: &str) {
        let World { rng, mailboxes, lag_us, .. } = &mut *self.world();
        let mailbox = || Mailbox::new(email, *lag_us, rng);
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

    /// Grants this scope from now on, whatever is asked for.
    pub fn set_granted_scope(&self, scope: Option<&str>) {
        self.world().grants.scope = scope.map(str::to_owned);
    }

    /// Whether a refresh gives a new refresh token; it does at first.
    pub fn set_rotation(&self, on: bool) {
        self.world().grants.rotates = on;
    }

    /// Whether a refresh token that was used once is refused; at first it is not.
    pub fn set_refuse_reuse(&self, on: bool) {
        self.world().grants.refuses_reuse = on;
    }

    /// Whether it is.
    pub fn refuses_reuse(&self) -> bool {
        self.world().grants.refuses_reuse
    }

    /// Ends everything the account has granted: refreshing gives `invalid_grant`, Graph 401. Its subscriptions are
    /// removed, and their owner is told so.
    pub fn revoke(&self, email: &str) {
        let World { grants, push, .. } = &mut *self.world();
        grants.revoke(email);
        push.remove(email, true, self.0.front.clock.now_us());
    }

    /// Ends the access tokens of the account before their time; its refresh tokens stay good.
    pub fn expire_access_tokens(&self, email: &str) {
        self.world().grants.expire_access(email);
    }

    /// How many requests reached the token endpoint, failures to order aside.
    pub fn token_requests_count(&self) -> u64 {
        self.world().grants.token_requests_count
    }

    /// Sets how long after a change lists show it, for every account: drawn between the two for each change.
    pub fn set_lag(&self, min_us: i64, max_us: i64) {
        let mut world = self.world();
        world.lag_us = (min_us, max_us);
        for mailbox in world.mailboxes.values_mut() {
            mailbox.lag_us = (min_us, max_us);
        }
    }

    /// A mail comes in, unread.
    pub fn deliver(&self, email: &str, mail: Mail) -> String {
        self.add(email, mail, INBOX, |_| {})
    }

    /// A mail is sent.
    pub fn send(&self, email: &str, mail: Mail) -> String {
        self.add(email, mail, SENT_ITEMS, |message| message.is_read = true)
    }

    /// An old mail is imported: its dates of sending and receiving are its own, or a year ago.
    pub fn import_old(&self, email: &str, mail: Mail) -> String {
        let dated_us = mail.date_us;
        self.add(email, mail, INBOX, |message| {
            message.received_us = dated_us.unwrap_or(message.created_us - 365 * DAY_US);
            message.sent_us = message.received_us;
        })
    }

    /// Saves a draft: a new one, or the one with that id again, which keeps its id.
    pub fn save_draft(&self, email: &str, id: Option<&str>, mail: Mail) -> String {
        let Some(id) = id else {
            return self.add(email, mail, DRAFTS, |message| {
                message.is_draft = true;
                message.is_read = true;
            });
        };
        self.modify(email, id, |message| message.mail = mail.into());
        id.to_owned()
    }

    /// Sends a draft; it moves to the sent items. This and the following give false without such a message.
    pub fn send_draft(&self, email: &str, id: &str) -> bool {
        let now_us = self.0.front.clock.now_us();
        self.modify(email, id, |message| {
            message.is_draft = false;
            message.folder = SENT_ITEMS;
            message.sent_us = now_us;
            message.received_us = now_us;
        })
    }

    /// Marks a message as read.
    pub fn mark_read(&self, email: &str, id: &str) -> bool {
        self.modify(email, id, |message| message.is_read = true)
    }

    /// Marks a message as unread.
    pub fn mark_unread(&self, email: &str, id: &str) -> bool {
        self.modify(email, id, |message| message.is_read = false)
    }

    /// Sets the categories of a message.
    pub fn set_categories(&self, email: &str, id: &str, categories: &[&str]) -> bool {
        let categories = categories.iter().map(|category| (*category).to_owned()).collect();
        self.modify(email, id, |message| message.categories = categories)
    }

    /// Flags a message.
    pub fn flag(&self, email: &str, id: &str) -> bool {
        self.modify(email, id, |message| message.is_flagged = true)
    }

    /// Moves a message to a folder, by well-known name or id; false without such a folder too.
    pub fn move_to(&self, email: &str, id: &str, folder: &str) -> bool {
        let index = self.with(email, |mailbox, _| mailbox.folder(folder));
        index.is_some_and(|index| self.modify(email, id, |message| message.folder = index))
    }

    /// Moves a message to the deleted items.
    pub fn soft_delete(&self, email: &str, id: &str) -> bool {
        self.modify(email, id, |message| message.folder = DELETED_ITEMS)
    }

    /// Deletes a message for good: lists say nothing of it, they just no longer show it.
    pub fn purge(&self, email: &str, id: &str) -> bool {
        let now_us = self.0.front.clock.now_us();
        self.with(email, |mailbox, rng| mailbox.purge(id, now_us, rng))
    }

    /// Modifies up to `count` messages (their read state) at times within the next two seconds, as a rule or
    /// a select-all does; gives their ids. Lists show each when its time, and its lag, has come.
    pub fn bulk(&self, email: &str, count: usize) -> Vec<String> {
        let now_us = self.0.front.clock.now_us();
        self.with(email, |mailbox, rng| {
            let mut ids: Vec<_> = mailbox.current().map(|message| message.immutable_id.clone()).collect();
            rng.shuffle(&mut ids);
            ids.truncate(count);
            for id in &ids {
                let at_us = now_us + rng.i64(0..BULK_SPAN_US);
                mailbox.change(id, at_us, now_us, rng, |message| message.is_read = !message.is_read);
            }
            ids
        })
    }

    /// The service itself touches a message: new modification time and change key, nothing else.
    pub fn touch(&self, email: &str, id: &str) -> bool {
        self.modify(email, id, |_| {})
    }

    /// Adds a folder and gives its id.
    pub fn add_folder(&self, email: &str, display_name: &str) -> String {
        self.with(email, |mailbox, rng| mailbox.add_folder(None, display_name, rng))
    }

    /// The id of a folder with a well-known name.
    pub fn folder_id(&self, email: &str, name: &str) -> Option<String> {
        self.with(email, |mailbox, _| mailbox.folder(name).map(|index| mailbox.folder_id(index).to_owned()))
    }

    /// Forgets every delta token of the account, those in the middle of a round too.
    pub fn expire_delta(&self, email: &str) {
        self.with(email, |mailbox, _| mailbox.delta_generation += 1);
    }

    /// Repeats the last row of a delta page at the start of the next.
    pub fn set_delta_repeats(&self, on: bool) {
        self.world().deltas.repeats = on;
    }

    /// How deltas tell of what moves; what came back is lost at first.
    pub fn set_delta_moves(&self, moves: DeltaMoves) {
        self.world().deltas.moves = moves;
    }

    /// Every message as it stands, in order of arrival.
    pub fn messages(&self, email: &str) -> Vec<MessageSnapshot> {
        self.with(email, |mailbox, _| {
            let name = |index| mailbox.folders.get(index).map_or("", Folder::name);
            let snapshot = |message: &std::sync::Arc<Message>| MessageSnapshot {
                id: message.immutable_id.clone(),
                default_id: message.id.clone(),
                folder: name(message.folder).to_owned(),
                change_key: message.change_key.clone(),
                is_read: message.is_read,
                is_draft: message.is_draft,
                received_at_us: message.received_us,
                modified_at_us: message.modified_us,
            };
            mailbox.current().map(snapshot).collect()
        })
    }

    /// Makes getting this message fail, every time, until it is healed. Unknown ids are ignored.
    pub fn poison(&self, email: &str, id: &str, kind: FaultKind) {
        self.with(email, |mailbox, _| {
            if let Some(key) = mailbox.key(id) {
                mailbox.poisoned.insert(key, kind);
            }
        });
    }

    /// Ends [`Microsoft::poison`].
    pub fn heal(&self, email: &str, id: &str) {
        self.with(email, |mailbox, _| {
            if let Some(key) = mailbox.key(id) {
                mailbox.poisoned.remove(&key);
            }
        });
    }

    pub(super) fn add(
        &self,
        email: &str,
        mail: Mail,
        folder: usize,
        fill: impl FnOnce(&mut Message),
    ) -> String {
        let now_us = self.0.front.clock.now_us();
        self.with(email, |mailbox, rng| mailbox.add(mail, folder, now_us, rng, fill))
    }

    fn modify(&self, email: &str, id: &str, change: impl FnOnce(&mut Message)) -> bool {
        let now_us = self.0.front.clock.now_us();
        self.with(email, |mailbox, rng| mailbox.change(id, now_us, now_us, rng, change))
    }

    pub(super) fn with<R>(&self, email: &str, f: impl FnOnce(&mut Mailbox, &mut fastrand::Rng) -> R) -> R {
        let now_us = self.0.front.clock.now_us();
        let World { rng, mailboxes, push, .. } = &mut *self.world();
        let Some(mailbox) = mailboxes.get_mut(email) else { panic!("no account {email}") };
        let done = f(mailbox, rng);
        push.notice(email, &std::mem::take(&mut mailbox.noticed), now_us);
        done
    }
}
