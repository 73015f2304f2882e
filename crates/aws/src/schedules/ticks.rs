//! Schedules of ticks, beside those of single instances.

use super::{POLL_AGE_S_MAX, POLL_RETRIES_COUNT, Plan, Schedules, at_the_time, words};
use crate::fault::{code, fault};
use crate::tick::{Tick, TickLetter};
use app::ports::{PortError, Result};
use aws_sdk_scheduler::types::ScheduleState;
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use serde::Serialize;

impl Schedules {
    /// Makes a tick's schedule, where there is none.
    pub(crate) async fn make_tick(&self, tick: Tick) -> Result<()> {
        let plan = self.poll_plan(tick.to_string(), &TickLetter::Tick(tick), tick.timetable(), true)?;
        match self.make(&plan).await {
            Err((code, error)) if code != "ConflictException" => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes it; fine if it is not there.
    pub(crate) async fn remove_tick(&self, tick: Tick) -> Result<()> {
        self.remove_named(&tick.to_string()).await
    }

    /// Whether it is there.
    pub(crate) async fn has_tick(&self, tick: Tick) -> Result<bool> {
        let found = self.client.get_schedule().group_name(&self.group).name(tick.to_string()).send().await;
        match found {
            Ok(found) => Ok(found.state() == Some(&ScheduleState::Enabled)),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(false),
            Err(error) => Err(fault("read a tick's schedule")(error)),
        }
    }

    /// Turns an instance's own schedule off, if it has one. Removing it is for those who may.
    pub(crate) async fn turn_off(&self, id: InstanceId, table: Timetable) -> Result<()> {
        let plan = self.plan(id, table, false)?;
        let mut tried = 1;
        loop {
            let Err((code, error)) = self.change(&plan).await else { return Ok(()) };
            if code == "ResourceNotFoundException" {
                return Ok(());
            }
            if !self.may_try_again(tried, &code).await {
                return Err(error);
            }
            tried += 1;
        }
    }

    /// Everything that is said of a schedule that starts the function `poll`.
    pub(super) fn poll_plan(
        &self,
        name: String,
        letter: &impl Serialize,
        table: Timetable,
        enabled: bool,
    ) -> Result<Plan> {
        let context = "make a schedule";
        let retries = aws_sdk_scheduler::types::RetryPolicy::builder()
            .maximum_retry_attempts(POLL_RETRIES_COUNT)
            .maximum_event_age_in_seconds(POLL_AGE_S_MAX);
        let target = self.target(&self.poll_function_arn, letter)?.retry_policy(retries.build());
        Ok(Plan {
            name,
            expression: words::rate(table.interval_s),
            start: super::SmithyDateTime::from_secs(table.next_after(self.clock.now()).timestamp()),
            state: if enabled { ScheduleState::Enabled } else { ScheduleState::Disabled },
            target: target.build().map_err(|error| PortError::new(context, error))?,
            window: at_the_time()?,
        })
    }
}
