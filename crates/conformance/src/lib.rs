//! What every adapter of a port must do: one suite per port.
//!
//! A suite is a list of cases, each an async function that takes the port and explicit times. A crate with an
//! adapter runs them all with one line for each way of making it:
//!
//! ```text
//! mod in_memory {
//!     conformance::store_suite!(crate::fixture_in_memory);
//! }
//! ```
//!
//! The fixture is an async function, named by its full path, that returns something fresh with a method
//! `port()`. Each case works on instances of its own, so cases may share a table.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Everything here is part of a test.

pub mod accounts;
pub mod mailbox;
pub mod queue;
pub mod sample;
pub mod store;
pub mod vault;
pub mod wait;

/// One test for each case of a suite.
#[doc(hidden)]
#[macro_export]
macro_rules! suite {
    ($fixture:path, $port:ident, $($module:ident: [$($case:ident),* $(,)?]),* $(,)?) => {
        $(mod $module {
            $(#[tokio::test]
            async fn $case() {
                let fixture = $fixture().await;
                $crate::$port::$module::$case(fixture.port()).await;
            })*
        })*
    };
}

/// Tests of a `Store`; `port()` of the fixture returns `&dyn Store`.
#[macro_export]
macro_rules! store_suite {
    ($fixture:path) => {
        $crate::suite! { $fixture, store,
            instances: [
                what_is_stored_is_read_back,
                an_id_is_taken_once,
                a_list_is_of_one_organization_and_paged,
                a_fleet_says_what_the_mailboxes_do,
                an_address_finds_its_own_instances_alone,
                a_change_is_conditional_on_the_version,
                a_change_is_settled_by_its_version,
                a_change_is_all_or_nothing,
                a_replaced_state_keeps_its_outbox,
                a_removed_resource_goes_with_its_last_sequence,
                a_change_suspends_and_releases,
            ],
            deletion: [
                a_deleted_instance_takes_nothing,
                a_purge_is_bounded_and_counts_what_was_undelivered,
                a_purge_leaves_living_instances_alone,
            ],
            session: [
                a_lease_is_taken_once,
                a_race_for_the_lease_has_one_winner,
                an_expired_lease_is_taken_over,
                who_stores_something_else_leaves_the_lease,
                who_signs_in_anew_leaves_the_lease,
                a_session_is_stored_on_the_version_it_follows,
            ],
            poller: [
                a_mailbox_has_one_poller,
                a_race_for_a_mailbox_has_one_winner,
                a_dead_poller_is_followed_and_has_no_say,
                what_was_read_before_a_lease_was_given_back_is_old,
                another_look_is_asked_of_the_holder,
                nobody_polls_what_is_deleted,
                what_else_is_written_leaves_the_lease_alone,
            ],
            polls: [
                a_commit_stores_notifications_and_state,
                the_loser_of_two_overlapping_polls_writes_nothing,
                a_commit_needs_its_resource,
                a_sequence_is_taken_once,
                ten_thousand_records_wait_in_a_state,
                an_annex_goes_with_its_commit,
                events_are_logged,
            ],
            outbox: [
                holds_what_is_to_be_delivered,
                is_cleared_exactly_while_more_is_added,
                clearing_again_is_harmless,
                forgets_with_a_commit_what_was_told,
                says_what_was_delivered,
            ],
            attempts: [
                a_claim_gives_everything_a_post_needs,
                a_claimed_attempt_is_busy,
                a_claim_that_is_given_back_is_free_at_once,
                a_race_for_an_attempt_has_one_winner,
                an_expired_claim_is_taken_over_and_the_first_outcome_counts,
                a_decided_attempt_tells_the_next,
                what_is_delivered_is_decided,
                an_attempt_that_was_never_due_is_not_claimed,
                what_is_only_logged_is_never_delivered,
                what_is_not_there_is_gone,
                a_disabled_instance_queues,
                the_last_failure_suspends_and_all_else_queues,
                a_second_failure_leaves_the_first_reason,
            ],
            committed_claims: [
                are_there_at_once,
                are_attempted_by_who_committed_them,
                are_queued_where_the_callback_takes_nothing,
                are_claimed_once,
                keep_a_release_from_ending,
            ],
            reopening: [
                a_delivered_notification_begins_a_new_round,
                a_pending_notification_is_due_at_once,
                what_can_not_be_delivered_is_not_reopened,
            ],
            release: [
                begins_once_until_its_lease_runs_out,
                begins_only_where_something_is_held_back,
                counts_a_new_round,
                goes_in_commit_order_and_new_ones_queue_behind,
                jobs_and_earlier_releases_only_queue,
                ends_only_when_nothing_is_pending,
                a_failure_suspends_again,
                an_earlier_release_does_not_hand_back,
                a_release_is_handed_back,
            ],
            log: [
                is_paged_newest_first,
                shows_what_is_queued_as_a_release_would_take_it,
                finds_one_by_its_event_id,
                is_of_one_instance,
            ],
            push: [
                a_state_is_stored_on_the_version_it_follows,
                a_race_for_a_state_has_one_winner,
                a_state_that_was_made_anew_is_another,
                a_state_is_removed_as_it_was_read,
                hints_are_beside_the_state,
                a_race_of_hints_has_one_winner,
            ],
            applications: [
                a_name_is_taken_once,
                are_paged_by_name,
                a_change_is_conditional_on_the_version,
                instances_are_counted_where_they_name_it,
                what_is_not_there_is_not_named,
                what_is_named_is_not_removed,
                a_removal_races_with_who_names_it,
            ],
            bulks: [
                a_bulk_is_read_back_with_its_instances,
                are_listed_newest_first,
                a_change_follows_the_version_that_was_read,
                an_end_comes_once,
                so_many_run_at_once,
            ],
            sign_in_links: [
                a_link_is_read_back,
                tries_are_counted_and_end,
                a_creation_spends_its_link,
                a_change_spends_its_link,
                a_purge_takes_the_links,
            ],
            health_events: [
                an_id_is_taken_once,
                a_letter_follows_the_version_that_was_read,
                are_listed_in_their_order,
            ],
            organization_log: [
                is_paged_newest_first,
                begins_where_it_is_told,
                tells_how_far_each_notification_is,
                shows_nothing_of_a_deleted_instance,
                finds_one_of_any_instance_by_its_event_id,
                finds_one_of_any_instance_by_its_number,
                never_calls_one_missing_that_has_a_number_of_its_own,
                finds_one_by_its_place,
            ],
            searches: [
                finds_what_is_so_far,
                finds_an_object,
                passes_over_only_what_it_can_tell,
                reads_several_places,
            ],
            counts: [
                are_what_a_recount_finds,
                are_so_by_another_way,
                are_of_minutes,
                leave_out_what_is_removed,
            ],
        }
    };
}

