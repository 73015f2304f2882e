//! From a step to notifications and the next state, in one transaction.

use super::retry_records::{self, INCOMPLETE};
use super::run::{PollTrigger, Run, Unsent};
use super::step::{Begins, ReadStep};
use super::{ResourceReport, chunks, first_attempts};
use crate::ports::{Gist, NewNotification, Result, Written};
use chrono::{DateTime, Utc};
use connectors::Connector;
use domain::annex::AnnexPart;
use domain::backfill::Backfill;
use domain::envelope::{self, Built, ReadableResource, Sender};
use domain::event::{Change, ChangeKind};
use domain::ids::{EventId, NotificationName, Sequence};
use domain::life::Sighting;
use domain::resource::ResourceConfig;
use domain::settings;
use domain::state::{Gap, Pushed, ResourceState};
use serde_json::{Value, json};

/// What the records of one notification are called, kept beside its body: a line for each of ten, and more where somebody
/// writes no novels there. What is longer is looked for in the body.
const SUBJECTS_BYTES_MAX: usize = 4_000;

/// How a commit ended.
pub(super) enum Committed {
    Done,
    /// Another poll was first, or the instance is gone: nothing was stored.
    Lost,
    /// No more records can wait: the position waits with them, and nothing was stored.
    Full,
}

