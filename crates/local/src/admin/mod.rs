//! `carillon admin …`: what to do, on which host, and how it is shown.

mod admission;
mod ailing;
mod report;
mod request;
#[cfg(feature = "aws")]
pub mod stack;

pub use report::{Say, show_secrets};
pub use request::{Action, DataKeyChange, OrganizationChange, Request, UserChange, UserNumber};

use crate::config::Config;
use crate::host::Host;
use anyhow::{Context as _, bail};
use app::App;
use app::admin::{Check, FindingReport, Mode, Others};
use app::ports::{Accounts, Administration};
use domain::ids::InstanceId;
use report::Report;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A backup takes no longer: while it reads, what others write stays in the log beside the database.
const BACKUP_TIMEOUT: Duration = Duration::from_secs(600);

/// A host to administer, wherever it runs.
pub struct Desk {
    /// The use cases on that host.
    pub app: App,
    /// The host as a whole.
    pub host: Arc<dyn Administration>,
    /// Who may call.
    pub accounts: Arc<dyn Accounts>,
    /// Whether other processes work on it.
    pub others: Others,
    /// Where browsers reach its console, where that is known.
    pub console_url: Option<String>,
}

/// Does what was asked, on the data folder.
pub async fn run(config: &Config, request: &Request, say: Say) -> anyhow::Result<()> {
    // A folder that was mistyped would look like one in order.
    if !request.action.makes_an_organization() && !Host::has_data(config) {
        bail!("there is no data in {}", config.data.display());
    }
    if let Action::Backup { file } = &request.action {
        return back_up(config, file, Report { say, json: request.json });
    }
    let (host, others) = Host::open_for_admin(config).await?;
    let desk = Desk {
        app: host.app.clone(),
        host: Arc::new(host.administration()),
        accounts: Arc::new(host.store.clone()),
        others,
        console_url: Some(config.console_url()),
    };
    run_at(&desk, request, say).await
}

/// Needs neither the keys nor the version of the data: a backup is made before an upgrade, too.
fn back_up(config: &Config, file: &Path, report: Report) -> anyhow::Result<()> {
    let backed_up = Host::back_up(config, file, BACKUP_TIMEOUT)?;
    report.backed_up(file, backed_up)
}

/// Does what was asked, on this host.
pub async fn run_at(desk: &Desk, request: &Request, say: Say) -> anyhow::Result<()> {
    let Desk { app, host, others, .. } = desk;
    let host = host.as_ref();
    let report = Report { say, json: request.json };
    match &request.action {
        &Action::Organizations { change } => admission::organizations(desk, change, report).await,
        Action::Secrets => admission::organizations(desk, Some(OrganizationChange::Add), report).await,
        &Action::Users { organization, change: None } => {
            admission::list_users(desk, organization, report).await
        }
        &Action::Users { change: Some(change), .. } => admission::change_user(desk, change, report).await,
        &Action::SignInLink { organization, user } => {
            admission::sign_in_link(desk, organization.zip(user), report).await
        }
        Action::DataKey { change: DataKeyChange::Rotate } => {
            bail!("only a stack has a data key of its own: `carillon admin --aws data-key rotate`")
        }
        Action::Backup { .. } => {
            bail!(
                "a stack's table is backed up by DynamoDB itself: see \"Restore from backup\" in docs/aws.md"
            )
        }
        Action::Mailboxes => report.groups(&app.mailbox_groups().await?),
        &Action::Mailbox { instance } => {
            let found = app.mailbox_report(host, instance).await?;
            report.mailbox(&found.with_context(|| no_instance(instance))?)
        }
        Action::Why { instance, missed } => {
            let reasons = app.why(*instance, &missed.read()?).await?;
            report.reasons(&reasons.with_context(|| no_instance(*instance))?)
        }
        Action::Queues => report.depths(&app.depths(host).await?),
        &Action::Redrive { limit } => report.redriven(app.redrive(host, limit as usize).await?),
        &Action::Check { mend } => {
            let mode = if mend { Mode::Mend } else { Mode::Show };
            let mut shown = Ok(());
            let mut tell = |found: FindingReport| {
                if shown.is_ok() {
                    shown = report.found(&found);
                }
            };
            let checked = app.check(host, Check { mode, others: *others }, &mut tell).await?;
            shown?;
            report.checked(&checked)
        }
    }
}

fn no_instance(id: InstanceId) -> String {
    format!("there is no instance {id}")
}
