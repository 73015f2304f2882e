//! Why a receiver was not sent something: what is stored and what the provider shows now, put before
//! [`domain::explain::decide`]. Nothing is kept of it but that somebody asked.

use crate::audit::{self, By};
use crate::context::Context;
use crate::event_log;
use crate::instances;
use crate::ports::{Mailbox, Notification, Progress, Result};
use crate::reading::{self, Failure, Read};
use chrono::{DateTime, Duration, Utc};
use connectors::hub::{Answer, ReadError};
use connectors::{Connector, ErrorKind, RecordStanding, Sought, Window};
use domain::delivery::SubscriptionStatus;
use domain::explain::{Decision, Facts, Obstacle, RetryState, ShownState, ToldState, decide};
use domain::ids::EventId;
use domain::instance::{Instance, Validity};
use domain::resource::ResourceConfig;
use domain::retry_list::Phase;
use domain::settings::Settings;
use domain::state::ResourceState;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Polled resources that are looked at, in their configured order.
const RESOURCES_COUNT_MAX: usize = 5;
/// Until then the provider is asked, seconds from the beginning: a client waits.
const REQUEST_S: i64 = 20;
/// Notifications of an object that are read, newest first: each of the resources may have told of it, and what only the
/// log shows stands between them.
const READ_COUNT: usize = 20;

/// How far a message may lie from the time that somebody remembers, minutes.
const AROUND_MIN: i64 = 5;

/// What came of it.
pub(crate) struct Explanation {
    pub(crate) objects: Vec<Explained>,
    /// Why the provider was not asked, or did not answer.
    pub(crate) not_read: Option<String>,
}

/// One object of one resource.
pub(crate) struct Explained {
    pub(crate) resource: String,
    /// `None` where nothing was found of what was looked for.
    pub(crate) object_id: Option<String>,
    pub(crate) arrived_at: Option<DateTime<Utc>>,
    pub(crate) decision: Decision,
    /// The newest notification of it.
    pub(crate) event_id: Option<String>,
    pub(crate) baseline_at: Option<DateTime<Utc>>,
    pub(crate) complete_at: Option<DateTime<Utc>>,
}

/// What is known of an object before the log is read.
struct Candidate<'a> {
    config: &'a ResourceConfig,
    object_id: Option<String>,
    /// As callbacks name it, where that is another id.
    shown_id: Option<String>,
    arrived_at: Option<DateTime<Utc>>,
    shown: ShownState,
}

/// What came about then.
pub(crate) fn around(at: DateTime<Utc>) -> Sought {
    let by = Duration::minutes(AROUND_MIN);
    Sought::Within(Window { from: at - by, to: at + by })
}

/// Explains; `None` if the instance was deleted meanwhile.
pub(crate) async fn explain(
    app: &Context,
    by: &By,
    instance: &Instance,
    sought: &Sought,
    asked_about: Option<DateTime<Utc>>,
) -> Result<Option<Explanation>> {
    note(app, by, instance, sought).await?;
    let Some(mailbox) = instances::mailbox(app, instance.id).await? else { return Ok(None) };
    let (connector, settings) = instances::understood(app, &mailbox.instance)?;
    let mut look = Look {
        app,
        connector,
        obstacle: obstacle(&mailbox, &settings, app.now()),
        not_read: None,
        until: app.now() + Duration::seconds(REQUEST_S),
        mailbox: &mailbox,
    };
    let mut candidates = Vec::new();
    for config in settings.resources.iter().take(RESOURCES_COUNT_MAX) {
        candidates.extend(look.candidates(config, sought).await?);
    }
    let told = told(app, &mailbox, &candidates).await?;
    let mut objects = Vec::new();
    for candidate in &candidates {
        objects.push(look.explained(candidate, &told, asked_about).await?);
    }
    // One resource that has it is answer enough for those that have not.
    if objects.iter().any(|one| one.decision != Decision::NotShown) {
        objects.retain(|one| one.decision != Decision::NotShown);
    }
    Ok(Some(Explanation { objects, not_read: look.not_read }))
}

/// Who asked about which mailbox, and by what; not for what.
async fn note(app: &Context, by: &By, instance: &Instance, sought: &Sought) -> Result<()> {
    let what = match sought {
        Sought::Object(_) => "objectId",
        Sought::Subject(_) => "subject",
        Sought::Within(_) => "at",
    };
    let documents = (None, Some(json!({ "by": what })));
    let subject = audit::subject(instance.id);
    let entry = by.entry(app, instance.account.organization_id, "instance.explained", subject, documents);
    app.ports.accounts.note(&entry).await
}

