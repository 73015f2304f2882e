//! Organizations and users, with secrets that are shown once.

use crate::app::Inner;
use crate::instances::random_token;
use crate::ports::Result;
use crate::sealing::Lookup;
use domain::instance::Account;

/// A new user. No `Debug`: it holds secrets.
pub struct Admitted {
    pub account: Account,
    pub user_secret: String,
    /// That of a new organization; an older one's is stored as a hash and known to its owner alone.
    pub organization_secret: Option<String>,
}

impl Admitted {
    /// What a request of this user carries, as far as it is known here.
    pub fn authorization(&self) -> String {
        let user = format!("User {}", self.user_secret);
        match &self.organization_secret {
            Some(organization) => format!("{user}, Organization {organization}"),
            None => user,
        }
    }
}

pub(crate) async fn add_organization(app: &Inner) -> Result<Admitted> {
    let (user, organization) = (random_token(app), random_token(app));
    let organization_hash = app.sealer.lookup_hash(Lookup::Organization, &organization);
    let account = app
        .ports
        .accounts
        .add_organization(&organization_hash, &app.sealer.lookup_hash(Lookup::User, &user))
        .await?;
    Ok(Admitted { account, user_secret: user, organization_secret: Some(organization) })
}

pub(crate) async fn add_user(app: &Inner, organization_id: u32, sees_all: bool) -> Result<Option<Admitted>> {
    let user = random_token(app);
    let hash = app.sealer.lookup_hash(Lookup::User, &user);
    let account = app.ports.accounts.add_user(organization_id, &hash, sees_all).await?;
    Ok(account.map(|account| Admitted { account, user_secret: user, organization_secret: None }))
}
