//! The search language of lists: words, operators, quotes, `OR`, `-`, and groups in parentheses or braces.

use super::labels::{self, Label};
use super::mailbox::Message;
use crate::clock::{DAY_US, SECOND_US, parse_day};

/// Groups in groups: more than a person writes.
const DEPTH_MAX: usize = 16;

/// A search.
#[derive(Debug)]
pub(super) enum Query {
    All(Vec<Query>),
    Any(Vec<Query>),
    Not(Box<Query>),
    Term(Term),
}

#[derive(Debug)]
pub(super) enum Term {
    After(i64),
    Before(i64),
    Label(String),
    Anywhere,
    Attachment,
    Larger(usize),
    Smaller(usize),
    /// Words that follow each other, in one of the fields.
    Words(Vec<&'static str>, Vec<String>),
}

impl Query {
    /// Never fails: what is no operator is a word to look for, as in Gmail's search box.
    pub(super) fn parse(text: &str, now_us: i64) -> Self {
        Parser { rest: text, now_us }.members(None, DEPTH_MAX)
    }

    pub(super) fn matches(&self, message: &Message, labels: &[Label]) -> bool {
        match self {
            Self::All(members) => members.iter().all(|member| member.matches(message, labels)),
            Self::Any(members) => members.iter().any(|member| member.matches(message, labels)),
            Self::Not(inner) => !inner.matches(message, labels),
            Self::Term(term) => term.matches(message, labels),
        }
    }

    /// Whether the search itself asks for mail that lists leave out.
    pub(super) fn reaches_spam_and_trash(&self) -> bool {
        match self {
            Self::All(members) | Self::Any(members) => members.iter().any(Self::reaches_spam_and_trash),
            Self::Not(inner) => matches!(**inner, Self::Term(Term::Anywhere)),
            Self::Term(Term::Anywhere) => true,
            Self::Term(Term::Label(label)) => label == "SPAM" || label == "TRASH",
            Self::Term(_) => false,
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    now_us: i64,
}

impl<'a> Parser<'a> {
    /// Members up to a closing bracket, or the end.
    fn members(&mut self, close: Option<char>, depth_left: usize) -> Query {
        let mut members: Vec<Query> = Vec::new();
        let mut joins_next = false;
        loop {
            self.rest = self.rest.trim_start();
            let Some(next) = self.rest.chars().next() else { break };
            if matches!(next, ')' | '}') {
                self.rest = &self.rest[1..];
                if close == Some(next) {
                    break;
                }
                continue;
            }
            if let Some(rest) = self.rest.strip_prefix("OR ") {
                (self.rest, joins_next) = (rest, !members.is_empty());
                continue;
            }
            if let Some(rest) = self.rest.strip_prefix("AND ") {
                self.rest = rest;
                continue;
            }
            let member = self.member(depth_left);
            match members.pop() {
                Some(former) if joins_next => members.push(joined(former, member)),
                former => {
                    members.extend(former);
                    members.push(member);
                }
            }
            joins_next = false;
        }
        if close == Some('}') { Query::Any(members) } else { Query::All(members) }
    }

    fn member(&mut self, depth_left: usize) -> Query {
        if let Some(rest) = self.rest.strip_prefix('-') {
            self.rest = rest;
            return Query::Not(Box::new(self.member(depth_left.saturating_sub(1))));
        }
        let close = match self.rest.chars().next() {
            Some('(') if depth_left > 0 => Some(')'),
            Some('{') if depth_left > 0 => Some('}'),
            _ => None,
        };
        if close.is_some() {
            self.rest = &self.rest[1..];
            return self.members(close, depth_left - 1);
        }
        let head = self.piece();
        let value = match head.ends_with(':') && self.rest.starts_with('"') {
            true => self.piece(),
            false => "",
        };
        Query::Term(Term::parse(head, value, self.now_us))
    }

    /// What is in quotes, or everything up to white space, a bracket or an operator's quotes.
    fn piece(&mut self) -> &'a str {
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let (piece, rest) = quoted.split_once('"').unwrap_or((quoted, ""));
            self.rest = rest;
            return piece;
        }
        let end = self.rest.find(|c: char| c.is_whitespace() || "(){}\"".contains(c));
        // A stray bracket is passed, so that there is an end.
        let end = end.unwrap_or(self.rest.len()).max(self.rest.chars().next().map_or(0, char::len_utf8));
        let (piece, rest) = self.rest.split_at(end);
        self.rest = rest;
        piece
    }
}

fn joined(former: Query, next: Query) -> Query {
    match former {
        Query::Any(mut members) => {
            members.push(next);
            Query::Any(members)
        }
        other => Query::Any(vec![other, next]),
    }
}

impl Term {
    fn parse(head: &str, quoted: &str, now_us: i64) -> Self {
        let anywhere = vec!["subject", "from", "to", "body"];
        let Some((operator, plain)) = head.split_once(':') else {
            return Self::Words(anywhere, words(head));
        };
        let value = if quoted.is_empty() { plain } else { quoted };
        let field = |name: &'static str| Self::Words(vec![name], words(value));
        let any_word = || Self::Words(vec!["subject", "from", "to", "body"], words(head));
        match operator.to_ascii_lowercase().as_str() {
            "after" | "newer" => parse_moment(value).map_or_else(any_word, Self::After),
            "before" | "older" => parse_moment(value).map_or_else(any_word, Self::Before),
            "newer_than" => parse_age(value).map_or_else(any_word, |age| Self::After(now_us - age)),
            "older_than" => parse_age(value).map_or_else(any_word, |age| Self::Before(now_us - age)),
            "in" if value.eq_ignore_ascii_case("anywhere") => Self::Anywhere,
            "in" | "is" | "label" => Self::Label(labels::searched(value)),
            "category" if value.eq_ignore_ascii_case("primary") => {
                Self::Label("CATEGORY_PERSONAL".to_owned())
            }
            "category" => Self::Label(format!("CATEGORY_{}", value.to_ascii_uppercase())),
            "has" if value.eq_ignore_ascii_case("attachment") => Self::Attachment,
            "larger" | "size" => value.parse().map_or_else(|_| any_word(), Self::Larger),
            "smaller" => value.parse().map_or_else(|_| any_word(), Self::Smaller),
            "from" => field("from"),
            "to" => field("to"),
            "cc" => field("cc"),
            "bcc" => field("bcc"),
            "subject" => field("subject"),
            "filename" => field("filename"),
            "rfc822msgid" => field("message-id"),
            _ => any_word(),
        }
    }

