//! Outlook, as any double is driven.

use serde_json::{Value, json};

use super::{Attachment, AttachmentKind, Microsoft};
use crate::double::{Double, FILE_BYTES, FILE_TYPE, Happening, served};
use crate::fault::FaultKind;
use crate::mail::Mail;

/// What users consent to who let all of it be read.
const WHOLE_SCOPE: &str = "offline_access https://graph.microsoft.com/Mail.Read \
    https://graph.microsoft.com/Contacts.Read https://graph.microsoft.com/Calendars.Read";

impl Double for Microsoft {
    served!(Microsoft, |microsoft| microsoft);

    fn connector(&self) -> &'static str {
        "outlookemail"
    }

    fn server(&self) -> &'static str {
        "microsoft"
    }

    fn addresses(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("CARILLON_MICROSOFT_AUTH_URL", "/common/oauth2/v2.0/authorize"),
            ("CARILLON_MICROSOFT_TOKEN_URL", "/common/oauth2/v2.0/token"),
            ("CARILLON_GRAPH_API_URL", "/v1.0"),
        ]
    }

    fn poller(&self) -> Value {
        json!({ "messages": {
            "url": "/hubs/general/messages?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
            "idField": "Id",
            "datesConfiguration": {
                "updatedAtField": "LastModifiedDateTime",
                "updatedAtFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
                "updatedAtTimezone": "GMT",
                "createdAtField": "ReceivedDateTime",
                "createdAtFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
                "createdAtTimezone": "GMT"
            }
        } })
    }

    fn new_code(&self, email: &str) -> String {
        Microsoft::new_code(self, email)
    }

    fn new_code_for_all(&self, email: &str) -> String {
        self.new_code_with(email, WHOLE_SCOPE)
    }

    fn receive(&self, email: &str, mail: Mail) -> Happening {
        Happening::new("new mail", "CREATED", self.deliver(email, mail))
    }

    fn receive_with(&self, email: &str, mail: Mail, file_name: &str) -> Happening {
        let file = Attachment {
            name: file_name.to_owned(),
            content_type: FILE_TYPE.to_owned(),
            size_bytes: FILE_BYTES as u64,
            is_inline: false,
            kind: AttachmentKind::File,
        };
        Happening::new("new mail", "CREATED", self.deliver_with(email, mail, vec![file]))
    }

    fn look_at(&self, email: &str, id: &str) -> Happening {
        self.mark_read(email, id);
        Happening::new("marked read", "UPDATED", id)
    }

    fn mark(&self, email: &str, id: &str) -> Happening {
        self.flag(email, id);
        Happening::new("flagged", "UPDATED", id)
    }

    fn remove(&self, email: &str, id: &str) -> Happening {
        self.soft_delete(email, id);
        Happening::new("moved to Deleted Items", "UPDATED", id)
    }

    fn remove_for_good(&self, email: &str, id: &str) -> Happening {
        self.purge(email, id);
        Happening::new("deleted for good", "DELETED", id)
    }

    fn import_old(&self, email: &str, mail: Mail) -> String {
        Microsoft::import_old(self, email, mail)
    }

    fn beside(&self) -> Option<&'static str> {
        Some("contacts")
    }

    fn add_beside(&self, email: &str, number: usize) -> Option<Happening> {
        let id = self.add_contact(email, &json!({ "displayName": format!("Contact {number}") }));
        Some(Happening::new("new contact", "CREATED", id))
    }

    fn begin_draft(&self, email: &str, mail: Mail) -> Option<String> {
        Some(Microsoft::save_draft(self, email, None, mail))
    }

    fn save_draft(&self, email: &str, draft: &str, mail: Mail) {
        Microsoft::save_draft(self, email, Some(draft), mail);
    }

    fn send_draft(&self, email: &str, draft: &str) -> Option<Happening> {
        Microsoft::send_draft(self, email, draft).then(|| Happening::new("sent", "CREATED", draft))
    }

    fn set_lag_us(&self, longest_us: i64) -> bool {
        self.set_lag(0, longest_us);
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
