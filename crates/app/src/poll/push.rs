//! Keeping push in a poll: with its token, under its lease.

use super::run::{PollTrigger, Run};
use crate::ports::Result;
use crate::push::{Keeping, is_pulled_by};
use crate::tokens::NoToken;
use domain::settings::Settings;

impl Run<'_> {
    /// Makes and renews watches that are due; whether there is a reason to read on. Whatever the outcome, a poll does.
    pub(super) async fn keep_push(&mut self, settings: &Settings) -> Result<bool> {
        let reads = self.way != PollTrigger::Kept;
        if settings.push.is_none() || self.stopped.is_some() {
            return Ok(reads);
        }
        let (instance, connector) = (self.mailbox.instance.clone(), self.connector);
        is_pulled_by(self.app, &instance, connector, settings).await?;
        let Some(push) = connector.push() else { return Ok(reads) };
        let Some(mut keeping) = Keeping::of(self.app, &instance, connector, settings).await? else {
            return Ok(reads);
        };
        self.push = keeping.reading();
        if !keeping.is_due() {
            if self.way == PollTrigger::Tick {
                keeping.come_again().await?;
            }
            return Ok(reads);
        }
        // A renewed grant is one request, made as a tick's is; whatever comes after it takes the lease.
        let looks = self.way == PollTrigger::Kept && keeping.reauthorizes();
        if !looks && !self.gate.hold().await? {
            return Ok(reads);
        }
        if push.ends_with_token() {
            self.mailbox.session.refresh_if_short(self.app.now());
        }
        let token = match self.token(false).await {
            Ok(token) => token,
            Err(NoToken::Port(error)) => return Err(error),
            // The resources meet the same, and say so.
            Err(NoToken::Refused(_) | NoToken::Waiting) => return Ok(reads),
        };
        let token_until = self.mailbox.session.expires_at;
        let has_begun = keeping.keep(push, &self.call(&token), token_until).await?;
        self.push = keeping.reading();
        // What limits it limits the mailbox: reading on meets the same, and stores it for other processes.
        Ok(has_begun || reads || self.gate.is_limited())
    }
}
