//! Keeping push in a poll: with its token, under its lease.

use super::run::Run;
use crate::ports::Result;
use crate::push::{Keeping, is_pulled_by};
use crate::tokens::NoToken;
use domain::settings::Settings;

impl Run<'_> {
    /// Makes and renews watches that are due. Whatever the outcome, the poll goes on.
    pub(super) async fn keep_push(&mut self, settings: &Settings) -> Result<()> {
        if settings.push.is_none() || self.stopped.is_some() {
            return Ok(());
        }
        let (instance, connector) = (self.mailbox.instance.clone(), self.connector);
        is_pulled_by(self.app, &instance, connector, settings).await?;
        let Some(keeping) = Keeping::of(self.app, &instance, connector, settings).await? else {
            return Ok(());
        };
        if !self.gate.hold().await? {
            return Ok(());
        }
        if keeping.reauthorizes() {
            self.mailbox.session.refresh_if_short(self.app.now());
        }
        let token = match self.token(false).await {
            Ok(token) => token,
            Err(NoToken::Port(error)) => return Err(error),
            // The resources meet the same, and say so.
            Err(NoToken::Refused(_) | NoToken::Waiting) => return Ok(()),
        };
        match connector.push() {
            Some(push) => keeping.keep(push, &self.call(&token)).await,
            None => Ok(()),
        }
    }
}
