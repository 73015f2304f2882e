//! Values that lists are filtered and ordered by.

/// The type of a property, which a literal has to agree with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PropertyKind {
    Text,
    Time,
    Flag,
    Number,
}

/// The value of a property, or a literal of a filter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scalar {
    Null,
    Flag(bool),
    /// Microseconds, finer than what JSON shows.
    Time(i64),
    Number(i64),
    /// In lower case: the store compares without regard to case.
    Text(String),
}

impl Scalar {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_lowercase())
    }

    pub(super) fn fits(&self, kind: PropertyKind) -> bool {
        match self {
            Self::Null => true,
            Self::Flag(_) => kind == PropertyKind::Flag,
            Self::Time(_) => kind == PropertyKind::Time,
            Self::Number(_) => kind == PropertyKind::Number,
            Self::Text(_) => kind == PropertyKind::Text,
        }
    }
}
