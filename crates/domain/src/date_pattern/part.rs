//! What a pattern is made of, and the names in dates.

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PatternPart {
    Literal(String),
    /// A field and how many letters it was written with.
    Field(Field, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Year,
    Month,
    Day,
    Hour24,
    Hour12,
    Minute,
    Second,
    Fraction,
    Weekday,
    HalfDay,
    IsoOffset,
    Offset,
    ZoneName,
}

impl PatternPart {
    /// Whether it is read as digits alone.
    pub(super) fn is_number(&self) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Field(Field::Month, count) => *count < 3,
            Self::Field(field, _) => matches!(
                field,
                Field::Year
                    | Field::Day
                    | Field::Hour24
                    | Field::Hour12
                    | Field::Minute
                    | Field::Second
                    | Field::Fraction
            ),
        }
    }
}
