//! What a running Carillon must do, wherever it runs.
//!
//! A scenario sees what an application sees: the HTTP interface, the mailboxes of the provider doubles, and what
//! arrives at a callback. It knows nothing of processes, tables and queues; the little that it needs of them is
//! [`Platform`]. Time is real, so every wait is for something that happens, and has a limit.
//!
//! A crate that can start Carillon runs them all with one line:
//!
//! ```text
//! scenarios::suite!(crate::platform);
//! ```
//!
//! `platform` is an async function that returns a [`Platform`]. Each scenario has mailboxes and a callback of its
//! own, so that they may share one platform and run side by side.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Everything here is part of a test.

mod callback;
mod client;
mod mailbox;
mod outside;
mod platform;
pub mod scenarios;
mod wait;

pub use callback::{Callback, Told};
pub use client::{Client, Instance, Reply, body};
pub use mailbox::Mailbox;
pub use outside::Outside;
pub use platform::{Platform, RETRY_DELAYS, RETRY_DELAYS_S};
pub use wait::{PATIENCE, until};

/// One test for each scenario.
#[macro_export]
macro_rules! suite {
    ($platform:path) => {
        $crate::each! { $platform,
            polling: [
                changes_arrive_by_themselves_signed_and_once,
                a_start_that_came_twice_reports_nothing_twice,
                a_limited_mailbox_holds_up_no_other,
            ],
            delivery: [
                a_failing_callback_is_retried_suspended_and_released,
                a_dead_callback_holds_up_no_other,
            ],
            instances: [
                a_bad_request_is_answered_in_the_dialect,
                a_deleted_instance_leaves_nothing,
            ],
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! each {
    ($platform:path, $($module:ident: [$($scenario:ident),* $(,)?]),* $(,)?) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let platform = $platform().await;
                $crate::scenarios::$module::$scenario(&platform).await;
            })*
        })*
    };
}
