//! A mail as it is handed to a double, made up or read from a file.

mod address;
mod files;
mod sample;

pub(crate) use address::{Address, parse_addresses};
pub use files::mails_from_dir;

use crate::clock::mail_date;

/// One mail, before a provider has given it an id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// The subject, decoded.
    pub subject: String,
    /// Sender: `address` or `Name <address>`.
    pub from: String,
    /// Recipients in the same form, separated by commas.
    pub to: String,
    /// The text.
    pub body: String,
    /// Further headers, in order. They may hold `Message-ID`, which is made up otherwise.
    pub headers: Vec<(String, String)>,
    /// The date the sender wrote, microseconds since the Unix epoch; without one, the time of delivery.
    pub date_us: Option<i64>,
}

impl Mail {
    /// The first header of that name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn message_id(&self, id: &str) -> String {
        self.header("message-id").map_or_else(|| format!("<{id}@mail.example>"), str::to_owned)
    }

    /// Every header that is there, with the date and the id a delivered mail has in any case.
    pub(crate) fn all_headers(&self, id: &str, now_us: i64) -> Vec<(String, String)> {
        let mut headers = vec![
            ("Subject".to_owned(), self.subject.clone()),
            ("From".to_owned(), self.from.clone()),
            ("To".to_owned(), self.to.clone()),
        ];
        headers.retain(|(_, value)| !value.is_empty());
        headers.push(("Date".to_owned(), mail_date(self.date_us.unwrap_or(now_us))));
        if self.header("message-id").is_none() {
            headers.push(("Message-ID".to_owned(), self.message_id(id)));
        }
        headers.extend(self.headers.iter().cloned());
        headers
    }

    /// The mail in the form of RFC 5322.
    pub(crate) fn raw(&self, id: &str, now_us: i64) -> String {
        let mut raw = String::new();
        for (name, value) in self.all_headers(id, now_us) {
            // A line break inside a value would end the header.
            let value = value.replace(['\r', '\n'], " ");
            raw.push_str(&format!("{name}: {value}\r\n"));
        }
        raw.push_str("\r\n");
        raw.push_str(&self.body);
        raw
    }

    /// The first characters of the text, on one line.
    pub(crate) fn preview(&self, chars_max: usize) -> String {
        let words = self.body.split_whitespace().take(chars_max);
        words.collect::<Vec<_>>().join(" ").chars().take(chars_max).collect()
    }

    /// About what the mail takes up.
    pub(crate) fn size_bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        headers + self.subject.len() + self.from.len() + self.to.len() + self.body.len() + 120
    }
}
