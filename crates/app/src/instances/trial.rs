//! Trying a poller configuration before it is stored: each resource is read once, and what it would do is reported.

use super::Refusal;
use crate::context::Context;
use chrono::{DateTime, Duration, Utc};
use connectors::hub::{Answer, Query, ReadError};
use connectors::{Call, Connector, ErrorKind, Http, Polling};
use domain::invalid::Invalid;
use domain::resource::{DateField, HubRead, ResourceConfig};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// All of a request that asks a provider, seconds: a client waits meanwhile.
const REQUEST_S: i64 = 20;
/// Records looked at of each resource: enough to see whether the configured fields are there.
const RECORDS_COUNT: u32 = 5;

/// The outcome of trying one resource.
pub(crate) struct Trial {
    pub(crate) resource: String,
    pub(crate) outcome: Outcome,
}

/// What a resource of a configuration would do.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Trial")]
pub(crate) struct Outcome {
    /// The resource of the hub.
    reads: String,
    method: Method,
    /// The condition, with its dates filled in.
    #[serde(rename = "where")]
    condition: String,
    /// What the condition names and this mailbox does not have, so that nothing would be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    lacks: Option<Vec<String>>,
    /// Records looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<usize>,
    /// Those that have the configured id.
    #[serde(skip_serializing_if = "Option::is_none")]
    with_id: Option<usize>,
    /// Those that have the configured date of the last change.
    #[serde(skip_serializing_if = "Option::is_none")]
    with_updated_date: Option<usize>,
    /// Those that have the configured date of the creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    with_created_date: Option<usize>,
    /// Why the provider was not asked, or did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_read: Option<String>,
}

impl Outcome {
    fn not_read(self, why: impl Into<String>) -> Self {
        Outcome { not_read: Some(why.into()), ..self }
    }
}

/// How changes of a resource are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "TrialMethod")]
pub(crate) enum Method {
    Changes,
    Dates,
    Snapshots,
    None,
}

/// When a request that begins now is to be done with the provider.
pub(super) fn deadline(app: &Context) -> DateTime<Utc> {
    app.now() + Duration::seconds(REQUEST_S)
}

/// Tries each resource. One that is broken is a refusal with its reason; one that can't be read for a passing reason
/// is reported as not read.
pub(crate) async fn all(
    app: &Context,
    connector: &Arc<dyn Connector>,
    (http, credential): (&dyn Http, &str),
    resources: &[ResourceConfig],
    deadline: DateTime<Utc>,
) -> Result<Vec<Trial>, Refusal> {
    let mut trials = Vec::new();
    let mut broken = Vec::new();
    for resource in resources {
        match one(app, connector, (http, credential), resource, deadline).await {
            Ok(outcome) => trials.push(Trial { resource: resource.name.clone(), outcome }),
            Err(invalid) => broken.push(invalid),
        }
    }
    if broken.is_empty() { Ok(trials) } else { Err(Refusal::Invalid(broken)) }
}

/// What each resource would do, as far as that is known without the provider.
pub(crate) fn unread(
    app: &Context,
    connector: &Arc<dyn Connector>,
    resources: &[ResourceConfig],
    why: &str,
) -> Vec<Trial> {
    let plans =
        resources.iter().filter_map(|resource| Some((resource, plan(app, connector, resource).ok()?)));
    plans
        .map(|(resource, (_, outcome))| Trial {
            resource: resource.name.clone(),
            outcome: outcome.not_read(why),
        })
        .collect()
}

async fn one(
    app: &Context,
    connector: &Arc<dyn Connector>,
    (http, credential): (&dyn Http, &str),
    resource: &ResourceConfig,
    deadline: DateTime<Utc>,
) -> Result<Outcome, Invalid> {
    let (read, mut outcome) = plan(app, connector, resource)?;
    let now = app.now();
    let left_ms = u64::try_from((deadline - now).num_milliseconds()).unwrap_or(0);
    if left_ms == 0 {
        return Ok(outcome.not_read("there was no time left"));
    }
    let call = Call {
        http,
        api_url: app.config.endpoints.url(&connector.descriptor().api),
        credential,
        now,
        timeout_ms: app.config.provider_timeout_ms.min(left_ms),
        scratch: None,
        archive: None,
    };
    let query = query(&read, resource);
    let left = std::time::Duration::from_millis(left_ms);
    let Ok(answer) = tokio::time::timeout(left, connector.read(&call, &query)).await else {
        return Ok(outcome.not_read("the provider took too long"));
    };
    // What can't be asked for is said by the answer.
    let lacks = tokio::time::timeout(left, connector.lacks(&call, resource)).await;
    if let Ok(Ok(lacks)) = lacks
        && !lacks.is_empty()
    {
        outcome.lacks = Some(lacks);
    }
    match answer {
        Ok(Answer::Many(page)) => looked_at(resource, &page.records, outcome),
        Ok(Answer::One(record)) => looked_at(resource, &[record], outcome),
        Err(ReadError::Refused(invalid)) => Err(Invalid::new(key(resource, ".url"), invalid.rule)),
        Err(ReadError::NoResource) => {
            Err(Invalid::new(key(resource, ".url"), "names no resource that can be read"))
        }
        // Polls by changes ask for less than a list does; the baseline shows whether they may.
        Err(ReadError::Provider(error)) if is_refusal(&error) && outcome.method != Method::Changes => Err(
            Invalid::new(key(resource, ""), format!("the provider refuses to show it: {}", error.message)),
        ),
        Err(ReadError::Provider(error)) => Ok(outcome.not_read(error.message)),
    }
}

