//! Paths into a provider's record, as configurations write them: `user.id`, `['Modified Time']`, `@.@id`.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

/// Longest path accepted, in bytes.
pub const PATH_BYTES_MAX: usize = 256;
/// Most segments a path may have.
pub const PATH_SEGMENTS_MAX: usize = 16;

/// A path to one field of a JSON record; it has at least one segment.
///
/// Shapes: dotted (`user.id`), bracketed (`['Modified Time']`, `["a.b"]`, `tags[0]`) and both mixed. A leading
/// `@.` (or `@` before a bracket) means the record itself and is skipped, so `@.@id` is the key `@id`. Inside
/// quoted brackets a backslash protects a quote or another backslash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath {
    source: String,
    root: String,
    rest: Vec<String>,
}

/// Why a text is not a field path. Positions are byte offsets into the text as given.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FieldPathError {
    /// Nothing but white space.
    #[error("a field path must not be empty")]
    Empty,
    /// More than [`PATH_BYTES_MAX`] bytes.
    #[error("a field path has at most {PATH_BYTES_MAX} bytes, this one has {length}")]
    TooLong {
        /// Bytes given, surrounding white space not counted.
        length: usize,
    },
    /// More than [`PATH_SEGMENTS_MAX`] segments.
    #[error("a field path has at most {PATH_SEGMENTS_MAX} segments; one more begins at byte {position}")]
    TooManySegments {
        /// Where the first segment too many begins.
        position: usize,
    },
    /// Two dots in a row, a dot at either end, or empty brackets.
    #[error("a segment of a field path must not be empty (byte {position})")]
    EmptySegment {
        /// Where the segment should have begun.
        position: usize,
    },
    /// A `[` without its `]`, or a quoted key not ended by its quote and `]`.
    #[error("the bracket opened at byte {position} must be closed by `]`, after the quote if it holds one")]
    UnclosedBracket {
        /// Where the bracket opens.
        position: usize,
    },
    /// Text directly after a `]`.
    #[error("after `]` only `.`, `[` or the end may follow (byte {position})")]
    AfterBracket {
        /// Where the stray text begins.
        position: usize,
    },
}

impl FieldPath {
    /// Reads a path; white space around it is ignored.
    ///
    /// # Errors
    /// [`FieldPathError`] says which rule is broken and at which byte.
    pub fn parse(text: &str) -> Result<Self, FieldPathError> {
        let body = text.trim_end();
        let source = body.trim_start();
        match source.len() {
            0 => return Err(FieldPathError::Empty),
            length if length > PATH_BYTES_MAX => return Err(FieldPathError::TooLong { length }),
            _ => {}
        }
        let start = body.len() - source.len();
        let (root, mut at) = segment(body, start + record_prefix(source))?;
        let mut rest = Vec::new();
        while let Some(next) = segment_start(body, at)? {
            if rest.len() + 1 >= PATH_SEGMENTS_MAX {
                return Err(FieldPathError::TooManySegments { position: next });
            }
            let (key, end) = segment(body, next)?;
            rest.push(key);
            at = end;
        }
        Ok(Self { source: source.to_owned(), root, rest })
    }

    /// The value this path leads to, or `None` if a step is missing.
    ///
    /// Each segment is matched exactly first, then with the case of its first (ASCII) letter changed: `Id` finds
    /// `id`. On an array a segment of digits is an index from 0.
    pub fn get<'a>(&self, record: &'a Value) -> Option<&'a Value> {
        self.rest.iter().try_fold(member(record, &self.root)?, |value, key| member(value, key))
    }

    /// The first segment: the key of the record itself.
    pub fn root(&self) -> &str {
        &self.root
    }
}

/// Prints the path as it was written, without the white space around it.
impl fmt::Display for FieldPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.source)
    }
}

/// One step down: the member of that name (exact, then first letter's case changed), or the array element.
pub(crate) fn member<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(key).or_else(|| map.get(&first_letter_flipped(key)?)),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

fn first_letter_flipped(key: &str) -> Option<String> {
    let first = key.chars().next().filter(char::is_ascii_alphabetic)?;
    let flipped =
        if first.is_ascii_lowercase() { first.to_ascii_uppercase() } else { first.to_ascii_lowercase() };
    Some(std::iter::once(flipped).chain(key.chars().skip(1)).collect())
}

/// Bytes of the prefix that means "the record itself".
fn record_prefix(source: &str) -> usize {
    match source.as_bytes() {
        [b'@', b'.', ..] => 2,
        [b'@', b'[', ..] => 1,
        _ => 0,
    }
}

/// Where the next segment begins after one that ended at `at`; `None` at the end of the path.
fn segment_start(text: &str, at: usize) -> Result<Option<usize>, FieldPathError> {
    match text.as_bytes().get(at) {
        None => Ok(None),
        Some(b'.') => Ok(Some(at + 1)),
        Some(b'[') => Ok(Some(at)),
        Some(_) => Err(FieldPathError::AfterBracket { position: at }),
    }
}

