//! Schedules of EventBridge Scheduler: an instance's own, a tick's, and single jobs that are due too late for a queue.
//!
//! In the stack's group, an instance's schedule is called by the instance's number; it starts the function
//! `poll` at the instance's own phase. A tick's (`tick-…`) does so for many. A single job's (`once-…`) puts it into its
//! queue and is then deleted by Scheduler.
//!
//! A schedule is changed first, and made if it is not there: changes are many, creations one. That is one
//! request for a change and two for the first `put` of an instance.

mod ticks;
mod words;

use crate::environment::Environment;
use crate::fault::{code, fault};
use crate::tick::Tick;
use app::ports::{Clock, Job, PortError, Result, Schedule};
use async_trait::async_trait;
use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, ScheduleState,
    Target,
};
use aws_smithy_types::DateTime as SmithyDateTime;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Tries of one change while others change the same schedule, and the wait before the second, which doubles.
const TRIES_COUNT_MAX: u32 = 4;
const AGAIN_FIRST_MS: u64 = 100;
/// Tries of Scheduler to start a poll, beside the first. A poll that is much too late is left to the next tick.
const POLL_RETRIES_COUNT: i32 = 2;
const POLL_AGE_S_MAX: i32 = 900;
/// Schedules in one page of a listing: the most that Scheduler gives,
/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_ListSchedules.html>.
const PAGE_COUNT_MAX: i32 = 100;

/// The stack's schedules.
#[derive(Clone)]
pub struct Schedules {
    client: Client,
    clock: Arc<dyn Clock>,
    group: String,
    role_arn: String,
    poll_function_arn: String,
    dead_letters_arn: String,
}

/// An instance's schedule, as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedSchedule {
    /// The instance it polls.
    pub instance: InstanceId,
    /// Whether it fires.
    pub is_enabled: bool,
    /// When it was created, if the service says.
    pub made_at: Option<DateTime<Utc>>,
}

/// A page of the group's schedules, without those of single jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulePage {
    /// Instances' own.
    pub own: Vec<ListedSchedule>,
    /// Ticks that have one.
    pub ticks: Vec<Tick>,
    /// Where the listing goes on.
    pub next: Option<String>,
}

/// Everything that is said of a schedule of polls.
struct Plan {
    name: String,
    expression: String,
    start: SmithyDateTime,
    state: ScheduleState,
    target: Target,
    window: FlexibleTimeWindow,
}

impl Schedules {
    /// The schedules of the stack's group.
    pub fn new(client: Client, environment: &Environment, clock: Arc<dyn Clock>) -> Self {
        Schedules {
            client,
            clock,
            group: environment.schedule_group.clone(),
            role_arn: environment.schedule_role_arn.clone(),
            poll_function_arn: environment.poll_function_arn.clone(),
            dead_letters_arn: environment.dead_letter_queue.arn.clone(),
        }
    }

