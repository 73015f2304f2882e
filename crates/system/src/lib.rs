//! The ports that are the same wherever the use cases run: the way out by HTTP, the clock, randomness.

mod clock;
mod egress;
mod entropy;

pub use clock::SystemClock;
pub use egress::{CallbackAddresses, Egress};
pub use entropy::SystemEntropy;
