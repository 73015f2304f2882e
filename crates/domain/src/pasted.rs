//! Text as people paste it: with what came along around it, or as an address bar has it.

use percent_encoding::percent_decode_str;

/// What editors and clients on Windows put before text; RFC 8259 lets readers of JSON pass over it.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// Letters that take no room, which pages put around what is copied from them.
const UNSEEN: [char; 5] = [BYTE_ORDER_MARK, '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}'];

/// A text without the mark that may stand before it.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// A credential or an address without the space around it, seen or not.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || UNSEEN.contains(&c))
}

/// A text decoded once, where it is percent-encoded.
pub fn decoded(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    (decoded != text).then(|| decoded.into_owned())
}

/// What is suspicious about a credential. Not a rule: a provider's may look like that.
pub fn suspicion(credential: &str) -> Option<&'static str> {
    let is_quoted = |quote: char| credential.starts_with(quote) && credential.ends_with(quote);
    if credential.contains("://") || credential.contains("&scope=") {
        return Some("looks like an address or a part of one: the value of its parameter alone is needed");
    }
    if credential.len() > 1 && ['"', '\'', '`'].into_iter().any(is_quoted) {
        return Some("stands in quotation marks");
    }
    if credential.contains(char::is_whitespace) {
        return Some("has white space in it");
    }
    decoded(credential).map(|_| "looks percent-encoded, as an address bar shows it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_along_is_taken_off() {
        assert_eq!(without_mark("\u{feff}{}"), "{}");
        assert_eq!(without_mark("\u{feff}\u{feff}{}"), "\u{feff}{}", "a second one is a letter");
        assert_eq!(trimmed(" \u{a0}\u{feff}key\u{200b}\r\n"), "key");
        assert_eq!(trimmed("two words"), "two words");
    }

    #[test]
    fn a_text_is_decoded_once() {
        assert_eq!(decoded("4%2F0A%2fb").as_deref(), Some("4/0A/b"));
        assert_eq!(decoded("a%252Fb").as_deref(), Some("a%2Fb"));
        for as_it_is in ["4/0Ab", "a+b", "100%", "%zz", "%ff"] {
            assert_eq!(decoded(as_it_is), None, "{as_it_is}");
        }
    }

    #[test]
    fn what_credentials_do_not_look_like_is_said() {
        for plain in ["4/0Axyz-_", "0.AXoA!x*$", "client-id.apps.example", "a~b.c", "\"", ""] {
            assert_eq!(suspicion(plain), None, "{plain}");
        }
        for odd in ["https://app.example/?code=4/0A", "4/0A&scope=mail", "\"key\"", "two words", "4%2F0A"] {
            assert!(suspicion(odd).is_some(), "{odd}");
        }
    }
}
