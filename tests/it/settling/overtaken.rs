//! What happens while a poll settles what a change left.

use super::ClientAction;
use crate::world::{OutageEffect, World};
use app::PollOutcome;
use app::ports::{Instances as _, Polls as _, Result, Schedule, Sessions as _};
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use domain::schedule::Timetable;
use domain::token::Session;
use local::sqlite::SqliteStore;
use serde_json::json;
use std::sync::Arc;

/// While it is asked to write, another process is throttled, and stores that.
struct ThrottledMeanwhile {
    inner: Arc<dyn Schedule>,
    store: SqliteStore,
    until: DateTime<Utc>,
}

#[async_trait]
impl Schedule for ThrottledMeanwhile {
    async fn put(&self, id: InstanceId, timetable: Timetable, enabled: bool) -> Result<()> {
        let session = self.store.mailbox(id).await?.unwrap().session;
        let limited =
            Session { backoff_until: Some(self.until), version: session.version + 1, ..session.clone() };
        self.store.put_session(id, &limited).await?;
        self.inner.put(id, timetable, enabled).await
    }

    async fn remove(&self, id: InstanceId) -> Result<()> {
        self.inner.remove(id).await
    }
}

/// A poll that settles first goes by the row as it is then: the row that told it to settle is seconds old.
#[tokio::test]
async fn a_limit_that_was_stored_while_a_poll_settled_holds_for_it() {
    let world = World::new(461);
    let id = ClientAction::Faster.prepare(&world).await.unwrap();
    world.scheduler.begin(OutageEffect::Before, 0);
    world.patch(id, &json!({ "configuration": { "event.poller.refresh_interval": "5" } })).await;
    world.scheduler.end();
    let until = world.now() + Duration::minutes(10);
    let other = world.another_process_around(|mut ports| {
        ports.schedule =
            Arc::new(ThrottledMeanwhile { inner: ports.schedule, store: world.store.clone(), until });
        ports
    });
    world.google.clear_requests();
    let polled = other.tick(id, world.now() + Duration::seconds(60)).await;
    assert!(matches!(polled, Ok(PollOutcome::Polled(_))));
    assert!(world.store.instance(id).await.unwrap().unwrap().unsettled.is_empty(), "it settled");
    assert_eq!(world.google.requests(), [], "and asked nothing before the limit's end");
}
