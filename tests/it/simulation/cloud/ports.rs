//! The ports of a process: each call takes a turn before its effect and one after it.

use super::process::{Fate, Tap};
use crate::world::methods;
use app::FirstAttempts;
use app::ports::*;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::application::Application;
use domain::bulk::{Bulk, BulkId};
use domain::delivery::Subscription;
use domain::health_ledger::HealthEventId;
use domain::health_letter::HealthRow;
use domain::ids::{EventId, InstanceId, Sequence};
use domain::instance::{Account, AddressKey, Instance};
use domain::push::{Hints, PushKey, PushState};
use domain::schedule::Timetable;
use domain::sign_in_link::{LinkKey, StoredLink};
use domain::token::Session;
use std::collections::HashSet;
use std::sync::Arc;

/// What a call really does: as the adapter does it, but for what is seen on the way, and for mutations.
macro_rules! effect {
    ($tapped:ident, mailbox, $id:ident) => {
        $tapped.effect_of_mailbox($id).await
    };
    ($tapped:ident, put_session, $id:ident, $session:ident) => {
        $tapped.effect_of_put_session($id, $session).await
    };
    ($tapped:ident, send, $jobs:ident) => {
        $tapped.effect_of_send($jobs).await
    };
    ($tapped:ident, put, $($arg:ident),*) => {
        $tapped.mutant_put($($arg),*).await
    };
    ($tapped:ident, begin_poll, $($arg:ident),*) => {
        $tapped.mutant_begin_poll($($arg),*).await
    };
    ($tapped:ident, end_poll, $($arg:ident),*) => {
        $tapped.mutant_end_poll($($arg),*).await
    };
    ($tapped:ident, ask_again, $($arg:ident),*) => {
        $tapped.mutant_ask_again($($arg),*).await
    };
    ($tapped:ident, commit_poll, $($arg:ident),*) => {
        $tapped.mutant_commit_poll($($arg),*).await
    };
    ($tapped:ident, change_instance, $($arg:ident),*) => {
        $tapped.mutant_change_instance($($arg),*).await
    };
    ($tapped:ident, note_settled, $($arg:ident),*) => {
        $tapped.mutant_note_settled($($arg),*).await
    };
    ($tapped:ident, logged_events, $($arg:ident),*) => {
        $tapped.mutant_logged_events($($arg),*).await
    };
    ($tapped:ident, clear_outbox, $($arg:ident),*) => {
        $tapped.mutant_clear_outbox($($arg),*).await
    };
    ($tapped:ident, lease_session, $($arg:ident),*) => {
        $tapped.mutant_lease_session($($arg),*).await
    };
    ($tapped:ident, claim_attempt, $($arg:ident),*) => {
        $tapped.mutant_claim_attempt($($arg),*).await
    };
    ($tapped:ident, begin_release, $($arg:ident),*) => {
        $tapped.mutant_begin_release($($arg),*).await
    };
    ($tapped:ident, unclaim_attempt, $($arg:ident),*) => {
        $tapped.mutant_unclaim_attempt($($arg),*).await
    };
    ($tapped:ident, finish_attempt, $($arg:ident),*) => {
        $tapped.mutant_finish_attempt($($arg),*).await
    };
    ($tapped:ident, pause_release, $($arg:ident),*) => {
        $tapped.mutant_pause_release($($arg),*).await
    };
    ($tapped:ident, end_release, $($arg:ident),*) => {
        $tapped.mutant_end_release($($arg),*).await
    };
    ($tapped:ident, write, $($arg:ident),*) => {
        $tapped.mutant_write($($arg),*).await
    };
    ($tapped:ident, put_push_state, $($arg:ident),*) => {
        $tapped.mutant_put_push_state($($arg),*).await
    };
    ($tapped:ident, change_bulk, $($arg:ident),*) => {
        $tapped.mutant_change_bulk($($arg),*).await
    };
    ($tapped:ident, put_hints, $($arg:ident),*) => {
        $tapped.mutant_put_hints($($arg),*).await
    };
    ($tapped:ident, $name:ident, $($arg:ident),*) => {
        $tapped.inner.$name($($arg),*).await
    };
}

/// What stands before ports, with what each is asked of.
macro_rules! before {
    ($tapped:ident, $port:ident) => {
        pub(super) struct $tapped {
            pub(super) inner: Arc<dyn $port>,
            pub(super) tap: Arc<Tap>,
        }

        impl $tapped {
            pub(super) fn new(inner: Arc<dyn $port>, tap: &Arc<Tap>) -> Self {
                $tapped { inner, tap: tap.clone() }
            }
        }
    };
}

macro_rules! tapped {
    ($tapped:ident, $port:ident, { $(async fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty;)* }) => {
        #[async_trait]
        impl $port for $tapped {
            $(async fn $name(&self, $($arg: $type),*) -> $result {
                let name = stringify!($name);
                let fate = self.tap.before(name).await?;
                let this = self;
                let mut result = effect!(this, $name, $($arg),*);
                if fate == Fate::Repeated && is_repeatable(name) {
                    result = effect!(this, $name, $($arg),*);
                }
                self.tap.after(name, fate, result).await
            })*
        }
    };
}

before!(TappedStore, Store);
before!(TappedVault, Vault);
before!(TappedSchedule, Schedule);
before!(TappedQueue, Queue);
methods!(Store, tapped, TappedStore);
methods!(Vault, tapped, TappedVault);
methods!(Schedule, tapped, TappedSchedule);
methods!(Queue, tapped, TappedQueue);

/// A transaction that is sent again is known by its token, a bulk action by what is stored; another single write meets
/// what it wrote itself.
fn is_repeatable(name: &str) -> bool {
    !matches!(
        name,
        "insert_instance"
            | "change_instance"
            | "commit_poll"
            | "finish_attempt"
            | "insert_application"
            | "change_application"
            | "remove_application"
            | "insert_bulk"
            | "change_bulk"
            | "end_bulk"
    )
}

impl TappedStore {
    async fn effect_of_mailbox(&self, id: InstanceId) -> Result<Option<Mailbox>> {
        let caller = self.tap.caller();
        let now_us = self.tap.shared.turns.now_us();
        let mailbox = self.mutant_mailbox(id).await?;
        let count = mailbox.as_ref().map_or(0, |mailbox| mailbox.resources.len());
        let looks = if self.tap.shared.first_attempts == FirstAttempts::AtOnce { 2 * count } else { count };
        self.tap.shared.sightings().reads(id, caller.number, looks, now_us);
        Ok(mailbox)
    }

    async fn effect_of_put_session(&self, id: InstanceId, session: &Session) -> Result<Written> {
        let written = self.mutant_put_session(id, session).await?;
        let until = session.backoff_until.filter(|_| written == Written::Done);
        if let Some(until) = until {
            let now_us = self.tap.shared.turns.now_us();
            self.tap.shared.sightings().waits(id, until.timestamp_micros(), now_us);
        }
        Ok(written)
    }
}

impl TappedQueue {
    /// A delay counts from the queue's now.
    async fn effect_of_send(&self, jobs: &[(Job, DateTime<Utc>)]) -> Result<()> {
        let skew: TimeDelta = self.tap.skew;
        let jobs: Vec<_> = jobs.iter().map(|(job, due_at)| (*job, *due_at - skew)).collect();
        self.mutant_send(&jobs).await
    }
}