/// Reads the segment that begins at `at`; returns its key and where it ends.
fn segment(text: &str, at: usize) -> Result<(String, usize), FieldPathError> {
    let rest = text.get(at..).unwrap_or_default();
    let (key, length) = match rest.strip_prefix('[') {
        Some(inner) => bracket(inner).ok_or(FieldPathError::UnclosedBracket { position: at })?,
        None => {
            let length = rest.find(['.', '[']).unwrap_or(rest.len());
            (rest.get(..length).unwrap_or_default().to_owned(), length)
        }
    };
    if key.is_empty() {
        return Err(FieldPathError::EmptySegment { position: at });
    }
    Ok((key, at + length))
}

/// Reads what follows a `[`: the key, and the length with both brackets.
fn bracket(inner: &str) -> Option<(String, usize)> {
    let Some(quote) = inner.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        let (key, _) = inner.split_once(']')?;
        return Some((key.trim().to_owned(), key.len() + 2));
    };
    let mut key = String::new();
    let mut letters = inner.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            // The byte after the quote must be the bracket; two brackets and this quote end the segment.
            return letters.next_if(|&(_, c)| c == ']').map(|_| (key, at + 3));
        }
        let escaped = (letter == '\\').then(|| letters.next_if(|&(_, c)| c == quote || c == '\\')).flatten();
        key.push(escaped.map_or(letter, |(_, c)| c));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    #[track_caller]
    fn check(path: &str, expect: Expect) {
        let record = json!({
            "id": "7", "Name": "Ann", "user": {"Id": 8}, "Modified Time": "noon", "@id": "at", "a.b": "dots",
            "tags": ["x", {"deep": true}], "it's": "quoted", "lastModifiedDateTime": "2020", "é": "accent",
        });
        let actual = match FieldPath::parse(path) {
            Ok(path) => format!("{path} (root {}) -> {:?}", path.root(), path.get(&record)),
            Err(error) => error.to_string(),
        };
        expect.assert_eq(&actual);
    }

    #[test]
    fn paths_that_lead_somewhere() {
        check("id", expect![[r#"id (root id) -> Some(String("7"))"#]]);
        check("Id", expect![[r#"Id (root Id) -> Some(String("7"))"#]]);
        check("name", expect![[r#"name (root name) -> Some(String("Ann"))"#]]);
        check(
            "LastModifiedDateTime",
            expect![[r#"LastModifiedDateTime (root LastModifiedDateTime) -> Some(String("2020"))"#]],
        );
        check(" user.id ", expect!["user.id (root user) -> Some(Number(8))"]);
        check(
            "['Modified Time']",
            expect![[r#"['Modified Time'] (root Modified Time) -> Some(String("noon"))"#]],
        );
        check(
            "@['Modified Time']",
            expect![[r#"@['Modified Time'] (root Modified Time) -> Some(String("noon"))"#]],
        );
        check("Modified Time", expect![[r#"Modified Time (root Modified Time) -> Some(String("noon"))"#]]);
        check("@.@id", expect![[r#"@.@id (root @id) -> Some(String("at"))"#]]);
        check("@id", expect![[r#"@id (root @id) -> Some(String("at"))"#]]);
        check("[\"a.b\"]", expect![[r#"["a.b"] (root a.b) -> Some(String("dots"))"#]]);
        check(r"['it\'s']", expect![[r#"['it\'s'] (root it's) -> Some(String("quoted"))"#]]);
        check("tags[1].Deep", expect!["tags[1].Deep (root tags) -> Some(Bool(true))"]);
        check("tags.[0]", expect![[r#"tags.[0] (root tags) -> Some(String("x"))"#]]);
        check("é", expect![[r#"é (root é) -> Some(String("accent"))"#]]);
    }

    #[test]
    fn paths_that_lead_nowhere() {
        check("missing", expect!["missing (root missing) -> None"]);
        check("ID", expect!["ID (root ID) -> None"]);
        check("id.more", expect!["id.more (root id) -> None"]);
        check("tags[9]", expect!["tags[9] (root tags) -> None"]);
        check("@", expect!["@ (root @) -> None"]);
    }

    #[test]
    fn broken_paths() {
        check("", expect!["a field path must not be empty"]);
        check("  ", expect!["a field path must not be empty"]);
        check(" a..b", expect!["a segment of a field path must not be empty (byte 3)"]);
        check("a.", expect!["a segment of a field path must not be empty (byte 2)"]);
        check(".a", expect!["a segment of a field path must not be empty (byte 0)"]);
        check("@.", expect!["a segment of a field path must not be empty (byte 2)"]);
        check("a[]", expect!["a segment of a field path must not be empty (byte 1)"]);
        check("['']", expect!["a segment of a field path must not be empty (byte 0)"]);
        check(
            "a['b",
            expect!["the bracket opened at byte 1 must be closed by `]`, after the quote if it holds one"],
        );
        check(
            "a['b'",
            expect!["the bracket opened at byte 1 must be closed by `]`, after the quote if it holds one"],
        );
        check(
            "a[b",
            expect!["the bracket opened at byte 1 must be closed by `]`, after the quote if it holds one"],
        );
        check("['a']b", expect!["after `]` only `.`, `[` or the end may follow (byte 5)"]);
        check(&"a".repeat(257), expect!["a field path has at most 256 bytes, this one has 257"]);
        check(&"a.".repeat(16), expect!["a field path has at most 16 segments; one more begins at byte 32"]);
        check(
            &vec!["a"; 17].join("."),
            expect!["a field path has at most 16 segments; one more begins at byte 32"],
        );
    }
}
