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
mod document;
mod health;
mod mailbox;
mod organization;
mod outside;
mod platform;
pub mod scenarios;
mod sign_in;
mod signature;
mod wait;

pub use callback::{Callback, ReceivedEvent};
pub use client::{Client, Instance, Reply, body, with};
pub use document::{Document, Operation};
pub use health::{HealthAddress, HealthEvent};
pub use mailbox::Mailbox;
pub use organization::Organization;
pub use outside::Outside;
pub use platform::{PUBLIC_URL, Platform, RETRY_DELAYS, RETRY_DELAYS_S};
pub use wait::{PATIENCE, until};

/// One test for each scenario.
#[macro_export]
macro_rules! suite {
    ($platform:path) => {
        $crate::each! { $platform,
            polling: [
                changes_arrive_by_themselves_signed_and_once,
                what_is_deleted_for_good_is_told_once,
                a_start_that_came_twice_reports_nothing_twice,
                a_limited_mailbox_holds_up_no_other,
            ],
            push: [
                a_notice_brings_a_change_and_a_forged_one_nothing,
                a_signed_notice_brings_a_change,
            ],
            delivery: [
                a_failing_callback_is_retried_suspended_and_released,
                a_dead_callback_holds_up_no_other,
                by_the_policy_queue_one_failure_holds_back_everything,
                a_disabled_instance_goes_on_where_it_was,
                a_callback_carries_its_owners_name_and_headers,
                a_test_event_arrives_signed_and_marked,
                two_keys_sign_while_one_takes_the_others_place,
            ],
            instances: [
                a_bad_request_is_answered_in_the_dialect,
                a_deleted_instance_leaves_nothing,
            ],
            configuration: [
                an_instance_is_changed_in_each_of_three_ways,
                a_configuration_is_tried_before_it_is_stored,
                a_changed_callback_and_new_resources_count_at_once,
                instances_are_listed_searched_and_counted,
                a_stopped_instance_is_shown_and_goes_on,
            ],
            resources: [
                what_has_dates_is_told_by_its_dates,
                what_has_no_dates_is_told_by_comparing,
                folders_and_calendars_are_told_by_comparing,
                the_older_list_of_urls_is_polled_too,
                each_resource_has_a_state_of_its_own,
            ],
            hubs: [
                a_gmail_mailbox_is_read_as_its_owner_sees_it,
                an_outlook_mailbox_is_read_as_its_owner_sees_it,
                contents_come_as_they_are,
                a_long_message_comes_whole,
                fields_without_a_value_are_left_out_unless_they_are_wanted,
                what_a_provider_can_not_do_is_refused_by_name,
            ],
            backfill: [
                a_window_is_read_again_and_what_the_log_has_is_not_told_twice,
                a_window_that_can_not_be_read_again_is_refused,
            ],
            bulk: [
                an_action_on_many_is_counted_and_comes_to_its_end,
            ],
            log: [
                the_log_is_listed_by_what_is_asked_for,
                the_log_is_counted_by_interval_instance_and_account,
                each_notification_leads_to_its_delivery,
                an_event_is_delivered_again_when_it_is_asked_for,
                what_was_not_sent_is_explained,
            ],
            elements: [
                a_connector_tells_what_it_does_and_wants_to_be_told,
                a_user_signs_in_where_the_interface_says,
            ],
            accounts: [
                organizations_see_nothing_of_each_other,
                an_application_is_stored_once_and_named,
                the_administrators_key_alone_makes_organizations,
                a_user_sees_what_is_theirs_until_they_are_removed,
                a_replaced_secret_is_worth_nothing,
                a_session_stands_for_the_secrets_until_it_ends,
                every_change_is_recorded_without_secrets,
            ],
            health: [
                a_mailbox_that_breaks_is_told_of_and_so_is_who_mends_it,
            ],
            sign_in_links: [
                an_owner_signs_in_again_by_a_link,
                a_mailbox_is_connected_by_a_link,
            ],
            description: [
                every_reading_call_answers_as_it_is_described,
                callbacks_that_point_here_are_taken,
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