    /// Puts a job into a queue at its time, once. Sent again for the same time it stays one.
    ///
    /// The message has no group: Scheduler gives one only to queues that keep an order.
    pub async fn once(&self, job: &Job, due_at: DateTime<Utc>, queue_arn: &str) -> Result<()> {
        const CONTEXT: &str = "schedule a job";
        let sent = self
            .client
            .create_schedule()
            .group_name(&self.group)
            .name(words::once_name(job, due_at))
            .schedule_expression(words::at(due_at))
            .flexible_time_window(at_the_time()?)
            .action_after_completion(ActionAfterCompletion::Delete)
            // Scheduler's own retries: a day, which no outage of a queue outlasts.
            .target(self.target(queue_arn, job)?.build().map_err(|error| PortError::new(CONTEXT, error))?)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == "ConflictException" => Ok(()),
            Err(error) => Err(fault(CONTEXT)(error)),
        }
    }

    /// A page of the schedules.
    pub async fn list(&self, from: Option<&str>) -> Result<SchedulePage> {
        let page = self
            .client
            .list_schedules()
            .group_name(&self.group)
            .max_results(PAGE_COUNT_MAX)
            .set_next_token(from.map(str::to_owned))
            .send()
            .await
            .map_err(fault("list the schedules"))?;
        let listed = page.schedules.iter().filter_map(|schedule| {
            Some(ListedSchedule {
                instance: InstanceId::parse(schedule.name()?)?,
                is_enabled: schedule.state() == Some(&ScheduleState::Enabled),
                made_at: schedule.creation_date().and_then(|at| DateTime::from_timestamp(at.secs(), 0)),
            })
        });
        let ticks = page.schedules.iter().filter_map(|schedule| Tick::parse(schedule.name()?));
        Ok(SchedulePage { own: listed.collect(), ticks: ticks.collect(), next: page.next_token.clone() })
    }

    /// Interval (seconds) of an instance's schedule, and whether it is enabled.
    pub async fn find(&self, id: InstanceId) -> Result<Option<(u32, bool)>> {
        const CONTEXT: &str = "read a schedule";
        let found = self.client.get_schedule().group_name(&self.group).name(id.to_string()).send().await;
        let found = match found {
            Ok(found) => found,
            Err(error) if code(&error) == "ResourceNotFoundException" => return Ok(None),
            Err(error) => return Err(fault(CONTEXT)(error)),
        };
        let interval_s = found.schedule_expression().and_then(words::interval_s);
        let interval_s =
            interval_s.ok_or_else(|| PortError::new(CONTEXT, "an expression that is not ours"))?;
        Ok(Some((interval_s, found.state() == Some(&ScheduleState::Enabled))))
    }

    fn target(
        &self,
        arn: &str,
        letter: &impl Serialize,
    ) -> Result<aws_sdk_scheduler::types::builders::TargetBuilder> {
        let context = "make a schedule";
        let input = serde_json::to_string(letter).map_err(|error| PortError::new(context, error))?;
        let dead_letters = DeadLetterConfig::builder().arn(&self.dead_letters_arn).build();
        Ok(Target::builder().arn(arn).role_arn(&self.role_arn).input(input).dead_letter_config(dead_letters))
    }

    fn plan(&self, id: InstanceId, timetable: Timetable, enabled: bool) -> Result<Plan> {
        self.poll_plan(id.to_string(), &Job::Poll(id), timetable, enabled)
    }

    /// Changes the schedule.
    async fn change(&self, plan: &Plan) -> std::result::Result<(), (String, PortError)> {
        let sent = self
            .client
            .update_schedule()
            .group_name(&self.group)
            .name(&plan.name)
            .schedule_expression(&plan.expression)
            .start_date(plan.start)
            .state(plan.state.clone())
            .target(plan.target.clone())
            .flexible_time_window(plan.window.clone())
            .send()
            .await;
        sent.map(drop).map_err(|error| (code(&error).to_owned(), fault("change a schedule")(error)))
    }

    /// Makes the schedule.
    async fn make(&self, plan: &Plan) -> std::result::Result<(), (String, PortError)> {
        let sent = self
            .client
            .create_schedule()
            .group_name(&self.group)
            .name(&plan.name)
            .schedule_expression(&plan.expression)
            .start_date(plan.start)
            .state(plan.state.clone())
            .target(plan.target.clone())
            .flexible_time_window(plan.window.clone())
            .send()
            .await;
        sent.map(drop).map_err(|error| (code(&error).to_owned(), fault("make a schedule")(error)))
    }

    async fn change_or_make(&self, plan: &Plan) -> std::result::Result<(), (String, PortError)> {
        match self.change(plan).await {
            Err((code, _)) if code == "ResourceNotFoundException" => self.make(plan).await,
            changed => changed,
        }
    }

    async fn delete(&self, name: &str) -> std::result::Result<(), (String, PortError)> {
        let sent = self.client.delete_schedule().group_name(&self.group).name(name).send().await;
        match sent {
            Err(error) if code(&error) != "ResourceNotFoundException" => {
                Err((code(&error).to_owned(), fault("remove a schedule")(error)))
            }
            _ => Ok(()),
        }
    }

    async fn remove_named(&self, name: &str) -> Result<()> {
        let mut tried = 1;
        loop {
            let Err((code, error)) = self.delete(name).await else { return Ok(()) };
            if !self.may_try_again(tried, &code).await {
                return Err(error);
            }
            tried += 1;
        }
    }

    /// Waits before another try, where somebody else was changing the same schedule and tries are left.
    async fn may_try_again(&self, tried: u32, code: &str) -> bool {
        if code != "ConflictException" || tried >= TRIES_COUNT_MAX {
            return false;
        }
        self.clock.sleep(Duration::from_millis(AGAIN_FIRST_MS << (tried - 1))).await;
        true
    }
}

fn at_the_time() -> Result<FlexibleTimeWindow> {
    let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build();
    window.map_err(|error| PortError::new("make a schedule", error))
}

#[async_trait]
impl Schedule for Schedules {
    async fn put(&self, id: InstanceId, timetable: Timetable, enabled: bool) -> Result<()> {
        let plan = self.plan(id, timetable, enabled)?;
        let mut tried = 1;
        loop {
            let Err((code, error)) = self.change_or_make(&plan).await else { return Ok(()) };
            if !self.may_try_again(tried, &code).await {
                return Err(error);
            }
            tried += 1;
        }
    }

    async fn remove(&self, id: InstanceId) -> Result<()> {
        self.remove_named(&id.to_string()).await
    }
}

#[cfg(test)]
mod tests;
