//! Reads CEQL by recursive descent: OR over AND over NOT over single conditions.

use thiserror::Error;

use super::{Expr, Op, Value};

/// Longest text accepted, in bytes.
pub const CEQL_BYTES_MAX: usize = 8 * 1024;
/// How deep parentheses and NOTs may nest.
pub const CEQL_DEPTH_MAX: usize = 32;
/// Letters of the input an error shows.
const FOUND_LETTERS_MAX: usize = 16;

/// Words that name no field and no value unless they are quoted.
const RESERVED: [&str; 6] = ["AND", "OR", "NOT", "IN", "LIKE", "IS"];

/// Why a text is not CEQL. Positions are byte offsets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CeqlError {
    /// Nothing but white space.
    #[error("a where condition must not be empty")]
    Empty,
    /// More than [`CEQL_BYTES_MAX`] bytes.
    #[error("a where condition has at most {CEQL_BYTES_MAX} bytes, this one has {length}")]
    TooLong {
        /// Bytes given.
        length: usize,
    },
    /// Parentheses or NOTs nested deeper than [`CEQL_DEPTH_MAX`].
    #[error("a where condition nests at most {CEQL_DEPTH_MAX} levels; one more begins at byte {position}")]
    TooDeep {
        /// Where the first level too deep begins.
        position: usize,
    },
    /// A quote or backtick without its partner.
    #[error("the {mark} opened at byte {position} must be closed")]
    Unclosed {
        /// Where it opens.
        position: usize,
        /// `'` or a backtick.
        mark: char,
    },
    /// Something else stands where the grammar asks for this.
    #[error("expected {expected} at byte {position}, found {found}")]
    Expected {
        /// Where it should stand.
        position: usize,
        /// What should stand there.
        expected: &'static str,
        /// The beginning of what stands there, in quotes; or `the end`.
        found: String,
    },
}

/// Reads a `where` condition.
///
/// Keywords may have any case; white space, line breaks too, may stand between any two tokens. Field names are
/// letters, digits and `_ . - @ / [ ]`, or any text in backticks (doubled inside). Text values stand in single
/// quotes (doubled inside). AND binds tighter than OR.
///
/// # Errors
/// [`CeqlError`] says what was expected at which byte.
pub fn parse(text: &str) -> Result<Expr, CeqlError> {
    if text.len() > CEQL_BYTES_MAX {
        return Err(CeqlError::TooLong { length: text.len() });
    }
    let mut parser = Parser { text, at: 0, depth: 0 };
    if parser.rest().is_empty() {
        return Err(CeqlError::Empty);
    }
    let expr = parser.any_of()?;
    if parser.rest().is_empty() { Ok(expr) } else { Err(parser.expected("AND, OR or the end")) }
}

/// Whether a field of this name is printed without backticks.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_name_letter) && !is_reserved(name)
}

fn is_name_letter(letter: char) -> bool {
    letter.is_alphanumeric() || "_.-@/[]".contains(letter)
}

fn is_bare_letter(letter: char) -> bool {
    !letter.is_whitespace() && !letter.is_control() && !"'\"`()=<>!,".contains(letter)
}

fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word))
}