fn is_refusal(error: &connectors::Error) -> bool {
    matches!(error.kind, ErrorKind::Rejected | ErrorKind::NotFound)
}

fn key(resource: &ResourceConfig, field: &str) -> String {
    format!("event.poller.configuration.{}{field}", resource.name)
}

/// What a poll at this moment would ask for.
fn plan(
    app: &Context,
    connector: &Arc<dyn Connector>,
    resource: &ResourceConfig,
) -> Result<(HubRead, Outcome), Invalid> {
    let now = app.now();
    let read = resource.read_at(now, now).map_err(|rule| Invalid::new(key(resource, ".url"), rule))?;
    let known = connector.descriptor().resource(&read.resource);
    let method = match known.map(|known| known.polling) {
        Some(Polling::Changes) => Method::Changes,
        Some(Polling::Dates) => Method::Dates,
        Some(Polling::Snapshots) => Method::Snapshots,
        Some(Polling::Never) | None => Method::None,
    };
    let conditions: Vec<String> = read.conditions.iter().map(ToString::to_string).collect();
    let outcome = Outcome {
        reads: read.resource.clone(),
        method,
        condition: conditions.join(" AND "),
        lacks: None,
        records: None,
        with_id: None,
        with_updated_date: None,
        with_created_date: None,
        not_read: None,
    };
    Ok((read, outcome))
}

/// A small first page. Conditions on dates are left out: there may be nothing new just now.
fn query(read: &HubRead, resource: &ResourceConfig) -> Query {
    let dates = [&resource.updated, &resource.created];
    let paths = dates.into_iter().flatten().map(|field| &field.path).chain(&resource.id_field);
    let configured = paths.map(|path| path.root().to_owned());
    let fields = match read.fields.is_empty() {
        true => Vec::new(),
        false => read.fields.iter().cloned().chain(configured).collect(),
    };
    let known = ["page", "pageSize", "nextPage", "orderBy", "fields", "where"];
    let parameters = read.parameters.iter().filter(|(name, _)| !known.contains(&name.as_str()));
    Query {
        path: read.resource.split('/').map(str::to_owned).collect(),
        fields,
        page_size: Some(RECORDS_COUNT),
        parameters: parameters.cloned().collect(),
        ..Query::of(&read.resource)
    }
}

/// Whether the configured fields are where the configuration says. One that no record has is broken; one that some
/// lack is told.
fn looked_at(resource: &ResourceConfig, records: &[Value], mut outcome: Outcome) -> Result<Outcome, Invalid> {
    outcome.records = Some(records.len());
    if records.is_empty() {
        return Ok(outcome);
    }
    if let Some(path) = &resource.id_field {
        let count = records.iter().filter(|record| path.get(record).is_some()).count();
        outcome.with_id = Some(count);
        if count == 0 {
            return Err(Invalid::new(key(resource, ".idField"), "is in none of the records that were read"));
        }
    }
    let with = |name: &str, field: &Option<DateField>| {
        field.as_ref().map(|field| with_date(resource, name, field, records)).transpose()
    };
    outcome.with_updated_date = with("updated", &resource.updated)?;
    outcome.with_created_date = with("created", &resource.created)?;
    Ok(outcome)
}

/// How many records have a date that the configured format reads.
fn with_date(
    resource: &ResourceConfig,
    name: &str,
    field: &DateField,
    records: &[Value],
) -> Result<usize, Invalid> {
    let present = records.iter().filter(|record| field.path.get(record).is_some()).count();
    let readable = records.iter().filter(|record| field.read(record).is_some()).count();
    let at = |part: &str| key(resource, &format!(".datesConfiguration.{name}Date{part}"));
    match (present, readable) {
        (0, _) => Err(Invalid::new(at("Field"), "is in none of the records that were read")),
        (_, 0) => Err(Invalid::new(at("Format"), "reads no date of the records that were read")),
        _ => Ok(readable),
    }
}
