//! What a connector may keep from one step of a run to the next.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

/// A place for one value, for as long as a run reads one resource. Nothing may depend on finding it again: a run ends
/// at any point, and the next one has only the cursor.
#[derive(Default)]
pub struct Scratch(Mutex<Option<Box<dyn Any + Send>>>);

impl Scratch {
    /// Keeps a value, replacing the last one.
    pub fn keep<T: Any + Send>(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(value));
    }

    /// Takes what was kept, if it is of this kind.
    pub fn take<T: Any + Send>(&self) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        kept.downcast().ok().map(|value| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_taken_once() {
        let scratch = Scratch::default();
        scratch.keep(7_u8);
        scratch.keep("nine");
        assert_eq!((scratch.take::<&str>(), scratch.take::<&str>()), (Some("nine"), None));
        scratch.keep(7_u8);
        assert_eq!(scratch.take::<&str>(), None, "of another kind");
    }
}