/// A place in the text. Each reading step first skips white space.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Parentheses and NOTs that are open.
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Skips white space; the text from there on.
    fn rest(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let rest = rest.trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    fn expected(&mut self, expected: &'static str) -> CeqlError {
        let rest = self.rest();
        let found = match rest.chars().take(FOUND_LETTERS_MAX).collect::<String>() {
            start if start.is_empty() => "the end".to_owned(),
            start => format!("`{start}`"),
        };
        CeqlError::Expected { position: self.at, expected, found }
    }

    /// Takes this mark if it stands next.
    fn eat(&mut self, mark: &str) -> bool {
        let found = self.rest().starts_with(mark);
        self.at += if found { mark.len() } else { 0 };
        found
    }

    /// The letters of this kind that stand next.
    fn peek_while(&mut self, is_letter: fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
        rest.get(..length).unwrap_or_default()
    }

    /// Takes this keyword if it stands next as a whole word.
    fn eat_word(&mut self, keyword: &str) -> bool {
        let found = self.peek_while(is_name_letter).eq_ignore_ascii_case(keyword);
        self.at += if found { keyword.len() } else { 0 };
        found
    }

    fn any_of(&mut self) -> Result<Expr, CeqlError> {
        let first = self.all_of()?;
        let mut rest = Vec::new();
        while self.eat_word("OR") {
            rest.push(self.all_of()?);
        }
        Ok(joined(first, rest, Expr::Or))
    }

    fn all_of(&mut self) -> Result<Expr, CeqlError> {
        let first = self.single()?;
        let mut rest = Vec::new();
        while self.eat_word("AND") {
            rest.push(self.single()?);
        }
        Ok(joined(first, rest, Expr::And))
    }

    /// A condition, a negation, or an expression in parentheses.
    fn single(&mut self) -> Result<Expr, CeqlError> {
        self.rest();
        let start = self.at;
        let negated = self.eat_word("NOT");
        if !negated && !self.eat("(") {
            return self.condition();
        }
        if self.depth == CEQL_DEPTH_MAX {
            return Err(CeqlError::TooDeep { position: start });
        }
        self.depth += 1;
        let expr = if negated { Expr::Not(Box::new(self.single()?)) } else { self.any_of()? };
        self.depth -= 1;
        if negated || self.eat(")") { Ok(expr) } else { Err(self.expected("AND, OR or `)`")) }
    }

    fn condition(&mut self) -> Result<Expr, CeqlError> {
        let field = self.field()?;
        if let Some(op) = self.op() {
            return Ok(Expr::Compare { field, op, value: self.value()? });
        }
        if self.eat_word("IS") {
            let negated = self.eat_word("NOT");
            let is_null = self.eat_word("NULL");
            return if is_null { Ok(Expr::IsNull { field, negated }) } else { Err(self.expected("NULL")) };
        }
        let negated = self.eat_word("NOT");
        let test = if self.eat_word("LIKE") {
            Expr::Like { field, pattern: self.pattern()? }
        } else if self.eat_word("IN") {
            Expr::In { field, values: self.list()? }
        } else {
            return Err(self.expected(if negated { "IN or LIKE" } else { "an operator" }));
        };
        Ok(if negated { Expr::Not(Box::new(test)) } else { test })
    }

    fn field(&mut self) -> Result<String, CeqlError> {
        self.rest();
        let start = self.at;
        if let Some(name) = self.quoted('`')? {
            let named = CeqlError::Expected {
                position: start,
                expected: "a field name between the backticks",
                found: "nothing".to_owned(),
            };
            return if name.is_empty() { Err(named) } else { Ok(name) };
        }
        let name = self.peek_while(is_name_letter);
        if !is_plain_name(name) {
            return Err(self.expected("a field name"));
        }
        self.at += name.len();
        Ok(name.to_owned())
    }

    fn op(&mut self) -> Option<Op> {
        // Longer signs before their beginnings.
        let signs = [
            ("!=", Op::Ne),
            ("<>", Op::Ne),
            ("<=", Op::Le),
            (">=", Op::Ge),
            ("=", Op::Eq),
            ("<", Op::Lt),
            (">", Op::Gt),
        ];
        signs.into_iter().find(|(sign, _)| self.eat(sign)).map(|(_, op)| op)
    }

    fn value(&mut self) -> Result<Value, CeqlError> {
        if let Some(text) = self.quoted('\'')? {
            return Ok(Value::Text(text));
        }
        let token = self.peek_while(is_bare_letter);
        if token.is_empty() || is_reserved(token) {
            return Err(self.expected("a value (text in single quotes)"));
        }
        self.at += token.len();
        Ok(match token.to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            _ if is_number(token) => Value::Number(token.to_owned()),
            _ => Value::Bare(token.to_owned()),
        })
    }

    fn pattern(&mut self) -> Result<String, CeqlError> {
        self.value().map(|value| match value {
            Value::Text(text) | Value::Number(text) | Value::Bare(text) => text,
            other => other.to_string(),
        })
    }

    fn list(&mut self) -> Result<Vec<Value>, CeqlError> {
        if !self.eat("(") {
            return Err(self.expected("`(`"));
        }
        let mut values = vec![self.value()?];
        while self.eat(",") {
            values.push(self.value()?);
        }
        if self.eat(")") { Ok(values) } else { Err(self.expected("`,` or `)`")) }
    }

    /// Takes text between two of these marks, if one stands next; a doubled mark inside is the mark itself.
    fn quoted(&mut self, mark: char) -> Result<Option<String>, CeqlError> {
        let Some(inner) = self.rest().strip_prefix(mark) else { return Ok(None) };
        let mut text = String::new();
        let mut letters = inner.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            if letter == mark && letters.next_if(|&(_, next)| next == mark).is_none() {
                self.at += at + 2 * mark.len_utf8();
                return Ok(Some(text));
            }
            text.push(letter);
        }
        Err(CeqlError::Unclosed { position: self.at, mark })
    }
}

fn joined(first: Expr, rest: Vec<Expr>, join: fn(Vec<Expr>) -> Expr) -> Expr {
    if rest.is_empty() {
        return first;
    }
    join(std::iter::once(first).chain(rest).collect())
}

/// Whether the token is a decimal number: sign, digits, fraction, exponent.
pub(super) fn is_number(token: &str) -> bool {
    let unsigned = token.strip_prefix('-').unwrap_or(token);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    [whole, fraction, exponent]
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}
