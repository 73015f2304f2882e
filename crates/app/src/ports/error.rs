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

impl PortError {
    /// Wraps an adapter's error.
    pub fn new(context: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        PortError { context, source: source.into() }
    }
}

/// What ports return.
pub type Result<T> = std::result::Result<T, PortError>;