impl Run<'_> {
    /// Commits a step and enqueues its notifications. An idle step writes nothing, but for the heartbeat.
    ///
    /// The order matters. Records that were waiting come first, then what the walk found: a creation that is read at
    /// last must not be numbered behind a later change of the same object. Sequences are given out after everything
    /// that may drop a change, since a skipped number looks like a lost notification to a client that counts. The log
    /// is read last: what another poller commits after that has moved the state's version, and this commit is refused.
    pub(super) async fn commit(
        &mut self,
        config: &ResourceConfig,
        state: &mut ResourceState,
        read: ReadStep,
        report: &mut ResourceReport,
    ) -> Result<Committed> {
        let now = self.app.now();
        let ReadStep { step, begins, retried, complete_at } = read;
        let is_idle = !step.moved && step.failed.is_empty() && retried.is_empty();
        if is_idle && !state.is_heartbeat_due(self.writes_after(&config.name), now) {
            self.recovered().await?;
            self.note_complete(config, complete_at);
            return Ok(Committed::Done);
        }
        // A heartbeat records nothing that a concurrent poller would not: it does no harm if one of them is refused.
        let is_heartbeat = is_idle && state.failures == 0;
        let is_small =
            matches!(begins, Begins::Walk) && retried.is_empty() && self.is_small_find(state, &step).await;
        if !is_heartbeat && !is_small && !self.gate.hold().await? {
            return Ok(Committed::Lost);
        }
        let sighting = self.sighting(config, state, &begins, retried.is_empty(), now);
        let is_answered = retried.is_answered || !matches!(begins, Begins::Looks);
        let mut next = state.clone();
        let mut changes = retry_records::settle(&mut next, retried, now, self.app.config.retention);
        retry_records::add(&mut next, step.failed, now);
        if next.retry_records.is_over_full() {
            return Ok(Committed::Full);
        }
        changes.extend(self.joined(config, &mut next, step.changes).await?);
        let found = changes.len();
        let changes = self.unreported(config, state, changes).await?;
        if let Begins::Baseline { identity, address } = &begins {
            self.store_mailbox(identity.as_deref(), address.as_deref()).await?;
        }
        let mut next = begun(next, begins, step.cursor, now, [found, changes.len()]);
        if step.moved && !step.is_aside {
            next.changed_at = Some(now);
        }
        if step.moved {
            next.again_at = step.again_at;
        }
        next.complete_at = complete_at.or(next.complete_at);
        if let PollTrigger::Hinted(hint_at) = self.way
            && !changes.is_empty()
        {
            next.pushed = Some(Pushed { hint_at, found_at: now });
        }
        next.looks.witness = witness(&changes).or(next.looks.witness);
        next.last_sequence = self.last_sequence();
        let mut notifications = self.build(config, &mut next, &changes, sighting);
        let delivered = notifications.len();
        if let Some((from, reason)) = step.gap {
            notifications.push(self.gap(config, &mut next, Gap { from, to: now, reason }));
        }
        if !self.store_chunks(state, next, notifications, step.annex).await? {
            if is_small {
                self.gate.lose().await;
            }
            return Ok(Committed::Lost);
        }
        self.note_complete(config, complete_at);
        report.moved |= step.moved && !step.is_aside;
        report.changes += found;
        report.events += changes.len();
        report.notifications += delivered;
        if is_answered {
            self.recovered().await?;
        }
        Ok(Committed::Done)
    }

    /// How and when a step's changes were seen. Records that had to wait were seen before; what a backfill lists may have been
    /// there all along.
    fn sighting(
        &self,
        config: &ResourceConfig,
        state: &ResourceState,
        begins: &Begins,
        is_new: bool,
        now: DateTime<Utc>,
    ) -> Sighting {
        let known = self.app.last_reads.get(self.mailbox.instance.id, &config.name);
        let unseen_at = state.complete_at.max(known);
        let hint_at = match self.way {
            PollTrigger::Hinted(at) => Some(at),
            _ => None,
        };
        let is_walk = matches!(begins, Begins::Walk);
        Sighting { seen_at: now, unseen_at: unseen_at.filter(|_| is_walk && is_new), hint_at }
    }

    fn note_complete(&self, config: &ResourceConfig, at: Option<DateTime<Utc>>) {
        if let Some(at) = at {
            self.app.last_reads.note(self.mailbox.instance.id, &config.name, at);
        }
    }

    /// Stores a step in as many transactions as it takes: one, but for a step that is larger than connectors make
    /// them. Until the last of them the position stays and the state says so. Whether nobody else was first.
    async fn store_chunks(
        &mut self,
        state: &mut ResourceState,
        next: ResourceState,
        notifications: Vec<NewNotification>,
        annex: Vec<AnnexPart>,
    ) -> Result<bool> {
        let mut chunks = chunks::of(notifications);
        let last = chunks.pop().unwrap_or_default();
        for chunk in chunks {
            let last_sequence = chunk.last().map_or(state.last_sequence, |one| one.sequence);
            let partial = ResourceState { is_partial: true, last_sequence, ..state.clone() };
            if !self.store_one(state, partial, chunk, Vec::new()).await? {
                return Ok(false);
            }
        }
        self.store_one(state, ResourceState { is_partial: false, ..next }, last, annex).await
    }

    async fn store_one(
        &mut self,
        state: &mut ResourceState,
        next: ResourceState,
        notifications: Vec<NewNotification>,
        annex: Vec<AnnexPart>,
    ) -> Result<bool> {
        let next = ResourceState { version: state.version + 1, ..next };
        let mut notifications = notifications;
        let claimed_until = first_attempts::claim(self, &mut notifications).await;
        let deliver = notifications.iter().filter(|one| one.deliver);
        let (sequences, ids): (Vec<Sequence>, Vec<String>) =
            deliver.map(|one| (one.sequence, one.name.event_id.clone())).unzip();
        let commit = self.commit_of(next, notifications, annex);
        let began_at = self.app.now();
        if self.app.ports.store.commit_poll(&commit).await? != Written::Done {
            return Ok(false);
        }
        *state = commit.state;
        self.remember(state);
        self.has_written = true;
        self.trace_commit(&state.resource, began_at, &sequences, &ids);
        self.note_committed(&ids);
        // After the commit, never before: a job for a notification that is not there yet finds nothing and is done. A
        // crash in between leaves the sequences in the outbox, which the next poll or the settling job flushes.
        let new = Unsent { resource: state.resource.clone(), sequences, event_ids: ids, claimed_until };
        first_attempts::send_or_keep(self, new).await?;
        Ok(true)
    }

    /// Leaves out what waits with the creation of its object.
    async fn joined(
        &self,
        config: &ResourceConfig,
        next: &mut ResourceState,
        changes: Vec<Change>,
    ) -> Result<Vec<Change>> {
        let id = self.mailbox.instance.id;
        let creation_of = |change: &Change| EventId::of_creation(id, &config.name, &change.object_id);
        let touched = retry_records::touched(next, &changes);
        if touched.is_empty() {
            return Ok(changes);
        }
        let creations: Vec<EventId> = touched.into_iter().map(creation_of).collect();
        let told = self.app.ports.store.logged_events(id, &creations).await?;
        Ok(retry_records::join(next, changes, &told, creation_of))
    }

    /// Drops what the event log holds, if the walk may have passed it before, and identifies each object by
    /// the configured id field.
    async fn unreported(
        &self,
        config: &ResourceConfig,
        state: &ResourceState,
        changes: Vec<Change>,
    ) -> Result<Vec<Change>> {
        let id = self.mailbox.instance.id;
        let event_id = |change: &Change| change.event_id(id, &config.name);
        let mut changes = changes;
        if state.is_partial || self.is_beside_backfill(config) {
            changes.iter_mut().for_each(|change| change.recheck = true);
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
            let is_update = change.kind == ChangeKind::Created && !change.again && !change.version.is_empty();
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
        sighting: Sighting,
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
        let bytes_max = settings::body_bytes_max(&instance.configuration);
        let mut rest = changes;
        let mut new = |Built { name, events, objects, body }: Built| {
            // The events of a body are the next of the changes.
            let (told, others) = rest.split_at(events.len().min(rest.len()));
            rest = others;
            NewNotification {
                sequence: state.next_sequence(now),
                name,
                resource: config.name.clone(),
                events,
                objects,
                gist: Some(gist(self.connector.as_ref(), told)),
                body,
                created_at: now,
                sighting: Some(sighting),
                deliver: true,
                expires_at: None,
                claimed_until: None,
            }
        };
        // Which fields are read is the same at any time.
        let read = config.read_at(now, now).ok();
        let resource = ReadableResource {
            key: &config.name,
            path: read.as_ref().map_or(&config.name, |read| &read.resource),
            fields: read.as_ref().map_or(&[], |read| &read.fields),
        };
        envelope::build(&sender, resource, changes, now, bytes_max).into_iter().map(&mut new).collect()
    }

    /// A gap is reported in the instance's state, and in the event log.
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
            objects: Vec::new(),
            gist: Some(Gist { kinds: Vec::new(), subjects: Some(String::new()) }),
            body: body.to_string(),
            created_at: now,
            sighting: None,
            deliver: false,
            expires_at: Some(now + self.app.config.retention),
            claimed_until: None,
        }
    }
}

