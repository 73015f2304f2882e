//! Scenarios over the whole of Carillon, in one test binary.

mod tidy;
mod world;

mod lifecycle;
mod simulation;