/// Tests of `Accounts`, and of what a `Store` does with them; `port()` of the fixture returns
/// `&dyn conformance::accounts::Harness`, which whatever is both is.
#[macro_export]
macro_rules! accounts_suite {
    ($fixture:path) => {
        $crate::suite! { $fixture, accounts,
            admission: [
                who_is_let_in_is_found,
                a_user_sees_all_or_only_their_own,
                a_known_organization_is_not_doubled,
                everybody_is_listed,
                a_replaced_user_secret_is_worth_nothing,
                a_replaced_organization_secret_is_worth_nothing,
                a_removed_user_is_not_found_and_their_numbers_do_not_come_again,
            ],
            settings: [
                are_merged,
                are_of_one_account,
            ],
            requests: [
                are_counted_by_minute_and_organization,
                are_counted_exactly_when_many_come_at_once,
            ],
            audit: [
                is_paged_newest_first,
                is_of_one_organization,
                an_entry_that_is_noted_again_stands_there_once,
                a_creation_notes_its_entry,
                a_change_notes_its_entry_and_a_conflict_does_not,
                a_deletion_notes_its_entry_and_what_comes_later_does_not,
            ],
            user_sessions: [
                are_found_until_they_end,
                are_taken_out_by_one,
                what_counts_once_is_taken_by_one,
                name_the_present_secrets,
            ],
        }
    };
}

/// Tests of a `Vault`; `port()` of the fixture returns `&dyn Vault`.
#[macro_export]
macro_rules! vault_suite {
    ($fixture:path) => {
        $crate::suite! { $fixture, vault,
            cases: [
                what_is_stored_is_read_back,
                the_loser_of_two_writers_writes_nothing,
                what_is_removed_is_gone,
                instances_are_apart,
            ],
        }
    };
}

/// Tests of a `Queue`; `port()` of the fixture returns `&dyn conformance::queue::Harness`.
#[macro_export]
macro_rules! queue_suite {
    ($fixture:path) => {
        $crate::suite! { $fixture, queue,
            cases: [
                a_job_comes_when_it_is_due,
                every_kind_of_job_comes_as_it_was_sent,
                a_waiting_job_is_not_doubled_and_the_earlier_time_counts,
                a_job_under_way_is_not_given_out_again,
                a_job_sent_while_under_way_comes_again_at_its_time,
                a_failed_job_comes_again_later,
                a_failing_instance_does_not_hold_up_another,
            ],
        }
    };
}
