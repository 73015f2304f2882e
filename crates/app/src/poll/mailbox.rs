//! Whose mailbox it is, where that was not known when the instance was connected.

use super::PollReport;
use super::run::Run;
use crate::instances::{mailbox_address, mailbox_digest};
use crate::ports::Result;
use connectors::ErrorKind;

impl Run<'_> {
    /// A baseline that a job takes records whose mailbox it is, if the creation could not.
    pub(super) async fn store_mailbox(
        &mut self,
        identity: Option<&str>,
        address: Option<&str>,
    ) -> Result<()> {
        let instance = &self.mailbox.instance;
        let digest = identity.filter(|_| instance.mailbox_digest.is_empty()).map(mailbox_digest);
        let is_news = instance.address.is_unasked();
        let address = is_news.then(|| mailbox_address::kept(self.app, instance, address)).transpose()?;
        if digest.is_none() && address.is_none() {
            return Ok(());
        }
        self.change_instance(|instance| {
            instance.mailbox_digest = digest.unwrap_or_else(|| std::mem::take(&mut instance.mailbox_digest));
            if let Some(address) = address {
                address.put_in(instance);
            }
        })
        .await
    }

    /// A row from before addresses were kept: behind a poll that was answered the provider is asked once. Whatever it
    /// says is stored, so that no later poll asks again; only where it says nothing for now the next poll does. One that
    /// has the address, but not what it is found by, gets that.
    pub(super) async fn learn_address(&mut self, report: &PollReport) -> Result<()> {
        let is_answered = report.resources.iter().any(|(_, one)| one.read);
        if is_answered && self.stopped.is_none() && mailbox_address::lacks_key(&self.mailbox.instance) {
            return self.store_address_key().await;
        }
        let is_known = !self.mailbox.instance.address.is_unasked();
        if is_known || !is_answered || self.stopped.is_some() || !self.gate.hold().await? {
            return Ok(());
        }
        let Some(token) = self.token.clone() else { return Ok(()) };
        let told = match self.connector.address(&self.call(&token)).await {
            Ok(told) => told,
            Err(error) => match error.kind {
                ErrorKind::Rejected
                | ErrorKind::ObjectRefused
                | ErrorKind::NotFound
                | ErrorKind::Malformed => None,
                _ => return Ok(()),
            },
        };
        self.store_mailbox(None, told.as_deref()).await
    }

    /// Where the address does not open nothing is written, however often it is tried.
    async fn store_address_key(&mut self) -> Result<()> {
        let mut next = self.mailbox.instance.clone();
        mailbox_address::complete(self.app, &mut next);
        if mailbox_address::lacks_key(&next) || !self.gate.hold().await? {
            return Ok(());
        }
        self.change_instance(|instance| instance.address_key = next.address_key).await
    }
}
