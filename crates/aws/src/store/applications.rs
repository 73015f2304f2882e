//! The [`Applications`] port: an item for each OAuth application, in a partition of its organization.
//!
//! How many instances name it is an attribute beside the document, which the transactions of instances add to.

use super::DynamoStore;
use super::audit;
use super::key::{self, Key};
use super::row::{Row, json, number, text};
use super::table::{KeyQuery, Write, WritesEnded};
use app::ports::{Applications, AuditEntry, Result, Rows, StoredApplication, Written};
use async_trait::async_trait;
use domain::application::Application;
use domain::instance::Instance;

/// Maximum applications of one page.
const PAGE_COUNT_MAX: usize = 1000;

fn key(application: &Application) -> Key {
    Key::application(application.organization_id, &application.name)
}

fn read(row: &Row) -> Result<StoredApplication> {
    Ok(StoredApplication { application: row.json("doc")?, instances_count: row.number("instances")? })
}

/// What counts, in an instance's transaction, what it names after a change instead of before. Each has to be there.
pub(super) fn recount(before: Option<&Instance>, after: &Instance) -> Vec<Write> {
    let (former, present) = (before.and_then(Instance::application), after.application());
    if former == present {
        return Vec::new();
    }
    let count = |name: &str, by: i8| {
        Write::update(Key::application(after.account.organization_id, name), "ADD instances :by")
            .when("attribute_exists(pk)")
            .with(":by", number(by))
    };
    present.map(|name| count(name, 1)).into_iter().chain(former.map(|name| count(name, -1))).collect()
}

impl DynamoStore {
    async fn with_entry(&self, context: &'static str, write: Write, entry: &AuditEntry) -> Result<Written> {
        Ok(match self.table.transact(context, vec![write, audit::put(entry)?]).await? {
            WritesEnded::Done => Written::Done,
            WritesEnded::Refused(_) => Written::Conflict,
        })
    }
}

#[async_trait]
impl Applications for DynamoStore {
    async fn insert_application(&self, application: &Application, audit: &AuditEntry) -> Result<Written> {
        let attributes =
            [("doc", json(application)?), ("version", number(application.version)), ("instances", number(0))];
        let put = Write::put(&key(application), attributes).when("attribute_not_exists(pk)");
        self.with_entry("store an application", put, audit).await
    }

    async fn application(&self, organization_id: u32, name: &str) -> Result<Option<StoredApplication>> {
        let row = self.table.get("read an application", &Key::application(organization_id, name)).await?;
        row.as_ref().map(read).transpose()
    }

    async fn applications(
        &self,
        organization_id: u32,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Rows<StoredApplication>> {
        let limit = limit.min(PAGE_COUNT_MAX);
        if limit == 0 {
            return Ok(Rows::default());
        }
        let range = after.map(|after| ("sk", "#sort > :from", text(after)));
        let page = KeyQuery { range, limit: Some(limit), ..KeyQuery::of(key::applications(organization_id)) };
        self.table.readable("list applications", page, read).await
    }

    async fn change_application(&self, application: &Application, audit: &AuditEntry) -> Result<Written> {
        let update = Write::update(key(application), "SET doc = :doc, version = :version")
            .when("version = :before")
            .with(":doc", json(application)?)
            .with(":version", number(application.version))
            .with(":before", number(application.version.saturating_sub(1)));
        self.with_entry("change an application", update, audit).await
    }

    async fn remove_application(&self, application: &Application, audit: &AuditEntry) -> Result<Written> {
        let delete = Write::delete(key(application))
            .when("version = :version AND instances = :none")
            .with(":version", number(application.version))
            .with(":none", number(0));
        self.with_entry("remove an application", delete, audit).await
    }
}
