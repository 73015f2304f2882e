//! The operating system's randomness.

use app::ports::Entropy;
use ring::rand::{SecureRandom as _, SystemRandom};

/// Randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    /// If the operating system gives no randomness: nothing may go on with a token that can be guessed.
    fn fill(&self, bytes: &mut [u8]) {
        if SystemRandom::new().fill(bytes).is_err() {
            panic!("the operating system gives no randomness");
        }
    }
}
