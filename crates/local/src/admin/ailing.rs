//! What ails mailboxes, and why something did not arrive, as an operator reads it.

use super::report::Report;
use anyhow::Context as _;
use app::admin::{LastAttempt, MailboxGroup, MailboxReport, Reason, Reasons};
use chrono::{DateTime, SecondsFormat, Utc};

impl Report {
    /// One mailbox, a fact a line.
    pub(super) fn mailbox(self, report: &MailboxReport) -> anyhow::Result<()> {
        if self.json {
            return self.line(report);
        }
        let reason = report.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        self.fact("mailbox", &format!("{}, {}", report.instance, report.connector))?;
        self.fact("status", &format!("{}{reason}", report.status.text()))?;
        self.fact(
            "read until",
            &report.read_until.map_or_else(|| "never read as a whole".to_owned(), second),
        )?;
        self.fact("next poll", &report.next_poll_at.map_or_else(|| "none".to_owned(), second))?;
        self.fact("callback", &format!("{}, {} waiting", report.callback, report.waiting_count))?;
        if let Some(attempt) = &report.last_attempt {
            self.fact("last attempt", &attempted(attempt))?;
        }
        match &report.push {
            Some(push) if push.is_active => self.fact("push", "active")?,
            Some(push) => self.fact("push", push.reason.as_deref().unwrap_or("not active"))?,
            None => {}
        }
        report.notice.as_ref().map_or(Ok(()), |notice| self.fact("notice", notice))
    }

    /// All mailboxes, by what ails them.
    pub(super) fn groups(self, groups: &[MailboxGroup]) -> anyhow::Result<()> {
        if self.json {
            return groups.iter().try_for_each(|group| self.line(group));
        }
        if groups.is_empty() {
            return (self.say)("no mailbox");
        }
        for group in groups {
            let MailboxGroup { count, status, connector, waiting_count, example, .. } = group;
            let cause = group.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
            let waiting = match waiting_count {
                0 => String::new(),
                count => format!(", {count} waiting"),
            };
            let status = status.text();
            (self.say)(&format!("{count} {connector} {status}{cause}{waiting} (as {example})"))?;
        }
        Ok(())
    }

    /// Why something did not arrive, an object a line.
    pub(super) fn reasons(self, reasons: &Reasons) -> anyhow::Result<()> {
        if self.json {
            return self.line(reasons);
        }
        if let Some(why) = &reasons.not_read {
            (self.say)(&format!("the provider was not read: {why}"))?;
        }
        if reasons.objects.is_empty() {
            return (self.say)("nothing that is polled can be looked for in this way: try the object's id");
        }
        for Reason { resource, object_id, said, event_id, .. } in &reasons.objects {
            let object = object_id.as_deref().unwrap_or("nothing found");
            let event = event_id.as_ref().map(|id| format!(" (event {id})")).unwrap_or_default();
            (self.say)(&format!("{resource} {object}: {said}{event}"))?;
        }
        Ok(())
    }

    fn fact(self, name: &str, said: &str) -> anyhow::Result<()> {
        (self.say)(&format!("{name:<13} {said}")).context("printing")
    }
}

fn attempted(LastAttempt { at, number, status, error }: &LastAttempt) -> String {
    let answer = match (status, error) {
        (Some(status), _) => format!("answered {status}"),
        (None, Some(error)) => error.clone(),
        (None, None) => "no answer".to_owned(),
    };
    format!("number {number} of the oldest, at {}: {answer}", second(*at))
}

fn second(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
