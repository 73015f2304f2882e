//! Stored OAuth applications: kept once for all the mailboxes of an organization that sign in with them.

use crate::audit::By;
use crate::context::Context;
use crate::ports::{PortError, Result, Rows, StoredApplication, Written};
use domain::application::Application;
use domain::settings::MASK;
use serde_json::{Value, json};

/// Tries against others who change the same application.
const TRIES_COUNT_MAX: usize = 5;

/// What a new application is made of, checked. No `Debug`.
pub(crate) struct NewApplication {
    pub(crate) name: String,
    pub(crate) connector: String,
    pub(crate) api_key: String,
    pub(crate) api_secret: String,
    pub(crate) tenant: Option<String>,
}

/// What changes of an application, checked; what is `None` stays. No `Debug`.
pub(crate) struct ApplicationPatch {
    pub(crate) api_secret: Option<String>,
    /// `Some(None)`: every tenant's users.
    pub(crate) tenant: Option<Option<String>>,
}

/// How a removal ended.
pub(crate) enum Removal {
    Done,
    /// There is none.
    Missing,
    /// So many instances name it.
    InUse(u64),
}

/// Whether a new application is stored, or only tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Create {
    Store,
    Try,
}

/// Stores an application; `None` if the name is taken.
pub(crate) async fn create(
    app: &Context,
    by: &By,
    organization_id: u32,
    (new, how): (NewApplication, Create),
) -> Result<Option<StoredApplication>> {
    let now = app.now();
    let application = Application {
        organization_id,
        api_secret_sealed: app.clients.seal(organization_id, &new.name, &new.api_secret)?,
        name: new.name,
        connector: new.connector,
        api_key: new.api_key,
        tenant: new.tenant,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    if how == Create::Try {
        let is_taken = app.ports.store.application(organization_id, &application.name).await?.is_some();
        return Ok((!is_taken).then_some(StoredApplication { application, instances_count: 0 }));
    }
    let documents = (None, Some(document(&application)));
    let entry = by.entry(app, organization_id, "application.created", subject(&application.name), documents);
    Ok(match app.ports.store.insert_application(&application, &entry).await? {
        Written::Done => Some(StoredApplication { application, instances_count: 0 }),
        Written::Conflict | Written::Gone => None,
    })
}

/// Changes an application; `None` if there is none of that name.
pub(crate) async fn change(
    app: &Context,
    by: &By,
    (organization_id, name): (u32, &str),
    patch: &ApplicationPatch,
) -> Result<Option<StoredApplication>> {
    for _ in 0..TRIES_COUNT_MAX {
        let Some(stored) = app.ports.store.application(organization_id, name).await? else { return Ok(None) };
        let before = &stored.application;
        let mut after = Application { updated_at: app.now(), version: before.version + 1, ..before.clone() };
        if let Some(secret) = &patch.api_secret {
            after.api_secret_sealed = app.clients.seal(organization_id, name, secret)?;
        }
        if let Some(tenant) = &patch.tenant {
            after.tenant.clone_from(tenant);
        }
        let documents = (Some(document(before)), Some(document(&after)));
        let entry = by.entry(app, organization_id, "application.changed", subject(name), documents);
        if app.ports.store.change_application(&after, &entry).await? == Written::Done {
            return Ok(Some(StoredApplication { application: after, ..stored }));
        }
    }
    Err(PortError::new("changing an application", "it was changed at each try"))
}

/// Removes an application that no instance names.
pub(crate) async fn remove(app: &Context, by: &By, (organization_id, name): (u32, &str)) -> Result<Removal> {
    for _ in 0..TRIES_COUNT_MAX {
        let stored = app.ports.store.application(organization_id, name).await?;
        let Some(StoredApplication { application, instances_count }) = stored else {
            return Ok(Removal::Missing);
        };
        if instances_count > 0 {
            return Ok(Removal::InUse(instances_count));
        }
        let documents = (Some(document(&application)), None);
        let entry = by.entry(app, organization_id, "application.removed", subject(name), documents);
        if app.ports.store.remove_application(&application, &entry).await? == Written::Done {
            return Ok(Removal::Done);
        }
    }
    Err(PortError::new("removing an application", "it was changed at each try"))
}

/// One by its name.
pub(crate) async fn read(
    app: &Context,
    organization_id: u32,
    name: &str,
) -> Result<Option<StoredApplication>> {
    app.ports.store.application(organization_id, name).await
}

/// A page by name, after one, and whether there is more.
pub(crate) async fn list(
    app: &Context,
    organization_id: u32,
    after: Option<&str>,
    size: usize,
) -> Result<(Rows<StoredApplication>, bool)> {
    // One more than asked for shows it.
    let mut page = app.ports.store.applications(organization_id, after, size + 1).await?;
    let is_more = page.rows.len() > size;
    page.rows.truncate(size);
    Ok((page, is_more))
}

fn subject(name: &str) -> String {
    format!("applications/{name}")
}

/// Of the secret there is only that it is there, and the version that it may have come with.
fn document(application: &Application) -> Value {
    json!({
        "name": application.name,
        "connector": application.connector,
        "apiKey": application.api_key,
        "apiSecret": MASK,
        "tenant": application.tenant,
        "version": application.version,
    })
}
