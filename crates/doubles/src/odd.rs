//! What goes out though JSON can't hold it: characters that stand for broken bytes in any text of a mailbox.

/// Goes out as half of a surrogate pair, as in a text that was cut inside an emoji.
pub const HALF_EMOJI: char = '\u{F0000}';
/// Goes out as a byte of Latin-1.
pub const LATIN_1: char = '\u{F0001}';
/// Goes out as a control character without an escape.
pub const BARE_CONTROL: char = '\u{F0002}';

const BYTES: [(char, &[u8]); 3] = [(HALF_EMOJI, b"\\ud83d"), (LATIN_1, b"\xE9"), (BARE_CONTROL, b"\x01")];

/// The body as it goes out.
pub(crate) fn broken(body: Vec<u8>) -> Vec<u8> {
    // The three of them begin with the same bytes, which nearly no body has.
    match std::str::from_utf8(&body) {
        Ok(text) if BYTES.iter().any(|(char, _)| text.contains(*char)) => replaced(text),
        _ => body,
    }
}

fn replaced(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for char in text.chars() {
        match BYTES.iter().find(|(known, _)| *known == char) {
            Some((_, bytes)) => out.extend_from_slice(bytes),
            None => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

/// How much of an item the store can't read any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// All of it: whatever is selected.
    Whole,
    /// What it says: its ids, dates and place can still be listed.
    Content,
    /// All of it, and lists answer that it is not there.
    Missing,
}

/// What the `Date` header of answers says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateHeader {
    /// The time.
    True,
    /// The time of a clock that is so many seconds ahead; below zero: behind.
    Ahead(i64),
    /// Always the same, microseconds since the Unix epoch.
    At(i64),
    /// There is none.
    Missing,
}

impl DateHeader {
    pub(crate) fn at_us(self, now_us: i64) -> Option<i64> {
        match self {
            Self::True => Some(now_us),
            Self::Ahead(seconds) => Some(now_us + seconds * crate::clock::SECOND_US),
            Self::At(at_us) => Some(at_us),
            Self::Missing => None,
        }
    }
}