fn obstacle(mailbox: &Mailbox, settings: &Settings, now: DateTime<Utc>) -> Option<Obstacle> {
    if mailbox.instance.disabled {
        return Some(Obstacle::Disabled);
    }
    if mailbox.instance.validity != Validity::Valid {
        return Some(Obstacle::NeedsSignIn);
    }
    if !settings.events_enabled {
        return Some(Obstacle::EventsOff);
    }
    mailbox.session.backoff_until.filter(|until| *until > now).map(Obstacle::BackingOff)
}

struct Look<'a> {
    app: &'a Context,
    connector: &'a Arc<dyn Connector>,
    mailbox: &'a Mailbox,
    obstacle: Option<Obstacle>,
    not_read: Option<String>,
    until: DateTime<Utc>,
}

impl Look<'_> {
    async fn candidates<'c>(
        &mut self,
        config: &'c ResourceConfig,
        sought: &Sought,
    ) -> Result<Vec<Candidate<'c>>> {
        let now = self.app.now();
        let Some(query) = self.connector.seek(config, sought, now) else { return Ok(Vec::new()) };
        let records = self.records(&query).await?;
        let nothing = |shown| Candidate {
            config,
            object_id: match sought {
                Sought::Object(id) => Some(id.clone()),
                _ => None,
            },
            shown_id: None,
            arrived_at: None,
            shown,
        };
        let Some(records) = records else { return Ok(vec![nothing(ShownState::NotAsked)]) };
        let standings = records.iter().filter_map(|record| {
            let standing = self.connector.standing(config, record, now)?;
            Some(candidate(config, record, standing))
        });
        let found: Vec<Candidate<'_>> = standings.collect();
        Ok(if found.is_empty() { vec![nothing(ShownState::Nothing)] } else { found })
    }

    /// `None` where the provider was not asked, or did not answer.
    async fn records(&mut self, query: &connectors::hub::Query) -> Result<Option<Vec<Value>>> {
        if matches!(self.obstacle, Some(Obstacle::Disabled | Obstacle::NeedsSignIn | Obstacle::BackingOff(_)))
        {
            return Ok(None);
        }
        if self.app.now() >= self.until {
            self.not_read = Some("there was no time left".to_owned());
            return Ok(None);
        }
        match reading::ask(self.app, &self.mailbox.instance, Read(query)).await {
            Ok(Answer::Many(page)) => return Ok(Some(page.records)),
            Ok(Answer::One(record)) => return Ok(Some(vec![record])),
            Err(Failure::Read(ReadError::NoResource)) => return Ok(Some(Vec::new())),
            Err(Failure::Read(ReadError::Provider(error))) if error.kind == ErrorKind::NotFound => {
                return Ok(Some(Vec::new()));
            }
            Err(Failure::Read(error)) => self.not_read = Some(error.to_string()),
            Err(Failure::BackingOff { until }) => self.obstacle = Some(Obstacle::BackingOff(until)),
            Err(Failure::NoToken(error)) => self.not_read = Some(error.message),
            Err(Failure::Refreshing) => {
                self.not_read = Some("the access token is being refreshed".to_owned());
            }
            Err(Failure::TooMany) => self.not_read = Some(reading::TOO_MANY.to_owned()),
            Err(Failure::TooLong) => {
                self.not_read = Some("the provider answers with more than can be read at once".to_owned());
            }
            Err(Failure::Gone) => {}
            Err(Failure::Port(error)) => return Err(error),
        }
        Ok(None)
    }

    async fn explained(
        &self,
        candidate: &Candidate<'_>,
        told: &HashMap<(String, String), (ToldState, String)>,
        asked_about: Option<DateTime<Utc>>,
    ) -> Result<Explained> {
        let resource = &candidate.config.name;
        let mut rows = self.mailbox.resources.iter();
        let state = rows.find(|row| row.state.resource == *resource && !row.removed).map(|row| &row.state);
        let ids = [&candidate.object_id, &candidate.shown_id].into_iter().flatten();
        let found = ids.clone().find_map(|id| told.get(&(resource.clone(), id.clone())));
        let told = match (found, &candidate.object_id) {
            (Some((told, _)), _) => Some(*told),
            (None, Some(id)) => self.told_earlier(resource, id).await?,
            (None, None) => None,
        };
        let now = self.app.now();
        let backoff_until = state.and_then(|state| state.backoff_until).filter(|until| *until > now);
        let known = self.app.last_reads.get(self.mailbox.instance.id, resource);
        let facts = Facts {
            obstacle: self.obstacle.or(backoff_until.map(Obstacle::BackingOff)),
            told,
            shown: candidate.shown,
            waiting: waiting(state, candidate.object_id.as_deref()),
            baseline_at: state.filter(|state| state.cursor.is_some()).and_then(|state| state.baseline_at),
            complete_at: state.and_then(|state| state.complete_at).max(known),
            asked_about,
            log_since: self.app.log_since(),
        };
        Ok(Explained {
            resource: resource.clone(),
            object_id: candidate.object_id.clone(),
            arrived_at: candidate.arrived_at,
            decision: decide(&facts),
            event_id: found.map(|(_, event_id)| event_id.clone()),
            baseline_at: facts.baseline_at,
            complete_at: facts.complete_at,
        })
    }

    /// Its creation is in the log, but no index leads to it: it was stored before there was one.
    async fn told_earlier(&self, resource: &str, object_id: &str) -> Result<Option<ToldState>> {
        let id = self.mailbox.instance.id;
        let creation = EventId::of_creation(id, resource, object_id);
        let logged = self.app.ports.store.logged_events(id, &[creation]).await?;
        Ok(logged.contains(&creation).then_some(ToldState::Earlier))
    }
}

