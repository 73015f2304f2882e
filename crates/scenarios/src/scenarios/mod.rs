//! The scenarios, by what they are about.

pub mod delivery;
pub mod instances;
pub mod polling;
