//! `carillon admin …`: what to do, on which host, and how it is shown.

mod report;
mod request;
#[cfg(feature = "aws")]
pub mod stack;

pub use report::show_secrets;
pub use request::{Action, Flags, Request};

use crate::config::Config;
use crate::host::Host;
use anyhow::{Context as _, bail};
use app::App;
use app::admin::{Check, Found, Others};
use app::ports::{Accounts, Administration};
use report::Report;
use std::sync::Arc;

/// Shows a line.
pub type Say = fn(&str) -> anyhow::Result<()>;

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
}

/// Does what was asked, on the data folder.
pub async fn run(config: &Config, request: &Request, say: Say) -> anyhow::Result<()> {
    // A folder that was mistyped would look like one in order.
    if request.action != Action::AddOrganization && !Host::has_data(config) {
        bail!("there is no data in {}", config.data.display());
    }
    let (host, others) = Host::open_for_admin(config).await?;
    let desk = Desk {
        app: host.app.clone(),
        host: Arc::new(host.administration()),
        accounts: Arc::new(host.store.clone()),
        others,
    };
    run_at(&desk, request, say).await
}

/// Does what was asked, on this host.
pub async fn run_at(desk: &Desk, request: &Request, say: Say) -> anyhow::Result<()> {
    let Desk { app, host, accounts, others } = desk;
    let host = host.as_ref();
    let report = Report { say, json: request.json };
    match request.action {
        Action::ListOrganizations => organizations(accounts.as_ref(), report).await,
        Action::AddOrganization => report.admitted(&app.add_organization().await?),
        Action::AddUser { organization_id } => {
            let admitted = app.add_user(organization_id, true).await?;
            report.admitted(&admitted.with_context(|| format!("there is no organization {organization_id}"))?)
        }
        Action::RotateDataKey => {
            bail!("only a stack has a data key of its own: `carillon admin --aws data-key rotate`")
        }
        Action::Queues => report.depths(&app.depths(host).await?),
        Action::Redrive { limit } => report.redriven(app.redrive(host, limit).await?),
        Action::Check { mode } => {
            let mut shown = Ok(());
            let mut tell = |found: Found| {
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

/// Listings are shown this far, pages.
const PAGES_COUNT_MAX: usize = 1_000;

async fn organizations(accounts: &dyn Accounts, report: Report) -> anyhow::Result<()> {
    let mut from = None;
    for _ in 0..PAGES_COUNT_MAX {
        let page = accounts.organizations(from.as_ref()).await?;
        for organization in &page.items {
            report.organization(organization)?;
        }
        from = page.next;
        if from.is_none() {
            return Ok(());
        }
    }
    bail!("there are more organizations than are listed")
}