/// What a search needs of these.
fn gist(connector: &dyn Connector, told: &[Change]) -> Gist {
    let mut kinds: Vec<ChangeKind> = Vec::new();
    for change in told {
        if !kinds.contains(&change.kind) {
            kinds.push(change.kind);
        }
    }
    let subjects = told.iter().filter_map(|change| connector.subject(&change.record));
    let subjects: Vec<String> = subjects.map(str::to_lowercase).collect();
    Gist { kinds, subjects: Some(subjects.join("\n")).filter(|all| all.len() <= SUBJECTS_BYTES_MAX) }
}

/// The state after a step; `counts` are the changes found and the events made of them.
fn begun(
    next: ResourceState,
    begins: Begins,
    cursor: Value,
    now: DateTime<Utc>,
    counts: [usize; 2],
) -> ResourceState {
    match begins {
        Begins::Baseline { .. } => next.with_baseline(cursor, now),
        Begins::Walk => ResourceState { cursor: Some(cursor), ..next.succeeded(now) },
        Begins::Looks => match Backfill::of(&next) {
            Some(backfill) => ResourceState { cursor: Some(counted(backfill, counts)), ..next },
            None => next,
        },
        Begins::Backfill(backfill) => {
            ResourceState { cursor: Some(counted(*backfill, counts)), ..next.succeeded(now) }
        }
    }
}

fn counted(mut backfill: Backfill, [found, told]: [usize; 2]) -> Value {
    backfill.changes_count += found as u64;
    backfill.events_count += told as u64;
    backfill.to_value()
}

/// A created object that was read.
fn witness(changes: &[Change]) -> Option<String> {
    let is_whole =
        |change: &&Change| change.kind == ChangeKind::Created && change.record.get(INCOMPLETE).is_none();
    changes.iter().rev().find(is_whole).map(|change| change.object_id.clone())
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
