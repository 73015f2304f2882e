//! OData's `$filter`, as far as lists of a mailbox know it.

use super::kind::Type;
use super::property::Property;
use super::row::Row;
use super::scalar::{PropertyKind, Scalar};
use super::token::{Token, tokens};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare(Property, Comparison, Scalar),
    Contains(Property, String),
    StartsWith(Property, String),
    /// An element of a collection, or this part of one, equals the text.
    Any(String, &'static str, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

/// What is wrong with a filter, or an order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    Syntax(String),
    Property(String),
    Type(String),
}

/// Deeper than a person would write.
const DEPTH_MAX: usize = 32;

impl Filter {
    pub(super) fn parse(kind: Type, text: &str) -> Result<Self, Mistake> {
        let mut parser = Parser { kind, tokens: tokens(text).map_err(Mistake::Syntax)?, next: 0 };
        let filter = parser.any_of(DEPTH_MAX)?;
        match parser.take() {
            None => Ok(filter),
            Some(token) => Err(Mistake::Syntax(token.to_string())),
        }
    }

    pub(super) fn matches(&self, row: &Row<'_>) -> bool {
        match self {
            Self::And(left, right) => left.matches(row) && right.matches(row),
            Self::Or(left, right) => left.matches(row) || right.matches(row),
            Self::Not(inner) => !inner.matches(row),
            Self::Compare(property, comparison, literal) => comparison.holds(&property.of(row), literal),
            Self::Contains(property, part) => has(property.of(row), |text| text.contains(part)),
            Self::Any(collection, part, text) => row.elements(collection, part).contains(text),
            Self::StartsWith(property, start) => has(property.of(row), |text| text.starts_with(start)),
        }
    }

    /// The properties in the order they first appear.
    pub(super) fn properties(&self) -> Vec<Property> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect(&self, found: &mut Vec<Property>) {
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                left.collect(found);
                right.collect(found);
            }
            Self::Not(inner) => inner.collect(found),
            Self::Any(..) => {}
            Self::Compare(property, ..) | Self::Contains(property, _) | Self::StartsWith(property, _) => {
                if !found.contains(property) {
                    found.push(*property);
                }
            }
        }
    }
}

fn has(value: Scalar, test: impl FnOnce(&str) -> bool) -> bool {
    matches!(value, Scalar::Text(text) if test(&text))
}

impl Comparison {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            "lt" => Self::Lt,
            "le" => Self::Le,
            _ => return None,
        })
    }

    fn holds(self, value: &Scalar, literal: &Scalar) -> bool {
        let null = *value == Scalar::Null || *literal == Scalar::Null;
        match self {
            Self::Eq => value == literal,
            Self::Ne => value != literal,
            // Nothing is before or after what is not there.
            _ if null => false,
            Self::Gt => value > literal,
            Self::Ge => value >= literal,
            Self::Lt => value < literal,
            Self::Le => value <= literal,
        }
    }
}

struct Parser {
    kind: Type,
    tokens: Vec<Token>,
    next: usize,
}

impl Parser {
    fn any_of(&mut self, depth_left: usize) -> Result<Filter, Mistake> {
        let mut left = self.all_of(depth_left)?;
        while self.eat_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.all_of(depth_left)?));
        }
        Ok(left)
    }

    fn all_of(&mut self, depth_left: usize) -> Result<Filter, Mistake> {
        let mut left = self.single(depth_left)?;
        while self.eat_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.single(depth_left)?));
        }
        Ok(left)
    }

    fn single(&mut self, depth_left: usize) -> Result<Filter, Mistake> {
        let Some(depth_left) = depth_left.checked_sub(1) else {
            return Err(Mistake::Syntax("too deep".to_owned()));
        };
        if self.eat_word("not") {
            return Ok(Filter::Not(Box::new(self.single(depth_left)?)));
        }
        if self.eat(&Token::Open) {
            let inner = self.any_of(depth_left)?;
            self.expect(&Token::Close)?;
            return Ok(inner);
        }
        match self.word()?.as_str() {
            "contains" => self.call(Filter::Contains),
            "startswith" => self.call(Filter::StartsWith),
            path => match path.strip_suffix("/any") {
                Some(collection) => self.any_element(collection),
                None => self.comparison(path),
            },
        }
    }

    fn call(&mut self, make: fn(Property, String) -> Filter) -> Result<Filter, Mistake> {
        self.expect(&Token::Open)?;
        let path = self.word()?;
        let property = property(self.kind, &path)?;
        self.expect(&Token::Comma)?;
        let (Some(Token::Text(text)), PropertyKind::Text) = (self.take(), property.kind()) else {
            return Err(Mistake::Type(path));
        };
        self.expect(&Token::Close)?;
        Ok(make(property, text.to_lowercase()))
    }

    /// `(x:x/address eq 'text')`, with any name for x.
    fn any_element(&mut self, collection: &str) -> Result<Filter, Mistake> {
        let Some(part) = self.kind.any(collection) else {
            return Err(Mistake::Property(collection.to_owned()));
        };
        self.expect(&Token::Open)?;
        let word = self.word()?;
        let lambda = word.split_once(':').filter(|(name, path)| {
            let rest = path.strip_prefix(name).map(|rest| rest.strip_prefix('/').unwrap_or(rest));
            rest == Some(part)
        });
        if lambda.is_none() {
            return Err(Mistake::Syntax(word));
        }
        let operator = self.word()?;
        let (Some(Token::Text(text)), "eq") = (self.take(), operator.as_str()) else {
            return Err(Mistake::Syntax(operator));
        };
        self.expect(&Token::Close)?;
        Ok(Filter::Any(collection.to_owned(), part, text.to_lowercase()))
    }

    fn comparison(&mut self, path: &str) -> Result<Filter, Mistake> {
        let property = property(self.kind, path)?;
        let operator = self.word()?;
        let comparison = Comparison::parse(&operator).ok_or(Mistake::Syntax(operator))?;
        let literal = match self.take() {
            Some(Token::Text(text)) => Scalar::text(&text),
            Some(Token::Word(word)) => literal(&word)?,
            other => return Err(Mistake::Syntax(other.map(|token| token.to_string()).unwrap_or_default())),
        };
        if !literal.fits(property.kind()) {
            return Err(Mistake::Type(path.to_owned()));
        }
        Ok(Filter::Compare(property, comparison, literal))
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn eat(&mut self, token: &Token) -> bool {
        let found = self.tokens.get(self.next) == Some(token);
        self.next += usize::from(found);
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        self.eat(&Token::Word(word.to_owned()))
    }

    fn expect(&mut self, token: &Token) -> Result<(), Mistake> {
        if self.eat(token) { Ok(()) } else { Err(Mistake::Syntax(format!("{token} expected"))) }
    }

    fn word(&mut self) -> Result<String, Mistake> {
        match self.take() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(Mistake::Syntax(other.map(|token| token.to_string()).unwrap_or_default())),
        }
    }
}

pub(super) fn property(kind: Type, path: &str) -> Result<Property, Mistake> {
    Property::parse(kind, path).ok_or_else(|| Mistake::Property(path.to_owned()))
}

fn literal(word: &str) -> Result<Scalar, Mistake> {
    match word {
        "null" => Ok(Scalar::Null),
        "true" => Ok(Scalar::Flag(true)),
        "false" => Ok(Scalar::Flag(false)),
        _ => {
            let number = word.parse().ok().map(Scalar::Number);
            let literal = number.or_else(|| crate::clock::parse_iso(word).map(Scalar::Time));
            literal.ok_or_else(|| Mistake::Syntax(word.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests;
