//! Gmail, as any double is driven.

use serde_json::{Value, json};

use super::Google;
use crate::double::{Double, FILE_BYTES, FILE_TYPE, Happening, served};
use crate::fault::FaultKind;
use crate::mail::Mail;

impl Double for Google {
    served!(Google, |google| google);

    fn connector(&self) -> &'static str {
        "gmail"
    }

    fn server(&self) -> &'static str {
        "google"
    }

    fn addresses(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("CARILLON_GOOGLE_AUTH_URL", "/o/oauth2/v2/auth"),
            ("CARILLON_GOOGLE_TOKEN_URL", "/token"),
            ("CARILLON_GMAIL_API_URL", ""),
            ("CARILLON_PUBSUB_API_URL", ""),
            ("CARILLON_GOOGLE_KEYS_URL", "/oauth2/v3/certs"),
        ]
    }

    fn poller(&self) -> Value {
        json!({ "changed-messages": { "url": "/hubs/general/changed-messages", "idField": "id" } })
    }

    fn new_code(&self, email: &str) -> String {
        Google::new_code(self, email)
    }

    fn receive(&self, email: &str, mail: Mail) -> Happening {
        Happening::new("new mail", "CREATED", self.deliver(email, mail))
    }

    fn receive_with(&self, email: &str, mail: Mail, file_name: &str) -> Happening {
        let id = self.deliver(email, mail);
        self.attach(email, &id, file_name, FILE_TYPE, FILE_BYTES);
        Happening::new("new mail", "CREATED", id)
    }

    fn look_at(&self, email: &str, id: &str) -> Happening {
        self.remove_label(email, id, "UNREAD");
        Happening::new("marked read", "UPDATED", id)
    }

    fn mark(&self, email: &str, id: &str) -> Happening {
        self.add_label(email, id, "STARRED");
        Happening::new("starred", "UPDATED", id)
    }

    fn remove(&self, email: &str, id: &str) -> Happening {
        self.purge(email, id);
        Happening::new("deleted for good", "DELETED", id)
    }

    fn import_old(&self, email: &str, mail: Mail) -> String {
        let id = Google::import_old(self, email, mail);
        self.add_label(email, &id, "UNREAD");
        id
    }

    fn beside(&self) -> Option<&'static str> {
        Some("labels")
    }

    fn add_beside(&self, email: &str, number: usize) -> Option<Happening> {
        let id = self.create_label(email, &format!("Label {number}"));
        Some(Happening::new("new label", "CREATED", id))
    }

    fn begin_draft(&self, email: &str, mail: Mail) -> Option<String> {
        Some(Google::save_draft(self, email, None, mail).draft_id)
    }

    fn save_draft(&self, email: &str, draft: &str, mail: Mail) {
        Google::save_draft(self, email, Some(draft), mail);
    }

    fn send_draft(&self, email: &str, draft: &str) -> Option<Happening> {
        let id = Google::send_draft(self, email, draft)?;
        Some(Happening::new("sent", "CREATED", id))
    }

    fn expire_positions(&self, email: &str) -> bool {
        self.expire_history(email);
        true
    }

    fn set_lag_us(&self, longest_us: i64) -> bool {
        self.set_history_lag(0, longest_us, false);
        true
    }

    fn break_object(&self, email: &str, id: &str) -> bool {
        self.poison(email, id, FaultKind::ServerError { status: 500 });
        true
    }

    fn heal_object(&self, email: &str, id: &str) {
        self.heal(email, id);
    }
}
