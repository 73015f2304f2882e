//! What stands between two who poll.

use super::super::ports::TappedStore;
use super::{Mutation, late};
use app::ports::*;
use chrono::{DateTime, Utc};
use domain::ids::{EventId, InstanceId, Sequence};
use serde_json::Value;
use std::collections::HashSet;

/// What a poll of Outlook reads again, seconds.
const OVERLAP_S: i64 = 120;

impl TappedStore {
    pub(in super::super) async fn mutant_mailbox(&self, id: InstanceId) -> Result<Option<Mailbox>> {
        let Some(mut mailbox) = self.stored(id).await? else { return Ok(None) };
        if self.is(Mutation::OutboxFlushOff) {
            mailbox.resources.iter_mut().for_each(|row| row.outbox.clear());
        }
        if self.is(Mutation::IntentOff) {
            mailbox.instance.unsettled.clear();
        }
        if self.is(Mutation::BackoffOff) {
            mailbox.session.backoff_until = None;
            mailbox.resources.iter_mut().for_each(|row| row.state.backoff_until = None);
        }
        Ok(Some(mailbox))
    }

    pub(in super::super) async fn mutant_begin_poll(
        &self,
        id: InstanceId,
        fence: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written> {
        let written = match self.stored(id).await? {
            Some(stored) if self.is(Mutation::PollLeaseOff) => {
                self.inner.begin_poll(id, stored.poller.fence, late(now), until).await?
            }
            Some(stored) if self.is(Mutation::PollFenceOff) => {
                self.tap.took_fence(stored.poller.fence + 1);
                self.inner.begin_poll(id, stored.poller.fence, now, until).await?
            }
            _ => self.inner.begin_poll(id, fence, now, until).await?,
        };
        if written == Written::Done {
            self.tap.shared.sightings().leases(id, self.tap.caller().number, self.tap.shared.turns.now_us());
        }
        Ok(written)
    }

    pub(in super::super) async fn mutant_end_poll(&self, id: InstanceId, fence: u64) -> Result<PollEnded> {
        match self.stored(id).await? {
            Some(stored) if self.is(Mutation::PollLeaseReturnUnconditional) => {
                self.inner.end_poll(id, stored.poller.fence).await
            }
            _ if self.is(Mutation::PollFenceOff) => self.inner.end_poll(id, self.tap.fence()).await,
            _ => self.inner.end_poll(id, fence).await,
        }
    }

    pub(in super::super) async fn mutant_ask_again(
        &self,
        id: InstanceId,
        fence: u64,
        now: DateTime<Utc>,
    ) -> Result<Written> {
        if self.is(Mutation::PollMarkOff) {
            return Ok(Written::Done);
        }
        let written = self.inner.ask_again(id, fence, now).await?;
        if written == Written::Conflict && self.is(Mutation::PollMarkUnconditional) {
            // One on a lease that is given back is cleared by the next.
            let fence = self.stored(id).await?.map_or(0, |stored| stored.poller.fence);
            self.inner.ask_again(id, fence, now).await?;
            return Ok(Written::Done);
        }
        Ok(written)
    }

    pub(in super::super) async fn mutant_commit_poll(&self, commit: &PollCommit) -> Result<Written> {
        let mut commit = commit.clone();
        if self.is(Mutation::CommitUnconditional)
            && let Some(stored) = self.stored(commit.instance).await?
            && let Some(row) = stored.resources.iter().find(|row| row.state.resource == commit.state.resource)
        {
            commit.state.version = row.state.version + 1;
        }
        if self.is(Mutation::CommitToRemoved) {
            self.keep_row_of(&commit).await?;
        }
        let now_s = self.tap.shared.turns.now_us() / 1_000_000;
        if let Some(cursor) = &mut commit.state.cursor {
            match self.tap.shared.mutation {
                Some(Mutation::OverlapOff) => without_overlap(cursor, now_s),
                Some(Mutation::MemoryOff) => without_memory(cursor),
                _ => {}
            }
        }
        self.inner.commit_poll(&commit).await
    }

    /// As if nobody had taken the resource out.
    async fn keep_row_of(&self, commit: &PollCommit) -> Result<()> {
        let (id, resource) = (commit.instance.get(), &commit.state.resource);
        let version = commit.state.version - 1;
        self.forge(format!(
            "INSERT INTO resources (instance_id, resource, version, removed, written_at_us, document)
             VALUES ({id}, '{resource}', {version}, 0, 0, '{{}}')
             ON CONFLICT DO UPDATE SET version = excluded.version, removed = 0 WHERE removed = 1"
        ))
        .await
    }

    pub(in super::super) async fn mutant_logged_events(
        &self,
        id: InstanceId,
        events: &[EventId],
    ) -> Result<HashSet<EventId>> {
        match self.is(Mutation::RecheckOff) {
            true => Ok(HashSet::new()),
            false => self.inner.logged_events(id, events).await,
        }
    }

    pub(in super::super) async fn mutant_clear_outbox(
        &self,
        id: InstanceId,
        resource: &str,
        sequences: &[Sequence],
    ) -> Result<()> {
        let stored = self.stored(id).await?;
        let row = stored
            .as_ref()
            .and_then(|stored| stored.resources.iter().find(|row| row.state.resource == resource));
        let all =
            row.filter(|_| self.is(Mutation::OutboxClearUnconditional)).map(|row| row.outbox.as_slice());
        self.inner.clear_outbox(id, resource, all.unwrap_or(sequences)).await
    }
}

/// The newest position that was named, and nothing before it.
fn without_overlap(cursor: &mut Value, now_s: i64) {
    if let Some(newest) = cursor["named"].as_array().and_then(|named| named.last()).cloned() {
        cursor["history_id"] = newest["id"].clone();
        without_memory(cursor);
    }
    if let Some(watermark) = cursor["watermark"].as_i64() {
        cursor["watermark"] = (watermark + OVERLAP_S).min(now_s).max(watermark).into();
    }
}

fn without_memory(cursor: &mut Value) {
    if let Some(cursor) = cursor.as_object_mut() {
        cursor.retain(|key, _| !matches!(key.as_str(), "taken" | "memory"));
    }
}
