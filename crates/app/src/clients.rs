//! The OAuth application that a mailbox signs in with: its own client id and secret, or a stored one that it names.
//!
//! Stored ones are kept in memory, so that a poll reads none; who is refused looks once whether it was changed.

use crate::ports::{PortError, Result, Secrets, Store};
use crate::sealing::Sealer;
use domain::application::Application;
use domain::settings::{Items, OAUTH_API_KEY, OAUTH_API_SECRET, OAUTH_APPLICATION, given};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Maximum applications that are kept; beyond it the memory is emptied and fills again.
const ENTRIES_COUNT_MAX: usize = 10_000;
/// What secrets of applications are sealed for; with organization and name as the field, none opens in another's place.
const PURPOSE: &str = "application";

/// A client id with its secret. No `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Client {
    /// Client id.
    pub(crate) key: String,
    /// Client secret.
    pub(crate) secret: String,
    /// The tenant that signs in, where only one does.
    pub(crate) tenant: Option<String>,
    /// Connector, organization and name of a stored application.
    pub(crate) stored: Option<StoredName>,
}

/// What a stored application is found by, and for which connector it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StoredName {
    organization_id: u32,
    name: String,
    pub(crate) connector: String,
}

impl Client {
    fn own(secrets: &Secrets) -> Self {
        let secret = |key: &str| secrets.get(key).cloned().unwrap_or_default();
        Client { key: secret(OAUTH_API_KEY), secret: secret(OAUTH_API_SECRET), tenant: None, stored: None }
    }
}

/// Stored applications, in front of the store.
pub(crate) struct Clients {
    store: Arc<dyn Store>,
    sealer: Arc<Sealer>,
    kept: Mutex<HashMap<(u32, String), Client>>,
}

impl Clients {
    pub(crate) fn before(store: Arc<dyn Store>, sealer: Arc<Sealer>) -> Self {
        Clients { store, sealer, kept: Mutex::default() }
    }

    /// What a stored configuration signs in with, from memory where it was read before.
    pub(crate) async fn of(&self, organization_id: u32, plain: &Items, secrets: &Secrets) -> Result<Client> {
        let Some(name) = given(plain, OAUTH_APPLICATION) else { return Ok(Client::own(secrets)) };
        let kept = self.kept().get(&(organization_id, name.to_owned())).cloned();
        if let Some(client) = kept {
            return Ok(client);
        }
        let read = self.read(organization_id, name).await?;
        read.ok_or_else(|| PortError::new("reading an application", "the one that an instance names is gone"))
    }

    /// The same as it is stored now; `None` if there is no application of that name.
    pub(crate) async fn now(
        &self,
        organization_id: u32,
        plain: &Items,
        secrets: &Secrets,
    ) -> Result<Option<Client>> {
        match given(plain, OAUTH_APPLICATION) {
            Some(name) => self.read(organization_id, name).await,
            None => Ok(Some(Client::own(secrets))),
        }
    }

    /// What became of a stored one that a provider refused; `None` if it is as it was.
    pub(crate) async fn newer(&self, refused: &Client) -> Result<Option<Client>> {
        let Some(stored) = &refused.stored else { return Ok(None) };
        let read = self.read(stored.organization_id, &stored.name).await?;
        Ok(read.filter(|read| read != refused))
    }

    /// Seals a secret for the place where it will be stored.
    pub(crate) fn seal(&self, organization_id: u32, name: &str, secret: &str) -> Result<String> {
        let sealed = self.sealer.seal_for(PURPOSE, &field(organization_id, name), secret.as_bytes());
        sealed.map_err(|error| PortError::new("sealing an application's secret", error))
    }

    async fn read(&self, organization_id: u32, name: &str) -> Result<Option<Client>> {
        let Some(read) = self.store.application(organization_id, name).await? else { return Ok(None) };
        let client = self.opened(read.application)?;
        let mut kept = self.kept();
        if kept.len() >= ENTRIES_COUNT_MAX {
            kept.clear();
        }
        kept.insert((organization_id, name.to_owned()), client.clone());
        Ok(Some(client))
    }

    fn opened(&self, application: Application) -> Result<Client> {
        let context = "opening an application's secret";
        let Application { organization_id, name, connector, api_key, api_secret_sealed, tenant, .. } =
            application;
        let secret = self.sealer.open_for(PURPOSE, &field(organization_id, &name), &api_secret_sealed);
        let secret = secret.map_err(|error| PortError::new(context, error))?;
        let secret = String::from_utf8(secret).map_err(|_| PortError::new(context, "it is no text"))?;
        let stored = Some(StoredName { organization_id, name, connector });
        Ok(Client { key: api_key, secret, tenant, stored })
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<(u32, String), Client>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn field(organization_id: u32, name: &str) -> String {
    format!("{organization_id}/{name}")
}
