//! What a backfill would be about, asked of the provider without storing anything: how much came within the window, and
//! how much of it the event log has already.

use crate::context::Context;
use crate::instances::{self, BackfillOrder, Refusal};
use crate::reading::{self, Failure, Read};
use chrono::{DateTime, Duration, Utc};
use connectors::hub::{Answer, PageWanted, Query, ReadError};
use connectors::{Connector, Sought, Window};
use domain::ids::{EventId, InstanceId};
use domain::instance::Instance;
use domain::resource::ResourceConfig;
use std::sync::Arc;

/// Records of a page, and pages, of one resource: each record may cost a request at the provider.
const PAGE_RECORDS: u32 = 100;
const PAGES_COUNT_MAX: usize = 5;
/// Until then the provider is asked, seconds from the beginning: a client waits.
const REQUEST_S: i64 = 20;

/// One resource of it.
#[derive(Debug)]
pub(crate) struct ResourcePreview {
    pub(crate) resource: String,
    /// What came within the window and is reported, as far as it was counted.
    pub(crate) records_count: u64,
    /// What of it the event log has: it is not reported twice.
    pub(crate) reported_count: u64,
    /// There may be more.
    pub(crate) is_cut: bool,
    /// Why it was not counted, or not to its end.
    pub(crate) not_read: Option<String>,
}

/// Counts; refuses what [`instances::begin_backfill`] would refuse.
pub(crate) async fn preview(
    app: &Context,
    id: InstanceId,
    order: &BackfillOrder,
) -> Result<Vec<ResourcePreview>, Refusal> {
    let (mailbox, resources) = instances::backfilled(app, id, order).await?;
    let (connector, _) = instances::understood(app, &mailbox.instance)?;
    let until = app.now() + Duration::seconds(REQUEST_S);
    let mut previews = Vec::new();
    for config in &resources {
        let count = Count { app, connector, instance: &mailbox.instance, config, order, until };
        previews.push(count.all().await?);
    }
    Ok(previews)
}

struct Count<'a> {
    app: &'a Context,
    connector: &'a Arc<dyn Connector>,
    instance: &'a Instance,
    config: &'a ResourceConfig,
    order: &'a BackfillOrder,
    until: DateTime<Utc>,
}

impl Count<'_> {
    async fn all(&self) -> Result<ResourcePreview, Refusal> {
        let mut preview = ResourcePreview {
            resource: self.config.name.clone(),
            records_count: 0,
            reported_count: 0,
            is_cut: true,
            not_read: None,
        };
        let window = Window { from: self.order.from, to: self.order.to };
        let query = self.connector.seek(self.config, &Sought::Within(window), self.app.now());
        let Some(mut query) = query else {
            preview.not_read = Some("it can't be counted by time".to_owned());
            return Ok(preview);
        };
        query.page_size = Some(PAGE_RECORDS);
        for _ in 0..PAGES_COUNT_MAX {
            if self.app.now() >= self.until {
                break;
            }
            match self.page(&query, &mut preview).await? {
                Some(next) => query.page = next,
                None => break,
            }
        }
        Ok(preview)
    }

    /// Counts a page; the next one, if there is one.
    async fn page(
        &self,
        query: &Query,
        preview: &mut ResourcePreview,
    ) -> Result<Option<PageWanted>, Refusal> {
        let page = match reading::ask(self.app, self.instance, Read(query)).await {
            Ok(Answer::Many(page)) => page,
            Ok(Answer::One(_)) => return Ok(None),
            Err(Failure::Port(error)) => return Err(error.into()),
            Err(Failure::Gone) => return Err(Refusal::NotFound),
            Err(failure) => {
                preview.not_read = Some(in_words(&failure));
                return Ok(None);
            }
        };
        let now = self.app.now();
        let standings =
            page.records.iter().filter_map(|record| self.connector.standing(self.config, record, now));
        let is_within = |at: DateTime<Utc>| self.order.from <= at && at < self.order.to;
        let wanted =
            standings.filter(|one| one.is_wanted && !one.is_draft && one.arrived_at.is_none_or(is_within));
        let id = self.instance.id;
        let creations: Vec<EventId> =
            wanted.map(|one| EventId::of_creation(id, &self.config.name, &one.object_id)).collect();
        let logged = self.app.ports.store.logged_events(id, &creations).await?;
        preview.records_count += creations.len() as u64;
        preview.reported_count += logged.len() as u64;
        preview.is_cut = page.next.is_some();
        Ok(page.next.map(PageWanted::After))
    }
}

fn in_words(failure: &Failure) -> String {
    match failure {
        Failure::Read(ReadError::Provider(error)) => error.message.clone(),
        Failure::Read(error) => error.to_string(),
        Failure::NoToken(error) => error.message.clone(),
        Failure::BackingOff { until } => {
            format!("the provider is left alone until {}", domain::envelope::iso_seconds(*until))
        }
        Failure::Refreshing => "the access token is being refreshed".to_owned(),
        Failure::TooMany => reading::TOO_MANY.to_owned(),
        Failure::TooLong => "the provider answers with more than can be read at once".to_owned(),
        Failure::Gone | Failure::Port(_) => "it could not be read".to_owned(),
    }
}
