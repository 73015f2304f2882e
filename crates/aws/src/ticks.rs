//! Polls by ticks. A tick's schedule starts an invocation that hands its members out to the work queue, some to a letter; an
//! invocation for each letter polls them side by side. So an invocation has a bounded number of mailboxes, whatever the size
//! of the fleet.
//!
//! No member holds up or takes down another for long: who fails, or does not get a turn soon, gets a job of its own, and a
//! letter that comes a second time, because its invocation died, becomes a job for each.

use crate::fault::chain;
use crate::queue::SqsQueue;
use crate::starts::{StartedBy, Starts};
use crate::tick::{Members, Tick, TickLetter};
use app::ports::{Clock, Job, Queue as _, Result};
use app::{App, PollOutcome};
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::InstanceId;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Members that an invocation polls at once: as many as `deliver` has jobs, with the same memory.
const AT_ONCE_COUNT: usize = 10;
/// How long a member waits for its turn, before it gets a job of its own.
const TURN_WITHIN: Duration = Duration::from_secs(10);

/// What ticks bring.
#[derive(Clone)]
pub struct Ticks {
    app: App,
    starts: Starts,
    queue: SqsQueue,
    clock: Arc<dyn Clock>,
}

impl Ticks {
    /// Over the use cases of a stack.
    pub fn new(app: App, starts: Starts, queue: SqsQueue, clock: Arc<dyn Clock>) -> Self {
        Ticks { app, starts, queue, clock }
    }

    /// Does what a letter asks for, which was received so many times.
    ///
    /// # Errors
    ///
    /// It has to come again.
    pub async fn run(&self, letter: TickLetter, received: u32, deadline: DateTime<Utc>) -> Result<()> {
        match letter {
            TickLetter::Tick(tick) => self.hand_out(tick).await,
            TickLetter::Members(members) => self.poll_all(members, received, deadline).await,
        }
    }

    /// A poll by the instance's own schedule, which moves it to a tick, where the stack has them.
    ///
    /// # Errors
    ///
    /// The poll has to be run again.
    pub async fn tick_of_own(&self, id: InstanceId, deadline: DateTime<Utc>) -> Result<PollOutcome> {
        let outcome = self.app.tick(id, deadline).await?;
        self.move_from(StartedBy::OwnSchedule, id, &outcome).await;
        Ok(outcome)
    }

    async fn hand_out(&self, tick: Tick) -> Result<()> {
        let members = self.starts.members(tick).await?;
        if members.is_empty() {
            return self.starts.end_if_empty(tick).await;
        }
        let sent_at = self.clock.now();
        let parts = members.chunks(self.starts.members_count_max());
        let letters = parts.map(|ids| TickLetter::Members(Members { tick, sent_at, ids: ids.to_vec() }));
        self.queue.send_tick_letters(&letters.collect::<Vec<_>>()).await
    }

    async fn poll_all(&self, members: Members, received: u32, deadline: DateTime<Utc>) -> Result<()> {
        let Members { tick, sent_at, ids } = members;
        // The next tick has handed them out again: where polls can't keep up, this is what ends the queue's growth.
        if self.clock.now() - sent_at >= TimeDelta::seconds(i64::from(tick.interval_s())) {
            tracing::warn!(tick = %tick, members = ids.len(), "tick.skipped");
            return Ok(());
        }
        if received > 1 {
            return self.leave_to_jobs(&ids).await;
        }
        let room = Arc::new(Semaphore::new(AT_ONCE_COUNT));
        let polls = ids.into_iter().map(|id| {
            let (this, room) = (self.clone(), room.clone());
            // A task of its own, so that a panic is this member's alone.
            let polling = tokio::spawn(async move { this.poll_in_turn(id, &room, deadline).await });
            async move { (id, polling.await) }
        });
        let mut left = Vec::new();
        for (id, polled) in join_all(polls).await {
            match polled {
                Ok(InTurn::Polled) => continue,
                Ok(InTurn::Left) => {}
                Err(panic) => tracing::error!(instance.id = id.get(), %panic, "job.panicked"),
            }
            left.push(id);
        }
        self.leave_to_jobs(&left).await
    }

    async fn poll_in_turn(&self, id: InstanceId, room: &Semaphore, deadline: DateTime<Utc>) -> InTurn {
        let Ok(Ok(_place)) = tokio::time::timeout(TURN_WITHIN, room.acquire()).await else {
            return InTurn::Left;
        };
        match self.app.tick(id, deadline).await {
            Ok(outcome) => {
                self.move_from(StartedBy::Tick, id, &outcome).await;
                InTurn::Polled
            }
            Err(error) => {
                tracing::warn!(instance.id = id.get(), error = chain(&error), "job.retried");
                InTurn::Left
            }
        }
    }

    /// Sets what starts the instance's polls anew, where that is no longer what has just started one. A failure is told, and
    /// the next poll by it tries again.
    async fn move_from(&self, started_by: StartedBy, id: InstanceId, outcome: &PollOutcome) {
        if started_by == self.starts.wanted() || *outcome == PollOutcome::NotFound {
            return;
        }
        if let Err(error) = self.app.mend(id).await {
            tracing::warn!(instance.id = id.get(), error = chain(&error), "schedule.not_moved");
        }
    }

    async fn leave_to_jobs(&self, ids: &[InstanceId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let jobs: Vec<(Job, DateTime<Utc>)> = ids.iter().map(|id| (Job::Poll(*id), now)).collect();
        self.queue.send(&jobs).await
    }
}

/// What became of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InTurn {
    Polled,
    /// It is left to a job.
    Left,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `carillon cost` multiplies.
    #[test]
    fn the_cost_model_knows_how_many_are_polled_at_once() {
        let assumed = include_str!("../../../infra/cost/assumed.json");
        let assumed: serde_json::Value = serde_json::from_str(assumed).unwrap();
        assert_eq!(assumed["tick_polls_at_once"], AT_ONCE_COUNT);
        assert_eq!(assumed["tick_window_s"], crate::tick::WINDOW_S);
    }
}
