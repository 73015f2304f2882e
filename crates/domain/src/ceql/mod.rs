//! CEQL, the language of the `where` parameter: `LastModified >= '2020-01-01' AND status IN ('open', 'new')`.

mod matches;
mod parse;

use std::fmt;

pub use matches::Truth;
pub use parse::{CEQL_BYTES_MAX, CEQL_DEPTH_MAX, CeqlError, parse};

/// A condition on a record.
///
/// What [`parse`] returns has at least two members in each `And` and `Or`, and is at most [`CEQL_DEPTH_MAX`] deep.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// All of them hold.
    And(Vec<Expr>),
    /// At least one of them holds.
    Or(Vec<Expr>),
    /// It does not hold; `NOT IN` and `NOT LIKE` are written so too.
    Not(Box<Expr>),
    /// The field compares to the value.
    Compare {
        /// Name or path of the field.
        field: String,
        /// How it compares.
        op: Op,
        /// What it is compared to.
        value: Value,
    },
    /// The field's text has the pattern's form.
    Like {
        /// Name or path of the field.
        field: String,
        /// Text in which `%` stands for any text, also none; nothing else is special.
        pattern: String,
    },
    /// The field equals one of the values.
    In {
        /// Name or path of the field.
        field: String,
        /// At least one value.
        values: Vec<Value>,
    },
    /// The field is missing or null, or if `negated`, neither of them.
    IsNull {
        /// Name or path of the field.
        field: String,
        /// Whether it says `IS NOT NULL`.
        negated: bool,
    },
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `=`
    Eq,
    /// `!=` or `<>`
    Ne,
    /// `<`
    Lt,
    /// `>`
    Gt,
    /// `<=`
    Le,
    /// `>=`
    Ge,
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text in single quotes; here without them.
    Text(String),
    /// A decimal number, its digits kept exactly: `-12`, `0.50`, `1e9`.
    Number(String),
    /// `true` or `false`.
    Bool(bool),
    /// `null`
    Null,
    /// Any other token without quotes, such as `2017-02-28T16:11:29-06:00`.
    Bare(String),
}

impl Expr {
    /// The conditions that must all hold: the members of an `And`, also of those nested directly in it; anything
    /// else alone.
    pub fn conjuncts(self) -> Vec<Expr> {
        match self {
            Self::And(members) => members.into_iter().flat_map(Expr::conjuncts).collect(),
            other => vec![other],
        }
    }

    /// The fields it speaks of, each once, in the order of their first appearance.
    pub fn fields(&self) -> Vec<&str> {
        let mut fields = Vec::new();
        self.collect_fields(&mut fields);
        fields
    }

    fn collect_fields<'a>(&'a self, fields: &mut Vec<&'a str>) {
        match self {
            Self::And(members) | Self::Or(members) => members.iter().for_each(|m| m.collect_fields(fields)),
            Self::Not(inner) => inner.collect_fields(fields),
            Self::Compare { field, .. }
            | Self::Like { field, .. }
            | Self::In { field, .. }
            | Self::IsNull { field, .. } => {
                if !fields.contains(&field.as_str()) {
                    fields.push(field);
                }
            }
        }
    }

    /// Prints a member of an `AND` or what follows a `NOT`: with parentheses where it binds less tightly.
    fn fmt_tight(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(_) | Self::Or(_) => write!(out, "({self})"),
            _ => write!(out, "{self}"),
        }
    }
}

/// Prints canonical CEQL: what [`parse`] has read and this prints, `parse` reads as the same expression.
impl fmt::Display for Expr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(members) => separated(out, members, " AND ", Expr::fmt_tight),
            Self::Or(members) => separated(out, members, " OR ", |member, out| match member {
                Self::Or(_) => write!(out, "({member})"),
                _ => write!(out, "{member}"),
            }),
            Self::Not(inner) => match inner.as_ref() {
                Self::In { field, values } => in_list(out, field, "NOT IN", values),
                Self::Like { field, pattern } => write!(out, "{} NOT LIKE {}", Name(field), Quoted(pattern)),
                inner => {
                    out.write_str("NOT ")?;
                    inner.fmt_tight(out)
                }
            },
            Self::Compare { field, op, value } => write!(out, "{} {op} {value}", Name(field)),
            Self::Like { field, pattern } => write!(out, "{} LIKE {}", Name(field), Quoted(pattern)),
            Self::In { field, values } => in_list(out, field, "IN", values),
            Self::IsNull { field, negated: false } => write!(out, "{} IS NULL", Name(field)),
            Self::IsNull { field, negated: true } => write!(out, "{} IS NOT NULL", Name(field)),
        }
    }
}

/// Prints the operator's sign.
impl fmt::Display for Op {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Gt => ">",
            Self::Le => "<=",
            Self::Ge => ">=",
        })
    }
}

/// Prints the value as written in a `where`: text in quotes.
impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(out, "{}", Quoted(text)),
            Self::Number(digits) => out.write_str(digits),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Null => out.write_str("null"),
            Self::Bare(token) => out.write_str(token),
        }
    }
}

/// Text in single quotes.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "'{}'", self.0.replace('\'', "''"))
    }
}

/// A field's name, in backticks where it needs them.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if parse::is_plain_name(self.0) {
            return out.write_str(self.0);
        }
        write!(out, "`{}`", self.0.replace('`', "``"))
    }
}

fn in_list(out: &mut fmt::Formatter<'_>, field: &str, word: &str, values: &[Value]) -> fmt::Result {
    write!(out, "{} {word} (", Name(field))?;
    separated(out, values, ", ", fmt::Display::fmt)?;
    out.write_str(")")
}

fn separated<T>(
    out: &mut fmt::Formatter<'_>,
    items: &[T],
    between: &str,
    print: impl Fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.write_str(between)?;
        }
        print(item, out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
