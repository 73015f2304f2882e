//! Which states of which messages were seen, as short digests.
//!
//! The list goes by whole seconds, and shows a row up to two minutes after its second: a position alone would either
//! skip a mail of 12:00:05 that appears at 12:01, or report every mail of the last two minutes again at each poll. So
//! each poll reads the overlap again, and the memory says which of its rows were seen.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::digest64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, HashSet};

/// One state of one message: eight bytes for the message, four for the state. Taking a new message for a known
/// one needs a clash of eight bytes among those of two minutes; taking a new state of a message for one of its few
/// known ones, of four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MessageState {
    message: u64,
    state: u32,
}

const SEEN_BYTES: usize = 12;

impl MessageState {
    /// A suppressed draft is another message than the sent one with the same id: that one is new when it
    /// appears.
    pub(crate) fn of(id: &str, change_key: &str, is_suppressed: bool) -> Self {
        let visibility: &[u8] = if is_suppressed { b"suppressed" } else { b"visible" };
        let state = digest64(&[id.as_bytes(), change_key.as_bytes()]);
        MessageState { message: digest64(&[visibility, id.as_bytes()]), state: (state >> 32) as u32 }
    }
}

/// Seen states by the second of their last modification.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Memory(BTreeMap<i64, Vec<MessageState>>);

impl Memory {
    pub(crate) fn remember(&mut self, second: i64, seen: MessageState) {
        self.0.entry(second).or_default().push(seen);
    }

    /// Drops what the walk never comes to again; says whether there was any.
    pub(crate) fn forget_before(&mut self, second: i64) -> bool {
        let kept = self.0.split_off(&second);
        let forgotten = std::mem::replace(&mut self.0, kept);
        forgotten.values().any(|states| !states.is_empty())
    }

    /// Takes out so many states, those of the oldest seconds first.
    pub(crate) fn take_first(&mut self, count: usize) -> Memory {
        let (mut taken, mut left) = (Memory::default(), count);
        while left > 0 {
            let Some(mut oldest) = self.0.first_entry() else { break };
            let (second, states) = (*oldest.key(), oldest.get_mut());
            let part: Vec<MessageState> = states.drain(..left.min(states.len())).collect();
            if states.is_empty() {
                oldest.remove();
            }
            left -= part.len();
            taken.0.insert(second, part);
        }
        taken
    }

    /// Notes that nothing is missing from a second on, though there may be nothing to remember of it.
    pub(crate) fn mark(&mut self, second: i64) {
        self.0.entry(second).or_default();
    }

    /// Since when the memory knows what was seen, if it does.
    pub(crate) fn begins(&self) -> Option<i64> {
        self.0.keys().next().copied()
    }

    /// The last second of which something is remembered.
    pub(crate) fn ends(&self) -> Option<i64> {
        self.0.keys().next_back().copied()
    }

    /// For looking up many.
    pub(crate) fn index(&self) -> Index {
        let mut index = Index::default();
        index.extend(self);
        index
    }

    /// States remembered.
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

/// A memory, indexed.
#[derive(Default)]
pub(crate) struct Index {
    states: HashSet<MessageState>,
    messages: HashSet<u64>,
}

impl Index {
    pub(crate) fn knows(&self, seen: &MessageState) -> bool {
        self.states.contains(seen)
    }

    pub(crate) fn knows_message(&self, seen: &MessageState) -> bool {
        self.messages.contains(&seen.message)
    }

    pub(crate) fn add(&mut self, seen: MessageState) {
        self.states.insert(seen);
        self.messages.insert(seen.message);
    }

    pub(crate) fn extend(&mut self, memory: &Memory) {
        memory.0.values().flatten().for_each(|seen| self.add(*seen));
    }

    /// States remembered.
    pub(crate) fn len(&self) -> usize {
        self.states.len()
    }
}

impl Serialize for Memory {
    /// Pairs of a second and the base64url of its digests.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(second, seen)| {
            let bytes: Vec<u8> = seen
                .iter()
                .flat_map(|seen| seen.message.to_be_bytes().into_iter().chain(seen.state.to_be_bytes()))
                .collect();
            (second, URL_SAFE_NO_PAD.encode(bytes))
        }))
    }
}

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut memory = Memory::default();
        for (second, text) in Vec::<(i64, String)>::deserialize(deserializer)? {
            let bytes = URL_SAFE_NO_PAD.decode(text).map_err(serde::de::Error::custom)?;
            memory.mark(second);
            for chunk in bytes.chunks_exact(SEEN_BYTES) {
                let mut message = [0; 8];
                let mut state = [0; 4];
                message.copy_from_slice(&chunk[..8]);
                state.copy_from_slice(&chunk[8..]);
                let seen =
                    MessageState { message: u64::from_be_bytes(message), state: u32::from_be_bytes(state) };
                memory.remember(second, seen);
            }
        }
        Ok(memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_survives_its_stored_form_and_forgets_by_second() {
        let mut memory = Memory::default();
        for n in 0..100 {
            memory.remember(1_795_000_000 + n / 10, MessageState::of(&format!("id{n}"), "ck", false));
        }
        let text = serde_json::to_string(&memory).unwrap();
        assert!(text.len() < 100 * 16 + 10 * 20, "{} bytes for 100 states", text.len());
        let back: Memory = serde_json::from_str(&text).unwrap();
        assert_eq!(back, memory);
        memory.forget_before(1_795_000_005);
        assert_eq!(memory.len(), 50);
    }

    /// `a1` is state 1 of message a, `a1d` the same as a draft that is not told. `+a1@5` remembers it under second 5, `<5`
    /// forgets what is older, `?a1` asks. Gives the answers: the state is known, only the message, or it is new.
    #[track_caller]
    fn check(words: &str, expected: &[&str]) {
        let state = |text: &str| MessageState::of(&text[..1], &text[1..2], text.ends_with('d'));
        let (mut memory, mut answers) = (Memory::default(), Vec::new());
        for word in words.split(' ') {
            match word.split_at(1) {
                ("+", rest) => {
                    let (text, second) = rest.split_once('@').unwrap();
                    memory.remember(second.parse().unwrap(), state(text));
                }
                ("<", second) => drop(memory.forget_before(second.parse().unwrap())),
                (_, text) if memory.index().knows(&state(text)) => answers.push("state"),
                (_, text) if memory.index().knows_message(&state(text)) => answers.push("message"),
                _ => answers.push("new"),
            }
            // As between two polls.
            memory = serde_json::from_str(&serde_json::to_string(&memory).unwrap()).unwrap();
        }
        assert_eq!(answers, expected, "{words}");
    }

    #[test]
    fn what_is_known_is_known_by_state_and_by_message_until_it_is_forgotten() {
        check("?a1", &["new"]);
        check("+a1@5 ?a1 ?a2 ?b1", &["state", "message", "new"]);
        check("+a1@5 +a2@9 ?a1 ?a2 ?a3", &["state", "state", "message"]);
        // The second itself is still within the overlap.
        check("+a1@5 <5 ?a1 <6 ?a1", &["state", "new"]);
        check("+a1@5 +a2@9 <6 ?a1 ?a2", &["message", "state"]);
        check("+a1@5 +b1@5 +c1@6 <6 ?a1 ?b1 ?c1", &["new", "new", "state"]);
    }

    #[test]
    fn a_sent_draft_is_a_new_message() {
        check("+a1d@5 ?a1d ?a1 ?a2 ?a2d", &["state", "new", "new", "message"]);
        check("+a1d@5 +a2@9 ?a2 ?a3", &["state", "message"]);
    }
}
