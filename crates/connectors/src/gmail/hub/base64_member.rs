//! What a member of a JSON object holds as base64url, decoded as it comes: Gmail gives contents so, tens of megabytes in
//! one text, which no parser has to hold.

use crate::http::{BodyStream, HttpError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};

/// The bytes of the member `name` of the object that a body is. A body that ends before its object does is an error, so
/// that half a file is never taken for a whole one; an object without the member has no bytes.
pub(super) fn decoded(body: BodyStream, name: &'static str) -> BodyStream {
    stream::try_unfold((body, Scanner::new(name)), |(mut body, mut scanner)| async move {
        while let Some(piece) = body.next().await {
            let bytes = scanner.feed(&piece?)?;
            if !bytes.is_empty() {
                return Ok(Some((Bytes::from(bytes), (body, scanner))));
            }
        }
        if scanner.is_at_end() { Ok(None) } else { Err(broken("the object is not closed")) }
    })
    .boxed()
}

fn broken(what: &str) -> HttpError {
    HttpError::Broken(what.into())
}

/// Where the scanner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScanState {
    /// Between texts.
    Outside,
    /// In a text that is not the member's.
    InText,
    /// In the member's text.
    InValue,
}

/// Follows texts and depth alone: what stands between them does not matter here.
#[derive(Debug)]
struct Scanner {
    name: &'static str,
    state: ScanState,
    depth: usize,
    has_begun: bool,
    /// The last text at the object's own depth, as far as it may be the name.
    last: Vec<u8>,
    /// The name and a colon were read.
    is_named: bool,
    /// What follows a backslash, so far.
    escape: Option<Vec<u8>>,
    /// Letters that are not decoded yet: less than four between two pieces.
    letters: Vec<u8>,
}

impl Scanner {
    fn new(name: &'static str) -> Self {
        Scanner {
            name,
            state: ScanState::Outside,
            depth: 0,
            has_begun: false,
            last: Vec::new(),
            is_named: false,
            escape: None,
            letters: Vec::new(),
        }
    }

    fn is_at_end(&self) -> bool {
        self.has_begun && self.depth == 0
    }

    /// Reads on; gives what of the member was decoded.
    fn feed(&mut self, piece: &[u8]) -> Result<Vec<u8>, HttpError> {
        let mut decoded = Vec::new();
        let mut rest = piece;
        while let [byte, behind @ ..] = rest {
            if self.state == ScanState::InValue && self.escape.is_none() {
                let count = rest.iter().take_while(|byte| is_letter(**byte)).count();
                if count > 0 {
                    self.letters.extend_from_slice(&rest[..count]);
                    rest = &rest[count..];
                    continue;
                }
            }
            match self.state {
                ScanState::Outside => self.outside(*byte)?,
                ScanState::InText => self.in_text(*byte),
                ScanState::InValue if *byte == b'"' && self.escape.is_none() => {
                    self.state = ScanState::Outside;
                    self.decode(self.letters.len(), &mut decoded)?;
                }
                ScanState::InValue => self.in_value(*byte),
            }
            rest = behind;
        }
        self.decode(self.letters.len() / 4 * 4, &mut decoded)?;
        Ok(decoded)
    }

    fn outside(&mut self, byte: u8) -> Result<(), HttpError> {
        match byte {
            b'{' | b'[' => {
                self.depth += 1;
                self.has_begun = true;
            }
            b'}' | b']' => {
                self.depth = self.depth.checked_sub(1).ok_or_else(|| broken("the object is closed twice"))?;
            }
            b'"' if self.is_named && self.depth == 1 => {
                self.is_named = false;
                self.state = ScanState::InValue;
            }
            b'"' => {
                self.last.clear();
                self.state = ScanState::InText;
            }
            b':' => self.is_named = self.depth == 1 && self.last == self.name.as_bytes(),
            b',' => self.is_named = false,
            _ => {}
        }
        Ok(())
    }