fn candidate<'c>(config: &'c ResourceConfig, record: &Value, standing: RecordStanding) -> Candidate<'c> {
    let shown_id = config.id_field.as_ref().and_then(|field| field.get(record)?.as_str().map(str::to_owned));
    let shown = match (standing.is_draft, standing.is_wanted) {
        (true, _) => ShownState::Draft,
        (false, false) => ShownState::Unwanted,
        (false, true) => ShownState::Wanted(standing.arrived_at),
    };
    let RecordStanding { object_id, arrived_at, .. } = standing;
    Candidate { config, object_id: Some(object_id), shown_id, arrived_at, shown }
}

fn waiting(state: Option<&ResourceState>, object_id: Option<&str>) -> RetryState {
    let record = state.zip(object_id).and_then(|(state, id)| state.retry_records.find(id));
    match record.map(|record| (record.phase, record.due_at)) {
        Some((Phase::Gone { .. }, _)) => RetryState::Gone,
        Some((_, due_at)) => RetryState::Content(due_at),
        None => RetryState::Nothing,
    }
}

/// How the newest notification of each object stands, by resource and object, with its event id.
async fn told(
    app: &Context,
    mailbox: &Mailbox,
    candidates: &[Candidate<'_>],
) -> Result<HashMap<(String, String), (ToldState, String)>> {
    let mut found = HashMap::new();
    let ids = candidates.iter().flat_map(|one| [&one.object_id, &one.shown_id]).flatten();
    let wanted: BTreeSet<&str> = ids.map(String::as_str).collect();
    let is_queued = mailbox.subscription.status != SubscriptionStatus::Active;
    for id in wanted {
        let read = event_log::of_object(app, &mailbox.instance, id, READ_COUNT).await?;
        for notification in &read {
            let Some(told) = standing_of(notification, is_queued) else { continue };
            if objects_of(notification).iter().any(|object| object == id) {
                let entry = (told, notification.name.event_id.clone());
                found.entry((notification.resource.clone(), id.to_owned())).or_insert(entry);
            }
        }
    }
    Ok(found)
}

fn objects_of(notification: &Notification) -> Vec<String> {
    let body: Value = serde_json::from_str(&notification.body).unwrap_or_default();
    let events = body["message"]["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    events.iter().filter_map(|event| event["objectId"].as_str().map(str::to_owned)).collect()
}

/// `None` for what only the log was to hold.
fn standing_of(notification: &Notification, is_queued: bool) -> Option<ToldState> {
    let last_at = notification
        .attempts
        .last()
        .map(|attempt| attempt.at + Duration::milliseconds(i64::try_from(attempt.duration_ms).unwrap_or(0)));
    Some(match notification.progress {
        Progress::Delivered => ToldState::Delivered(last_at.unwrap_or(notification.created_at)),
        Progress::Pending if is_queued => ToldState::Queued,
        Progress::Pending => match notification.due_at.filter(|_| last_at.is_some()) {
            Some(due_at) => ToldState::Retrying(due_at),
            None => ToldState::Sending,
        },
        Progress::Dropped => ToldState::Dropped,
        Progress::Logged => return None,
    })
}
