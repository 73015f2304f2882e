//! Google's partial responses: the `fields` parameter.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error;
use crate::call::Call;
use crate::reply::Reply;

/// The names a mask may hold. Google rejects others, and so finds the spelling mistakes of a caller.
const NAMES: &[&str] = &[
    "attachmentId",
    "backgroundColor",
    "body",
    "color",
    "created",
    "data",
    "draft",
    "drafts",
    "emailAddress",
    "etag",
    "filename",
    "headers",
    "history",
    "historyId",
    "id",
    "internalDate",
    "items",
    "labelIds",
    "labelListVisibility",
    "labels",
    "labelsAdded",
    "labelsRemoved",
    "message",
    "messageListVisibility",
    "messages",
    "messagesAdded",
    "messagesDeleted",
    "messagesTotal",
    "messagesUnread",
    "mimeType",
    "name",
    "nextPageToken",
    "nextSyncToken",
    "partId",
    "parts",
    "payload",
    "raw",
    "recurringEventId",
    "resultSizeEstimate",
    "size",
    "sizeEstimate",
    "snippet",
    "status",
    "textColor",
    "threadId",
    "threads",
    "threadsTotal",
    "threadsUnread",
    "type",
    "updated",
    "value",
    "*",
];
/// Deeper than any resource of the API.
const DEPTH_MAX: usize = 16;

/// What a reply is cut down to. A name without names below it stands for all it holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mask(BTreeMap<String, Mask>);

impl Mask {
    /// Reads a mask such as `a,b(c,d/e)`; the error is the text at fault.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { rest: text };
        let mask = parser.list(DEPTH_MAX)?;
        if parser.rest.is_empty() { Ok(mask) } else { Err(parser.rest.to_owned()) }
    }

    /// Keeps of a value only what the mask names. Lists are masked entry by entry.
    pub(super) fn apply(&self, value: Value) -> Value {
        match value {
            Value::Object(object) => Value::Object(self.apply_to_object(object)),
            Value::Array(entries) => entries.into_iter().map(|entry| self.apply(entry)).collect(),
            other => other,
        }
    }

    fn apply_to_object(&self, object: Map<String, Value>) -> Map<String, Value> {
        let kept = object.into_iter().filter_map(|(key, value)| {
            let below = self.0.get(&key).or_else(|| self.0.get("*"))?;
            Some((key, if below.0.is_empty() { value } else { below.apply(value) }))
        });
        kept.collect()
    }

    /// Adds names; one that stands for all it holds already keeps doing so.
    fn merge(&mut self, other: Mask) {
        for (name, below) in other.0 {
            match self.0.get_mut(&name) {
                None => {
                    self.0.insert(name, below);
                }
                Some(known) if known.0.is_empty() || below.0.is_empty() => known.0.clear(),
                Some(known) => known.merge(below),
            }
        }
    }
}

/// The answer to a call, cut down to the fields that it asks for.
pub(super) fn masked(call: &Call, answer: impl FnOnce() -> Reply) -> Reply {
    let mask = match call.param("fields").map(Mask::parse).transpose() {
        Ok(mask) => mask,
        Err(text) => return error::invalid_argument(&format!("Invalid field selection {text}")),
    };
    let mut reply = answer();
    if let (200, Some(mask), Some(value)) = (reply.status, mask, reply.value()) {
        reply.body = mask.apply(value).to_string().into_bytes();
    }
    reply
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn list(&mut self, depth_left: usize) -> Result<Mask, String> {
        let mut mask = Mask::default();
        loop {
            mask.merge(self.path(depth_left)?);
            if !self.eat(',') {
                return Ok(mask);
            }
        }
    }

    /// `a`, `a/b` or `a(…)`.
    fn path(&mut self, depth_left: usize) -> Result<Mask, String> {
        let name = self.name()?;
        if depth_left == 0 {
            return Err(name);
        }
        let below = if self.eat('/') {
            self.path(depth_left - 1)?
        } else if self.eat('(') {
            let below = self.list(depth_left - 1)?;
            if !self.eat(')') {
                return Err(self.rest.to_owned());
            }
            below
        } else {
            Mask::default()
        };
        Ok(Mask(BTreeMap::from([(name, below)])))
    }

    fn name(&mut self) -> Result<String, String> {
        let end = self.rest.find([',', '/', '(', ')']).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        let name = name.trim();
        if !NAMES.contains(&name) {
            return Err(name.to_owned());
        }
        self.rest = rest;
        Ok(name.to_owned())
    }

    fn eat(&mut self, character: char) -> bool {
        match self.rest.strip_prefix(character) {
            Some(rest) => self.rest = rest,
            None => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(mask: &str, expected: &Value) {
        let full = json!({
            "historyId": "9", "nextPageToken": "t",
            "history": [
                {"id": "8", "messages": [{"id": "m"}],
                 "messagesAdded": [{"message": {"id": "m", "threadId": "t", "labelIds": ["INBOX"]}}]},
                {"id": "9",
                 "labelsAdded": [{"labelIds": ["STARRED"], "message": {"id": "m", "threadId": "t"}}]},
            ],
        });
        assert_eq!(&Mask::parse(mask).unwrap().apply(full), expected);
    }

    #[test]
    fn masks_lists_and_paths() {
        check("historyId", &json!({"historyId": "9"}));
        check("history/id,historyId", &json!({"historyId": "9", "history": [{"id": "8"}, {"id": "9"}]}));
        check(
            "history(messagesAdded/message(id,labelIds),labelsAdded(labelIds,message/id))",
            &json!({"history": [
                {"messagesAdded": [{"message": {"id": "m", "labelIds": ["INBOX"]}}]},
                {"labelsAdded": [{"labelIds": ["STARRED"], "message": {"id": "m"}}]},
            ]}),
        );
        check(
            "history(id,messages),nextPageToken",
            &json!({
                "nextPageToken": "t", "history": [{"id": "8", "messages": [{"id": "m"}]}, {"id": "9"}],
            }),
        );
        check(
            "history/*/message/id",
            &json!({"history": [
                {"messages": [{}], "messagesAdded": [{"message": {"id": "m"}}], "id": "8"},
                {"labelsAdded": [{"message": {"id": "m"}}], "id": "9"},
            ]}),
        );
    }

    #[test]
    fn the_whole_wins_over_a_part_of_it() {
        assert_eq!(Mask::parse("payload/headers,payload").unwrap(), Mask::parse("payload").unwrap());
        assert_eq!(Mask::parse("message(id),message/raw").unwrap(), Mask::parse("message(id,raw)").unwrap());
    }

    #[test]
    fn mistakes_are_found() {
        let mistakes = ["", "historyid", "history(id", "history)", "history(id))", "id,,raw", "history()"];
        for mistake in mistakes {
            assert!(Mask::parse(mistake).is_err(), "{mistake}");
        }
        assert!(Mask::parse(&"parts/".repeat(40)).is_err());
    }
}