    fn in_text(&mut self, byte: u8) {
        if self.escape.take().is_none() {
            match byte {
                b'"' => self.state = ScanState::Outside,
                b'\\' => self.escape = Some(Vec::new()),
                _ => {}
            }
        }
        // One byte more than the name has, so that a longer text is not taken for it.
        if self.state == ScanState::InText && self.last.len() <= self.name.len() {
            self.last.push(byte);
        }
    }

    /// Google writes the padding as an escape, as a rule.
    fn in_value(&mut self, byte: u8) {
        let byte = match &mut self.escape {
            None if byte == b'\\' => {
                self.escape = Some(Vec::new());
                return;
            }
            None => byte,
            Some(escape) => {
                escape.push(byte);
                if escape[0] == b'u' && escape.len() < 5 {
                    return;
                }
                let escape = self.escape.take().unwrap_or_default();
                match unescaped(&escape) {
                    Some(byte) => byte,
                    None => return self.letters.push(b'?'), // no letter: refused when it is decoded
                }
            }
        };
        match byte {
            b'=' | b'\n' | b'\r' => {}
            b'+' => self.letters.push(b'-'),
            b'/' => self.letters.push(b'_'),
            _ => self.letters.push(byte),
        }
    }

    fn decode(&mut self, count: usize, decoded: &mut Vec<u8>) -> Result<(), HttpError> {
        let letters: Vec<u8> = self.letters.drain(..count).collect();
        URL_SAFE_NO_PAD.decode_vec(letters, decoded).map_err(|error| HttpError::Broken(error.into()))
    }
}

/// Nearly all that a content consists of.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// The character of an escape, without its backslash; `None` for what base64 does not have.
fn unescaped(escape: &[u8]) -> Option<u8> {
    match escape {
        [b'u', digits @ ..] => {
            let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
            u8::try_from(number).ok().filter(u8::is_ascii)
        }
        [b'n'] => Some(b'\n'),
        [b'r'] => Some(b'\r'),
        [b'/'] => Some(b'/'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::now;

    /// However it is cut, it is the same.
    #[track_caller]
    fn check(json: &str, expected: Option<&[u8]>) {
        for size in [1, 2, 3, 5, 7, json.len().max(1)] {
            let pieces: Vec<_> =
                json.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            let body = decoded(stream::iter(pieces).boxed(), "raw");
            let read: Vec<Result<Bytes, HttpError>> = now(body.collect());
            let read: Result<Vec<Bytes>, HttpError> = read.into_iter().collect();
            assert_eq!(
                read.ok().map(|pieces| pieces.concat()).as_deref(),
                expected,
                "{json} in pieces of {size}"
            );
        }
    }

    #[test]
    fn a_member_is_decoded_however_it_is_cut() {
        check(r#"{"raw":"aGVsbG8"}"#, Some(b"hello"));
        check(r#"{ "id" : "raw" , "raw" : "aGVsbG8=" , "x": [1, {"raw": "AAAA"}] }"#, Some(b"hello"));
        check(r#"{"snippet":"\"raw\":\"AAAA\"","a":{"raw":"AAAA"},"raw":"aGVsbG8\u003d"}"#, Some(b"hello"));
        check(r#"{"rawer":"AAAA","raw":"-_-_"}"#, Some(&[0xfb, 0xff, 0xbf]));
        check(r#"{"raw":"+\/+\/"}"#, Some(&[0xfb, 0xff, 0xbf]));
        check(r#"{"size":0}"#, Some(b""));
        check(r#"{"raw":""}"#, Some(b""));
    }

    #[test]
    fn half_of_it_is_not_taken_for_all() {
        check(r#"{"raw":"aGVsbG8"#, None);
        check(r#"{"raw":"aGVsbG8""#, None);
        check(r#"{"raw":"aGVsbG8","x":["#, None);
        check("", None);
        check(r#"{"raw":"a*b"}"#, None);
        check(r#"{"raw":"\u00e4AAA"}"#, None);
        check(r#"}{"raw":"AAAA"}"#, None);
    }
}
