//! Use cases of Carillon: the HTTP interface, polling, delivery, and the ports they need.

pub mod ports;
