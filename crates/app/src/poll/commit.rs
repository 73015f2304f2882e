//! From a step to notifications and the next state, in one transaction.

use super::resource::{Begins, Read};
use super::{ResourceReport, Run, outbox, retry_records};
use crate::ports::{NewNotification, PollCommit, Result, Written};
use domain::backfill::Backfill;
use domain::envelope::{self, Built, Sender};
use domain::event::{Change, ChangeKind};
use domain::ids::{EventId, NotificationName, Sequence};
use domain::resource::ResourceConfig;
use domain::state::{Gap, ResourceState};
use serde_json::{Value, json};

/// How a commit ended.
pub(super) enum Committed {
    Done,
    /// Another poll was first, or the instance is gone: nothing was stored.
    Lost,
}

impl Run<'_> {
    /// This state and these notifications as one commit of this mailbox.
    pub(super) fn commit_of(&self, state: ResourceState, notifications: Vec<NewNotification>) -> PollCommit {
        let instance = &self.mailbox.instance;
        PollCommit {
            instance: instance.id,
            organization_id: instance.account.organization_id,
            state,
            notifications,
        }
    }

    /// Commits a step and enqueues its notifications. An idle step writes nothing, but for the heartbeat.
    pub(super) async fn commit(
        &mut self,
        config: &ResourceConfig,
        state: &mut ResourceState,
        read: Read,
        report: &mut ResourceReport,
    ) -> Result<Committed> {
        let now = self.app.now();
        let step = read.step;
        let step_moved = step.moved;
        let is_idle = !step.moved && step.failed.is_empty() && read.retried.is_empty();
        if is_idle && !state.is_heartbeat_due(now) {
            self.recovered().await?;
            return Ok(Committed::Done);
        }
        // A heartbeat tells nothing that whoever polls meanwhile would not: that one of both is refused does no harm.
        let is_heartbeat = is_idle && state.failures == 0;
        if !is_heartbeat && !self.gate.hold().await? {
            return Ok(Committed::Lost);
        }
        let mut next = state.clone();
        let mut changes = read.retried.changes.clone();
        changes.extend(step.changes);
        changes.extend(retry_records::update(self, &mut next, &read.retried, step.failed));
        let found = changes.len();
        let changes = self.unreported(config, changes).await?;
        if let Begins::Baseline { identity: Some(identity) } = &read.begins {
            self.belongs_to(identity).await?;
        }
        next = match read.begins {
            Begins::Baseline { .. } => next.with_baseline(step.cursor, now),
            Begins::Walk => ResourceState { cursor: Some(step.cursor), ..next.succeeded(now) },
            Begins::Backfill(mut backfill) => {
                backfill.changes_count += found as u64;
                backfill.events_count += changes.len() as u64;
                ResourceState { cursor: Some(backfill.to_value()), ..next.succeeded(now) }
            }
        };
        if step_moved {
            next.changed_at = Some(now);
        }
        next.version += 1;
        next.last_sequence = self.last_sequence();
        let mut notifications = self.build(config, &mut next, &changes);
        let delivered = notifications.len();
        if let Some((from, reason)) = step.gap {
            notifications.push(self.gap(config, &mut next, Gap { from, to: now, reason }));
        }
        let sequences =
            notifications.iter().filter(|one| one.deliver).map(|one| one.sequence).collect::<Vec<_>>();
        let id = self.mailbox.instance.id;
        let commit = self.commit_of(next, notifications);
        if self.app.ports.store.commit_poll(&commit).await? != Written::Done {
            return Ok(Committed::Lost);
        }
        *state = commit.state;
        self.remember(state);
        self.has_written = true;
        report.changes += found;
        report.events += changes.len();
        report.notifications += delivered;
        self.recovered().await?;
        outbox::enqueue(self.app, id, &state.resource, &sequences).await?;
        Ok(Committed::Done)
    }

    /// Leaves out what the event log holds, where the walk may have passed it before, and shows each object by
    /// the configured id field.
    async fn unreported(&self, config: &ResourceConfig, changes: Vec<Change>) -> Result<Vec<Change>> {
        let id = self.mailbox.instance.id;
        let event_id = |change: &Change| change.event_id(id, &config.name);
        let mut changes = changes;
        if self.is_beside_backfill(config) {
            changes.iter_mut().for_each(|change| change.recheck |= change.kind == ChangeKind::Created);
        }
        let changes = self.recheck(config, changes).await?;
        // What was a creation before may be an update that is logged as well.
        let mut changes = self.recheck(config, changes).await?;
        let mut seen = std::collections::HashSet::new();
        changes.retain(|change| seen.insert(event_id(change)));
        for change in &mut changes {
            change.shown_id = config.id_field.as_ref().and_then(|field| text(field.get(&change.record)?));
        }
        Ok(changes)
    }

    /// A backfill of this resource was asked for not long ago: it may have reported what the walk comes to now.
    fn is_beside_backfill(&self, config: &ResourceConfig) -> bool {
        let now = self.app.now();
        let backfills = self.mailbox.resources.iter().filter_map(|row| Backfill::of(&row.state));
        let mut backfills = backfills.filter(|backfill| backfill.resource == config.name);
        backfills.any(|backfill| backfill.is_recent(now))
    }

    /// Checks the doubtful ones against the log: a logged creation becomes an update, any other logged change
    /// drops out.
    async fn recheck(&self, config: &ResourceConfig, changes: Vec<Change>) -> Result<Vec<Change>> {
        let id = self.mailbox.instance.id;
        let event_id = |change: &Change| change.event_id(id, &config.name);
        let doubtful: Vec<EventId> = changes.iter().filter(|change| change.recheck).map(event_id).collect();
        if doubtful.is_empty() {
            return Ok(changes);
        }
        let logged = self.app.ports.store.logged_events(id, &doubtful).await?;
        let kept = changes.into_iter().filter_map(|mut change| {
            if !change.recheck || !logged.contains(&event_id(&change)) {
                return Some(change);
            }
            let is_update = change.kind == ChangeKind::Created && !change.version.is_empty();
            change.kind = ChangeKind::Updated;
            is_update.then_some(change)
        });
        Ok(kept.collect())
    }

    /// The last number given out for any resource of the instance: commit order is the instance's.
    fn last_sequence(&self) -> Sequence {
        let numbers = self.mailbox.resources.iter().map(|row| row.state.last_sequence);
        numbers.max().unwrap_or(Sequence(0))
    }

    fn build(
        &self,
        config: &ResourceConfig,
        state: &mut ResourceState,
        changes: &[Change],
    ) -> Vec<NewNotification> {
        let instance = &self.mailbox.instance;
        let now = self.app.now();
        let sender = Sender {
            instance: instance.id,
            connector: &instance.connector,
            hub: self.connector.descriptor().hub,
            account_id: instance.account.account_id,
            organization_id: instance.account.organization_id,
            user_id: instance.account.user_id,
            name: &instance.name,
            tags: &instance.tags,
        };
        let built = envelope::build(&sender, &config.name, changes, now);
        built
            .into_iter()
            .map(|Built { name, events, body }| NewNotification {
                sequence: state.next_sequence(now),
                name,
                resource: config.name.clone(),
                events,
                body,
                created_at: now,
                deliver: true,
                expires_at: None,
            })
            .collect()
    }

    /// A gap is told by the instance's state, and by the event log.
    fn gap(&self, config: &ResourceConfig, state: &mut ResourceState, gap: Gap) -> NewNotification {
        let now = self.app.now();
        let id = self.mailbox.instance.id;
        let body = json!({ "gap": { "resource": config.name, "from": gap.from, "to": gap.to, "reason": gap.reason } });
        let mark = EventId::of_version(id, &config.name, "", "GAP", &gap.to.to_rfc3339());
        state.note_gap(gap);
        NewNotification {
            sequence: state.next_sequence(now),
            name: NotificationName::of(id, &[mark]),
            resource: config.name.clone(),
            events: Vec::new(),
            body: body.to_string(),
            created_at: now,
            deliver: false,
            expires_at: Some(now + self.app.config.retention),
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