    fn matches(&self, message: &Message, labels: &[Label]) -> bool {
        match self {
            // Whole seconds, and the second itself counts as after.
            Self::After(at_us) => message.internal_date_us >= *at_us,
            Self::Before(at_us) => message.internal_date_us < *at_us,
            Self::Label(label) => labels::has(message, label, labels),
            Self::Anywhere => true,
            Self::Attachment => !message.attachments.is_empty(),
            Self::Larger(bytes) => message.size_bytes() > *bytes,
            Self::Smaller(bytes) => message.size_bytes() < *bytes,
            Self::Words(fields, wanted) => fields.iter().any(|field| {
                texts(message, field).iter().any(|text| {
                    let held = words(text);
                    wanted.is_empty() || held.windows(wanted.len()).any(|window| window == wanted.as_slice())
                })
            }),
        }
    }
}

fn texts(message: &Message, field: &str) -> Vec<String> {
    let mail = &message.mail;
    match field {
        "subject" => vec![mail.subject.clone()],
        "from" => vec![mail.from.clone()],
        "to" => vec![mail.to.clone()],
        "body" => vec![mail.body.clone()],
        "filename" => message.attachments.iter().map(|one| one.filename.clone()).collect(),
        "message-id" => vec![mail.message_id(&message.id)],
        header => mail.header(header).map(str::to_owned).into_iter().collect(),
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Epoch seconds or a day.
fn parse_moment(value: &str) -> Option<i64> {
    if let Ok(seconds) = value.parse::<i64>() {
        return seconds.checked_mul(SECOND_US);
    }
    parse_day(&value.replace('-', "/"), "%Y/%m/%d")
}

/// `2d`, `3m`, `1y`; hours are known, too.
fn parse_age(value: &str) -> Option<i64> {
    let unit = value.chars().last().filter(char::is_ascii)?;
    let count: i64 = value[..value.len() - 1].parse().ok()?;
    let unit_us = match unit {
        'h' => DAY_US / 24,
        'd' => DAY_US,
        'm' => 30 * DAY_US,
        'y' => 365 * DAY_US,
        _ => return None,
    };
    count.checked_mul(unit_us)
}
