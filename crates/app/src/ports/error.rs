//! Why a port failed.

use std::fmt;

/// An adapter failed. The step had no effect, or an effect that doing it again does not repeat.
///
/// Its text has the causes, too: a line of the log shows the text alone.
#[derive(Debug)]
pub struct PortError {
    /// What was attempted, without data.
    pub context: &'static str,
    /// What it failed of, without data.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.context)?;
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self.source.as_ref());
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for PortError {}

/// A stored row that this program can't read: it is damaged, or another version's. Its text has nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{of} {key} can't be read: {why}")]
pub struct UnreadableRow {
    /// The table, or what else it is a row of.
    pub of: &'static str,
    /// What finds it there.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}

/// What is to be kept can't be: the disk is full, or can't be written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct NotKept(Box<dyn std::error::Error + Send + Sync>);

impl PortError {
    /// Wraps an adapter's error.
    pub fn new(context: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        PortError { context, source: source.into() }
    }

    /// The port did not fail: one row can't be read, others may be.
    pub fn unreadable(context: &'static str, row: UnreadableRow) -> Self {
        PortError::new(context, row)
    }

    /// The port takes nothing more for now, whatever it is.
    pub fn not_kept(
        context: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        PortError::new(context, NotKept(source.into()))
    }

    /// Whether that is why it failed.
    pub fn is_not_kept(&self) -> bool {
        self.source.is::<NotKept>()
    }

    /// The row, where that is what failed.
    pub fn unreadable_row(&self) -> Option<&UnreadableRow> {
        self.source.downcast_ref()
    }
}

/// What ports return.
pub type Result<T> = std::result::Result<T, PortError>;
