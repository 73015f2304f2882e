//! The search language of message lists, as far as a mailbox connector uses it.

use super::mailbox::Message;
use crate::clock::{SECOND_US, parse_day};

/// A search; all of its terms have to hold.
#[derive(Debug, Default)]
pub(super) struct Query {
    terms: Vec<(bool, Term)>,
}

#[derive(Debug)]
enum Term {
    After(i64),
    Before(i64),
    Label(String),
    Anywhere,
    Word(String),
}

impl Query {
    /// Never fails: what is no operator is a word to look for, as in Gmail's search box.
    pub(super) fn parse(text: &str) -> Self {
        let terms = text.split_whitespace().map(|token| match token.strip_prefix('-') {
            Some(token) => (false, Term::parse(token)),
            None => (true, Term::parse(token)),
        });
        Self { terms: terms.collect() }
    }

    pub(super) fn matches(&self, message: &Message) -> bool {
        self.terms.iter().all(|(wanted, term)| term.matches(message) == *wanted)
    }

    /// Whether the search itself asks for mail that lists leave out.
    pub(super) fn reaches_spam_and_trash(&self) -> bool {
        self.terms.iter().any(|(wanted, term)| match term {
            Term::Anywhere => true,
            Term::Label(label) => *wanted && (label == "SPAM" || label == "TRASH"),
            _ => false,
        })
    }
}

impl Term {
    fn parse(token: &str) -> Self {
        let word = || Self::Word(token.to_lowercase());
        let Some((operator, value)) = token.split_once(':') else { return word() };
        match operator.to_ascii_lowercase().as_str() {
            "after" | "newer" => parse_moment(value).map_or_else(word, Self::After),
            "before" | "older" => parse_moment(value).map_or_else(word, Self::Before),
            "in" if value.eq_ignore_ascii_case("anywhere") => Self::Anywhere,
            "in" if value.eq_ignore_ascii_case("drafts") => Self::Label("DRAFT".to_owned()),
            "in" | "is" | "label" => Self::Label(value.to_ascii_uppercase()),
            _ => word(),
        }
    }

    fn matches(&self, message: &Message) -> bool {
        match self {
            // Whole seconds, and the second itself counts as after.
            Self::After(at_us) => message.internal_date_us >= *at_us,
            Self::Before(at_us) => message.internal_date_us < *at_us,
            Self::Label(label) => message.labels.iter().any(|l| l.eq_ignore_ascii_case(label)),
            Self::Anywhere => true,
            Self::Word(word) => {
                message.mail.subject.to_lowercase().contains(word)
                    || message.mail.from.to_lowercase().contains(word)
            }
        }
    }
}

/// Epoch seconds or a day.
fn parse_moment(value: &str) -> Option<i64> {
    if let Ok(seconds) = value.parse::<i64>() {
        return seconds.checked_mul(SECOND_US);
    }
    parse_day(&value.replace('-', "/"), "%Y/%m/%d")
}
