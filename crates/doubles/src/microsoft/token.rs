//! The words of a filter.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    Comma,
    /// A property, an operator, or a literal without quotes.
    Word(String),
    /// A quoted literal.
    Text(String),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("("),
            Self::Close => f.write_str(")"),
            Self::Comma => f.write_str(","),
            Self::Word(word) => f.write_str(word),
            Self::Text(text) => write!(f, "'{text}'"),
        }
    }
}

/// Longer than any filter that fits into an address.
const FILTER_BYTES_MAX: usize = 8_000;

/// Takes a filter apart; the error is the text at fault.
pub(super) fn tokens(filter: &str) -> Result<Vec<Token>, String> {
    if filter.len() > FILTER_BYTES_MAX {
        return Err("too long".to_owned());
    }
    let mut tokens = Vec::new();
    let mut rest = filter.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '(' => (Token::Open, &rest[1..]),
            ')' => (Token::Close, &rest[1..]),
            ',' => (Token::Comma, &rest[1..]),
            '\'' => quoted(&rest[1..])?,
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "(),'".contains(c)).unwrap_or(rest.len());
                (Token::Word(rest[..end].to_owned()), &rest[end..])
            }
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// The text up to the closing quote; two quotes stand for one.
fn quoted(rest: &str) -> Result<(Token, &str), String> {
    let mut text = String::new();
    let mut left = rest;
    while let Some(end) = left.find('\'') {
        text.push_str(&left[..end]);
        left = &left[end + 1..];
        match left.strip_prefix('\'') {
            Some(after) => {
                text.push('\'');
                left = after;
            }
            None => return Ok((Token::Text(text), left)),
        }
    }
    Err(format!("'{rest}"))
}
