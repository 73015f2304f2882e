//! The access token of a mailbox that stays signed in while its instance is changed.

use super::Refusal;
use crate::context::Context;
use crate::ports::Mailbox;
use crate::tokens::{Holder, NoToken};
use connectors::Connector;
use std::sync::Arc;

/// The token that a change asks the mailbox with.
#[derive(Default)]
pub(super) struct KeptToken {
    token: Option<String>,
    /// The one that the provider did not take.
    refused: Option<String>,
}

impl KeptToken {
    /// The token, read or refreshed once.
    pub(super) async fn get(
        &mut self,
        app: &Context,
        connector: &Arc<dyn Connector>,
        mailbox: &Mailbox,
    ) -> Result<String, Refusal> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let holder = Holder::of(&mailbox.instance, connector);
        let mut session = mailbox.session.clone();
        let token = app.access_token(&holder, &mut session, self.refused.as_deref()).await;
        let token = token.map_err(|error| match error {
            NoToken::Refused(error) => error.into(),
            NoToken::Port(error) => error.into(),
            NoToken::Waiting => Refusal::Provider {
                message: "the access token is being refreshed by a slow poll".to_owned(),
                provider_message: None,
                is_unavailable: true,
            },
        })?;
        Ok(self.token.insert(token).clone())
    }

    /// The provider did not take it, since it ended early: whether there is another one to ask for, once. Otherwise the
    /// change would be refused, and again until a poll has renewed the token.
    pub(super) fn refuse(&mut self) -> bool {
        let is_first = self.refused.is_none();
        self.refused = self.token.take().or(self.refused.take());
        is_first && self.refused.is_some()
    }
}
