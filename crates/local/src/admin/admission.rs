//! Who may call: organizations and users.

use super::report::Report;
use super::{Desk, OrganizationChange, UserChange, UserNumber};
use anyhow::{Context as _, bail};
use app::ports::{Accounts, HostPage, ListingMark, Result};

/// Listings are shown this far, pages.
const PAGES_COUNT_MAX: usize = 1_000;

pub(super) async fn organizations(
    desk: &Desk,
    change: Option<OrganizationChange>,
    report: Report,
) -> anyhow::Result<()> {
    match change {
        None => {
            for organization in all_organizations(desk.accounts.as_ref()).await? {
                report.organization(&organization)?;
            }
            Ok(())
        }
        Some(OrganizationChange::Add) => report.admitted(&desk.app.add_organization().await?),
        Some(OrganizationChange::Rotate { organization }) => {
            let secret = desk.app.replace_organization_secret(organization).await?;
            let secret = secret.with_context(|| no_organization(organization))?;
            report.organization_secret(organization, &secret)
        }
    }
}

pub(super) async fn change_user(desk: &Desk, change: UserChange, report: Report) -> anyhow::Result<()> {
    match change {
        UserChange::Add { organization, own } => {
            let admitted = desk.app.add_user(organization, !own).await?;
            report.admitted(&admitted.with_context(|| no_organization(organization))?)
        }
        UserChange::Rotate(UserNumber { organization, user }) => {
            let secret = desk.app.replace_user_secret(organization, user).await?;
            let secret = secret.with_context(|| no_user(organization, user))?;
            report.user_secret(organization, user, &secret)
        }
        UserChange::Remove(UserNumber { organization, user }) => {
            if !desk.app.remove_user(organization, user).await? {
                bail!(no_user(organization, user));
            }
            report.removed(organization, user)
        }
    }
}

/// The first user's by default: on a laptop there is no other.
pub(super) async fn sign_in_link(
    desk: &Desk,
    named: Option<(u32, u32)>,
    report: Report,
) -> anyhow::Result<()> {
    let (organization, user) = match named {
        Some(named) => named,
        None => first_user(desk).await?,
    };
    let console_url =
        desk.console_url.as_deref().context("CARILLON_PUBLIC_URL must say where the console is")?;
    let link = desk.app.sign_in_link(organization, user).await?;
    report.sign_in_link(console_url, &link.with_context(|| no_user(organization, user))?)
}

async fn first_user(desk: &Desk) -> anyhow::Result<(u32, u32)> {
    let organizations = desk.accounts.organizations(None).await?;
    let first = organizations.items.first().context("there is no organization")?.id;
    let users = desk.accounts.users(first, None).await?;
    Ok((
        first,
        users.items.first().with_context(|| format!("organization {first} has no user"))?.account.user_id,
    ))
}

pub(super) async fn list_users(desk: &Desk, organization: Option<u32>, report: Report) -> anyhow::Result<()> {
    let accounts = desk.accounts.as_ref();
    let listed: Vec<u32> = all_organizations(accounts).await?.iter().map(|one| one.id).collect();
    let shown = match organization {
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

async fn all_organizations(accounts: &dyn Accounts) -> anyhow::Result<Vec<app::ports::Organization>> {
    all(async |from| accounts.organizations(from.as_ref()).await).await
}

async fn all<T>(
    mut read: impl AsyncFnMut(Option<ListingMark>) -> Result<HostPage<T>>,
) -> anyhow::Result<Vec<T>> {
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
