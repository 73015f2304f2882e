//! What a poll tells of its traces: its own, and the beginning of each notification's.

use super::run::Run;
use crate::signals::PollEnd;
use chrono::{DateTime, Utc};
use domain::ids::Sequence;
use domain::trace::{Span, SpanFact, SpanId, SpanWork, TraceId};

impl Run<'_> {
    /// The poll is over.
    pub(super) fn trace_poll(&self, end: PollEnd, changes_count: usize) {
        self.app.traced(self.trace, || Span {
            trace: self.trace,
            id: SpanId::root_of(self.trace),
            parent: None,
            link: None,
            work: SpanWork::Poll,
            began_at: self.began_at,
            ended_at: self.app.now(),
            error: (end == PollEnd::Failed).then_some(end.word()),
            facts: vec![
                ("instance.id", self.mailbox.instance.id.get().into()),
                ("connector", self.connector.descriptor().key.into()),
                ("end", end.word().into()),
                ("changes", changes_count.into()),
            ],
        });
    }

    /// These notifications were committed.
    pub(super) fn trace_commit(
        &self,
        resource: &str,
        began_at: DateTime<Utc>,
        sequences: &[Sequence],
        event_ids: &[String],
    ) {
        let (Some(first), Some(spans)) = (sequences.first(), &self.app.ports.spans) else { return };
        let commit = SpanId::of_commit(self.trace, *first);
        let of_resource = || -> Vec<(&'static str, SpanFact)> {
            vec![("instance.id", self.mailbox.instance.id.get().into()), ("resource", resource.into())]
        };
        let ended_at = self.app.now();
        if spans.keeps(self.trace) {
            let mut facts = of_resource();
            facts.push(("notifications", event_ids.len().into()));
            spans.ended(Span {
                trace: self.trace,
                id: commit,
                parent: Some(SpanId::root_of(self.trace)),
                link: None,
                work: SpanWork::Commit,
                began_at,
                ended_at,
                error: None,
                facts,
            });
        }
        for event_id in event_ids {
            let trace = TraceId::of_notification(event_id);
            self.app.traced(trace, || {
                let mut facts = of_resource();
                facts.push(("event.id", event_id.as_str().into()));
                Span {
                    trace,
                    id: SpanId::root_of(trace),
                    parent: None,
                    link: Some((self.trace, commit)),
                    work: SpanWork::Notification,
                    began_at,
                    ended_at,
                    error: None,
                    facts,
                }
            });
        }
    }
}
