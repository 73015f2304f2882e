//! Rows that this program can't read: damaged ones, or another version's. In a list each is told once and hides no other.

use app::ports::{PortError, Rows, UnreadableRow};
use app::unreadable::tell;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Error, ErrorCode, Params, Result, Row, Statement, ffi};
use std::fmt::Display;

/// What input and output errors say that are of writes.
const WRITING: [i32; 4] =
    [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_TRUNCATE, ffi::SQLITE_IOERR_SHMSIZE];

/// The first rows that can be read, at most `limit`: the statement has no limit of its own. `of` is their table, and `key`
/// the column that finds one there.
pub(crate) fn readable<T>(
    (statement, parameters): (&mut Statement<'_>, impl Params),
    limit: usize,
    (of, key): (&'static str, usize),
    read: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Rows<T>> {
    let mut rows = statement.query(parameters)?;
    let mut found = Rows::default();
    while found.rows.len() < limit
        && let Some(row) = rows.next()?
    {
        found.add(or_told(read(row).of_row(of, text(row.get_ref(key)?)))?);
    }
    Ok(found)
}

/// What was read of one row among many; nothing where it can't be read.
pub(crate) fn or_told<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Ok(one) => Ok(Some(one)),
        Err(error) => {
            tell(&unreadable(error)?);
            Ok(None)
        }
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => String::new(),
    }
}

/// Names the row that was read.
pub(crate) trait OfRow {
    /// If it can't be read, the error says which it is, unless it does.
    fn of_row(self, of: &'static str, key: impl Display) -> Self;
}

impl<T> OfRow for Result<T> {
    fn of_row(self, of: &'static str, key: impl Display) -> Self {
        self.map_err(|error| match unreadable(error) {
            Ok(row) if row.of.is_empty() => named(UnreadableRow { of, key: key.to_string(), ..row }),
            Ok(row) => named(row),
            Err(error) => error,
        })
    }
}

fn named(row: UnreadableRow) -> Error {
    Error::FromSqlConversionFailure(0, Type::Null, Box::new(row))
}

/// The row that an error is of, without a name if it has none; else the error.
fn unreadable(error: Error) -> Result<UnreadableRow> {
    let why = match error {
        Error::FromSqlConversionFailure(_, _, source) => match source.downcast() {
            Ok(row) => return Ok(*row),
            Err(source) => source.to_string(),
        },
        Error::IntegralValueOutOfRange(column, _) => format!("column {column} is out of range"),
        Error::InvalidColumnType(_, name, kind) => format!("`{name}` is of the type {kind}"),
        Error::Utf8Error(column, _) => format!("column {column} is not UTF-8"),
        error => return Err(error),
    };
    Ok(UnreadableRow { of: "", key: String::new(), why })
}

/// What failed, as ports tell it.
pub(super) fn failed(context: &'static str, error: Error) -> PortError {
    match unreadable(error) {
        Ok(row) if row.of.is_empty() => PortError::unreadable(context, UnreadableRow { of: context, ..row }),
        Ok(row) => PortError::unreadable(context, row),
        Err(error) if is_not_kept(&error) => PortError::not_kept(context, error),
        Err(error) => PortError::new(context, error),
    }
}

/// Whether the disk is full, or takes no writes.
fn is_not_kept(error: &Error) -> bool {
    error.sqlite_error().is_some_and(|error| match error.code {
        ErrorCode::DiskFull | ErrorCode::ReadOnly => true,
        ErrorCode::SystemIoFailure => WRITING.contains(&error.extended_code),
        _ => false,
    })
}
