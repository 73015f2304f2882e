//! Who may call: organizations and users.

use super::report::Report;
use super::{Admission, Desk};
use anyhow::{Context as _, bail};
use app::ports::{Accounts, Mark, Page, Result};

/// Listings are shown this far, pages.
const PAGES_COUNT_MAX: usize = 1_000;

pub(super) async fn run(desk: &Desk, admission: Admission, report: Report) -> anyhow::Result<()> {
    let Desk { app, accounts, .. } = desk;
    match admission {
        Admission::ListOrganizations => {
            for organization in organizations(accounts.as_ref()).await? {
                report.organization(&organization)?;
            }
            Ok(())
        }
        Admission::AddOrganization => report.admitted(&app.add_organization().await?),
        Admission::ReplaceOrganizationSecret { organization_id } => {
            let secret = app.replace_organization_secret(organization_id).await?;
            let secret = secret.with_context(|| no_organization(organization_id))?;
            report.organization_secret(organization_id, &secret)
        }
        Admission::ListUsers { organization_id } => users(desk, organization_id, report).await,
        Admission::AddUser { organization_id, sees_all } => {
            let admitted = app.add_user(organization_id, sees_all).await?;
            report.admitted(&admitted.with_context(|| no_organization(organization_id))?)
        }
        Admission::ReplaceUserSecret { organization_id, user_id } => {
            let secret = app.replace_user_secret(organization_id, user_id).await?;
            let secret = secret.with_context(|| no_user(organization_id, user_id))?;
            report.user_secret(organization_id, user_id, &secret)
        }
        Admission::RemoveUser { organization_id, user_id } => {
            if !app.remove_user(organization_id, user_id).await? {
                bail!(no_user(organization_id, user_id));
            }
            report.removed(organization_id, user_id)
        }
    }
}

async fn users(desk: &Desk, organization_id: Option<u32>, report: Report) -> anyhow::Result<()> {
    let accounts = desk.accounts.as_ref();
    let listed: Vec<u32> = organizations(accounts).await?.iter().map(|one| one.id).collect();
    let shown = match organization_id {
        Some(id) if !listed.contains(&id) => bail!(no_organization(id)),
        Some(id) => vec![id],
        None => listed,
    };
    for id in shown {
        for user in all(async |from| accounts.users(id, from.as_ref()).await).await? {
            report.user(&user)?;
        }
    }
    Ok(())
}

async fn organizations(accounts: &dyn Accounts) -> anyhow::Result<Vec<app::ports::Organization>> {
    all(async |from| accounts.organizations(from.as_ref()).await).await
}

async fn all<T>(mut read: impl AsyncFnMut(Option<Mark>) -> Result<Page<T>>) -> anyhow::Result<Vec<T>> {
    let (mut from, mut items) = (None, Vec::new());
    for _ in 0..PAGES_COUNT_MAX {
        let page = read(from).await?;
        items.extend(page.items);
        from = page.next;
        if from.is_none() {
            return Ok(items);
        }
    }
    bail!("there are more than are listed")
}

fn no_organization(organization_id: u32) -> String {
    format!("there is no organization {organization_id}")
}

fn no_user(organization_id: u32, user_id: u32) -> String {
    format!("organization {organization_id} has no user {user_id}")
}
