//! What an operator does: lets users in, sees what ails mailboxes, and looks for what crashes left.

pub(crate) mod accounts;
mod check;
mod examine;
mod finding;
mod mailbox;
mod why;

pub use accounts::Admitted;
pub use check::{Check, Checked, Mode, Others};
pub use finding::{Finding, FindingReport, Outcome};
pub use mailbox::{LastAttempt, MailboxGroup, MailboxReport, PushReport};
pub use why::{Missed, Reason, Reasons};

use crate::app::App;
use crate::audit::By;
use crate::ports::{Administration, Depth, Redriven, Result};
use crate::signing_in::{self, SignedIn};
use domain::ids::InstanceId;

/// What operators do.
///
/// # Errors
/// [`PortError`](crate::ports::PortError): nothing happened, or a repeat does no harm.
impl App {
    /// Makes an organization with a first user. The secrets are known to the caller alone: only hashes are kept.
    pub async fn add_organization(&self) -> Result<Admitted> {
        accounts::add_organization(&self.0, &By::administrator(&self.0)).await
    }

    /// Makes another user of an organization, who sees all of it or only their own; `None` if there is no such
    /// organization.
    pub async fn add_user(&self, organization_id: u32, sees_all: bool) -> Result<Option<Admitted>> {
        accounts::add_user(&self.0, &By::administrator(&self.0), organization_id, sees_all).await
    }

    /// Gives an organization another secret, which is known to the caller alone; `None` if there is no such
    /// organization.
    pub async fn replace_organization_secret(&self, organization_id: u32) -> Result<Option<String>> {
        accounts::replace_organization_secret(&self.0, &By::administrator(&self.0), organization_id).await
    }

    /// The same for a user of an organization.
    pub async fn replace_user_secret(&self, organization_id: u32, user_id: u32) -> Result<Option<String>> {
        accounts::replace_user_secret(&self.0, &By::administrator(&self.0), organization_id, user_id).await
    }

    /// Makes a link that signs this user in once, without their secrets; `None` if there is no such user.
    pub async fn sign_in_link(&self, organization_id: u32, user_id: u32) -> Result<Option<SignedIn>> {
        signing_in::link(&self.0, &By::administrator(&self.0), organization_id, user_id).await
    }

    /// Takes a user out; `false` if there is no such user of this organization.
    pub async fn remove_user(&self, organization_id: u32, user_id: u32) -> Result<bool> {
        accounts::remove_user(&self.0, &By::administrator(&self.0), organization_id, user_id).await
    }

    /// How a mailbox is; `None` if there is no such instance.
    pub async fn mailbox_report(
        &self,
        host: &dyn Administration,
        id: InstanceId,
    ) -> Result<Option<MailboxReport>> {
        mailbox::one(&self.0, host, id).await
    }

    /// All mailboxes of the host by what ails them, those that need somebody first.
    pub async fn mailbox_groups(&self) -> Result<Vec<MailboxGroup>> {
        mailbox::groups(&self.0).await
    }

    /// Why a receiver was not sent something; `None` if there is no such instance. It asks the provider, and notes that
    /// the operator asked.
    pub async fn why(&self, id: InstanceId, missed: &Missed) -> Result<Option<Reasons>> {
        why::why(&self.0, id, missed).await
    }

    /// How much is in each queue.
    pub async fn depths(&self, host: &dyn Administration) -> Result<Vec<Depth>> {
        host.depths(self.0.now()).await
    }

    /// Sends at most `limit` dead jobs again, due now.
    pub async fn redrive(&self, host: &dyn Administration, limit: usize) -> Result<Redriven> {
        host.redrive(limit, self.0.now()).await
    }

    /// Looks at everything for what a crash left, in either direction, and mends it if told to. Tells each
    /// finding as it comes up, so that nothing piles up over many instances.
    pub async fn check(
        &self,
        host: &dyn Administration,
        check: Check,
        tell: &mut (dyn FnMut(FindingReport) + Send),
    ) -> Result<Checked> {
        check::check(&self.0, host, check, tell).await
    }
}
