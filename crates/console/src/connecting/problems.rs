//! What is wrong with a form, at the field it is about.

use crate::api::Answer;
use serde::{Deserialize, Serialize};

/// The first return of a sign-in may still be exchanging its code, and end well.
const CAME_TWICE: &str = "You came back from the provider twice with one sign-in, as by loading the page anew. \
    The first time may have ended well, or may be about to: look at the instances before you sign in again.";

/// Sentences, each with the field it names, if it names one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problems(Vec<(String, String)>);

impl Problems {
    pub(crate) const fn none() -> Self {
        Problems(Vec::new())
    }

    /// One that is about no field.
    pub(crate) fn general(text: impl Into<String>) -> Self {
        Problems(vec![(String::new(), text.into())])
    }

    pub(crate) fn at(field: &str, text: impl Into<String>) -> Self {
        Problems(vec![(field.to_owned(), text.into())])
    }

    /// What the interface refused: rules have the form `` `field`: rule ``, separated by semicolons.
    pub(crate) fn of(answer: &Answer) -> Self {
        if answer.came_twice() {
            return Self::general(CAME_TWICE);
        }
        let mut problems = Self::parse(&answer.message());
        if let Some(text) = answer.body["providerMessage"].as_str() {
            problems.0.push((String::new(), format!("The provider says: {text}")));
        }
        problems
    }

    fn parse(message: &str) -> Self {
        let mut parts = message.split("; `");
        let first = parts.next().unwrap_or_default();
        // The first one still has its mark.
        let first = first.strip_prefix('`').ok_or(first);
        let named =
            |part: &str| part.split_once("`: ").map(|(field, rule)| (field.to_owned(), rule.to_owned()));
        let first = match first {
            Ok(part) => named(part).unwrap_or_else(|| (String::new(), format!("`{part}"))),
            Err(text) => (String::new(), text.to_owned()),
        };
        let rest = parts.map(|part| named(part).unwrap_or_else(|| (String::new(), format!("`{part}"))));
        Problems(std::iter::once(first).chain(rest).collect())
    }

    /// The same at fields of other names.
    pub(super) fn renamed(mut self, names: &[(&str, &str)]) -> Self {
        for (field, _) in &mut self.0 {
            if let Some((_, to)) = names.iter().find(|(from, _)| field == from) {
                *field = (*to).to_owned();
            }
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with a field or with something in it.
    pub(crate) fn about(&self, key: &str) -> Option<String> {
        let found: Vec<String> = self.0.iter().filter_map(|(field, text)| told(key, field, text)).collect();
        (!found.is_empty()).then(|| found.join("; "))
    }

    /// What none of these fields shows, with the field it names.
    pub(crate) fn beside(&self, keys: &[&str]) -> Vec<String> {
        let is_shown = |field: &str, text: &str| keys.iter().any(|key| told(key, field, text).is_some());
        let others = self.0.iter().filter(|(field, text)| !is_shown(field, text));
        others
            .map(|(field, text)| match field.is_empty() {
                true => text.clone(),
                false => format!("{field}: {text}"),
            })
            .collect()
    }
}

fn told(key: &str, field: &str, text: &str) -> Option<String> {
    match field.strip_prefix(key)? {
        "" if !key.is_empty() => Some(text.to_owned()),
        inner => inner.strip_prefix('.').map(|inner| format!("{inner}: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_at_the_field_they_name_and_the_rest_beside() {
        let message = "`name`: is long; `event.poller.configuration.messages.url`: must begin with `/hubs`; `other`: is odd";
        let problems = Problems::parse(message);
        assert_eq!(problems.about("name").as_deref(), Some("is long"));
        assert_eq!(
            problems.about("event.poller.configuration").as_deref(),
            Some("messages.url: must begin with `/hubs`")
        );
        assert_eq!(
            problems.about("event"),
            Some("poller.configuration.messages.url: must begin with `/hubs`".to_owned())
        );
        assert_eq!(problems.beside(&["name", "event.poller.configuration"]), ["other: is odd"]);
    }

    #[test]
    fn a_sentence_that_names_no_field_stays_whole() {
        for message in ["the provider's token endpoint answered 400", "`", "`a` is not `b`: c"] {
            let problems = Problems::parse(message);
            assert!(!problems.is_empty());
            assert_eq!(problems.0.len(), 1);
        }
        assert_eq!(Problems::parse("it failed").beside(&[]), ["it failed"]);
    }
}
