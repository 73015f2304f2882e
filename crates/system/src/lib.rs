//! The ports that are the same wherever the use cases run: the way out by HTTP, the clock, randomness.

mod clock;
mod direct;
mod egress;
mod entropy;

pub use clock::SystemClock;
pub use direct::{NoRootCertificates, direct_client};
pub use egress::{CallbackAddresses, Egress};
pub use entropy::SystemEntropy;
