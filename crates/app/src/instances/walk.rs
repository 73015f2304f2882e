//! A walk over a caller's instances, in order of their ids: bounded in what it looks at, and it can go on later.

use crate::context::Context;
use crate::ports::Result;
use crate::sight::Sight;
use crate::unreadable::PassedOver;
use domain::ids::InstanceId;
use domain::instance::Instance;
use std::collections::VecDeque;

/// Instances read from the store at once.
const READ_COUNT: usize = 200;
/// Maximum instances looked at for one page; the token of a page goes on where the look ended.
pub(crate) const LOOKS_COUNT_MAX: usize = 2_000;
/// The same where something is read for each of them.
pub(crate) const READS_COUNT_MAX: usize = 500;

/// Instances that the caller sees, one after the other.
pub(crate) struct Walk<'a> {
    app: &'a Context,
    sight: Sight<'a>,
    read: VecDeque<Instance>,
    /// Behind what was read.
    after: Option<InstanceId>,
    /// The last one that was looked at.
    looked: Option<InstanceId>,
    looks_left: usize,
    is_all_read: bool,
    /// Instances whose rows can't be read, and what else of one its owner passed over.
    pub(crate) passed: PassedOver,
}

impl<'a> Walk<'a> {
    /// Those behind `after`, of all that the caller sees; at most so many are looked at.
    pub(crate) fn new(
        app: &'a Context,
        sight: Sight<'a>,
        after: Option<InstanceId>,
        looks_count_max: usize,
    ) -> Self {
        let walk = Walk {
            app,
            sight,
            read: VecDeque::new(),
            after,
            looked: after,
            looks_left: looks_count_max,
            is_all_read: false,
            passed: PassedOver::default(),
        };
        match sight.only {
            Some(own) => walk.over(Some(own.clone())),
            None => walk,
        }
    }

    /// The same over this instance alone, or none.
    pub(crate) fn over(self, one: Option<Instance>) -> Self {
        let after = self.after;
        let one = one.filter(|one| after.is_none_or(|after| one.id > after));
        Walk { read: one.into_iter().collect(), is_all_read: true, ..self }
    }

    /// The next one; `None` at the end, or when enough was looked at.
    pub(crate) async fn next(&mut self) -> Result<Option<Instance>> {
        loop {
            let Some(instance) = self.upcoming().await? else { return Ok(None) };
            self.looks_left -= 1;
            self.looked = Some(instance.id);
            if self.sight.sees(&instance) {
                return Ok(Some(instance));
            }
        }
    }

    async fn upcoming(&mut self) -> Result<Option<Instance>> {
        if self.read.is_empty() && !self.is_all_read {
            let organization_id = self.sight.account.organization_id;
            let read = self.app.ports.store.instances(organization_id, self.after, READ_COUNT).await?;
            self.is_all_read = read.rows.len() < READ_COUNT;
            self.after = read.rows.last().map(|last| last.id).or(self.after);
            self.passed.count += read.unreadable_count;
            self.read = read.rows.into();
        }
        match self.looks_left {
            0 => Ok(None),
            _ => Ok(self.read.pop_front()),
        }
    }

    /// The last one that was looked at, if the walk ended before the instances did.
    pub(crate) fn stopped_at(&self) -> Option<InstanceId> {
        self.looked.filter(|_| !self.read.is_empty())
    }
}
