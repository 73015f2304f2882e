#![doc = include_str!("README.md")]

mod api;
mod backfill;
mod catch_up;
mod collapse;
mod conditions;
mod cursor;
mod error;
mod history;
mod hub;
mod hydrate;
mod labelled;
mod lists;
mod normalize;
mod plan;
mod records;
mod taken;
#[cfg(test)]
mod tests;
mod threads;
mod walk;
mod window;

use crate::descriptor::{Descriptor, Endpoint, OAuth, Polling, Resource};
use crate::error::{Error, Kind};
use crate::hub::{Answer, Query, ReadError};
use crate::{Baseline, Call, Connector, FailedRecord, Past, Step, Window, snapshot};
use async_trait::async_trait;
use cursor::Cursor;
use domain::event::Change;
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use lists::Lists;
use plan::{Plan, Watched};
use serde_json::Value;
use walk::Begun;

/// Gmail.
pub(crate) struct Gmail;

static DESCRIPTOR: Descriptor = Descriptor {
    id: 6409,
    key: "gmail",
    name: "Gmail",
    description: "Add a Gmail instance to be told of new, changed and deleted messages.",
    hub: "general",
    protocol_type: "http",
    odata: false,
    api: Endpoint { variable: "CARILLON_GMAIL_API_URL", default: "https://gmail.googleapis.com" },
    oauth: OAuth {
        authorize: Endpoint {
            variable: "CARILLON_GOOGLE_AUTH_URL",
            default: "https://accounts.google.com/o/oauth2/v2/auth",
        },
        token: Endpoint {
            variable: "CARILLON_GOOGLE_TOKEN_URL",
            default: "https://oauth2.googleapis.com/token",
        },
        scopes: "https://www.googleapis.com/auth/gmail.readonly",
        // Without both, Google gives a refresh token only at the very first consent.
        authorize_parameters: &[("access_type", "offline"), ("prompt", "consent")],
        translate_scope: str::to_owned,
        required_scopes: &[],
        scope_on_refresh: false,
    },
    resources: &[
        Resource {
            name: "changed-messages",
            aliases: &["changed-message"],
            polling: Polling::Changes,
            poller: r#"{"url":"/hubs/general/changed-messages","idField":"id"}"#,
        },
        Resource {
            name: "messages",
            aliases: &[],
            polling: Polling::Changes,
            poller: r#"{"url":"/hubs/general/messages","idField":"id"}"#,
        },
        Resource { name: "messages/{id}/attachments", aliases: &[], polling: Polling::Never, poller: "" },
        Resource {
            name: "threads",
            aliases: &[],
            polling: Polling::Changes,
            poller: r#"{"url":"/hubs/general/threads","idField":"id"}"#,
        },
        Resource {
            name: "labels",
            aliases: &[],
            polling: Polling::Snapshots,
            poller: r#"{"url":"/hubs/general/labels","idField":"id"}"#,
        },
        Resource {
            name: "drafts",
            aliases: &[],
            polling: Polling::Snapshots,
            poller: r#"{"url":"/hubs/general/drafts","idField":"id"}"#,
        },
    ],
    readme: include_str!("README.md"),
};

#[async_trait]
impl Connector for Gmail {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn check(&self, resource: &ResourceConfig) -> Result<(), Invalid> {
        let key = format!("event.poller.configuration.{}.url", resource.name);
        let checked =
            Plan::of(resource, chrono::DateTime::UNIX_EPOCH).and_then(|_| labelled::check(resource));
        checked.map_err(|rule| Invalid::new(key, rule))
    }

    async fn baseline(&self, call: &Call<'_>, resource: &ResourceConfig) -> Result<Baseline, Error> {
        let plan = Plan::at_poll(resource, call)?;
        let profile = api::profile(call).await?;
        let cursor = match plan.watched {
            Watched::Messages | Watched::Threads => Cursor::at(profile.history_id).to_value(),
            Watched::Labels | Watched::Drafts => {
                snapshot::baseline(&Lists { call, plan: &plan }, call.now).await?
            }
        };
        Ok(Baseline { cursor, identity: Some(profile.email_address.to_ascii_lowercase()) })
    }

    async fn poll(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        cursor: &Value,
        past: &Past,
    ) -> Result<Step, Error> {
        let plan = Plan::at_poll(resource, call)?;
        if let Watched::Labels | Watched::Drafts = plan.watched {
            return snapshot::step(&Lists { call, plan: &plan }, cursor, past).await;
        }
        let stored = cursor;
        let cursor = Cursor::from_value(stored)?;
        if let Some(catch_up) = &cursor.catch_up {
            return catch_up::step(call, &plan, &cursor, catch_up, past).await;
        }
        match walk::begin(call, stored, &cursor, past).await? {
            Begun::Nothing(step) => Ok(step),
            Begun::Walk(walk) if plan.watched == Watched::Threads => {
                threads::tell(call, &plan, walk, past).await
            }
            Begun::Walk(walk) => history::tell(call, &plan, walk, past).await,
        }
    }

    async fn recover(&self, call: &Call<'_>, cursor: &Value, past: &Past) -> Result<Step, Error> {
        catch_up::begin(call, &Cursor::from_value(cursor)?, past).await
    }

    async fn backfill(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        window: Window,
        cursor: Option<&Value>,
        past: &Past,
    ) -> Result<Step, Error> {
        let plan = Plan::at_poll(resource, call)?;
        if let Watched::Labels | Watched::Drafts = plan.watched {
            let reason = format!("`{}` can't be read again by time", resource.name);
            return Err(Error::new(Kind::Rejected, reason));
        }
        backfill::step(call, &plan, window, cursor, past).await
    }

    async fn read(&self, call: &Call<'_>, query: &Query) -> Result<Answer, ReadError> {
        hub::read(call, query).await
    }

    async fn lacks(&self, call: &Call<'_>, resource: &ResourceConfig) -> Result<Vec<String>, Error> {
        labelled::lacks(call, resource).await
    }

    async fn ping(&self, call: &Call<'_>) -> Result<(), Error> {
        api::profile(call).await.map(drop)
    }

    async fn fetch(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        record: &FailedRecord,
    ) -> Result<Option<Change>, Error> {
        let plan = Plan::at_poll(resource, call)?;
        let message = hydrate::read(call, &plan, &record.object_id).await?;
        let change = catch_up::read_again(message, &plan, record, call.now);
        Ok(change.map(|change| history::unmarked(change, record)))
    }
}
