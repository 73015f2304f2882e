//! Counts of a fleet that a host reads in stretches: each is read once a minute, and says when.

use crate::world::{OUTLOOK_USER, World, methods, outlook_body};
use app::Ports;
use app::ports::*;
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use domain::application::Application;
use domain::bulk::{Bulk, BulkId};
use domain::delivery::Subscription;
use domain::health_ledger::HealthEventId;
use domain::health_letter::HealthRow;
use domain::ids::{EventId, InstanceId, Sequence};
use domain::instance::{Account, AddressKey, Instance};
use domain::push::{Hints, PushKey, PushState};
use domain::sign_in_link::{LinkKey, StoredLink};
use domain::token::Session;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Instances of one stretch.
const STRETCH: usize = 2;

/// A store that reads two instances of a fleet at once.
struct ShortStore {
    inner: Arc<dyn Store>,
    stretches: AtomicUsize,
}

macro_rules! effect {
    ($short:ident, fleet, $organization:ident, $after:ident, $limit:ident) => {{
        $short.stretches.fetch_add(1, Ordering::SeqCst);
        $short.inner.fleet($organization, $after, $limit.min(STRETCH)).await
    }};
    ($short:ident, $name:ident, $($arg:ident),*) => {
        $short.inner.$name($($arg),*).await
    };
}

macro_rules! short {
    ($name:ident, $port:ident, { $(async fn $method:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty;)* }) => {
        #[async_trait]
        impl $port for $name {
            $(async fn $method(&self, $($arg: $type),*) -> $result {
                let this = self;
                effect!(this, $method, $($arg),*)
            })*
        }
    };
}

methods!(Store, short, ShortStore);

/// All pages: the sum of a number, when each was counted, and how many stretches were read.
async fn counted(
    world: &World,
    store: &ShortStore,
    of: impl Fn(&Value) -> &Value,
) -> (u64, Vec<Value>, usize) {
    store.stretches.store(0, Ordering::SeqCst);
    let (mut sum, mut times, mut path) = (0, Vec::new(), "/instances/counts".to_owned());
    loop {
        let page = world.call("GET", &path, &Value::Null).await;
        assert_eq!(page.status, 200, "{}", page.body);
        sum += of(&page.body).as_u64().unwrap_or(0);
        times.push(page.body["countedAt"].clone());
        match page.headers.get("elements-next-page-token") {
            Some(token) => path = format!("/instances/counts?nextPage={}", token.to_str().unwrap()),
            None => return (sum, times, store.stretches.load(Ordering::SeqCst)),
        }
    }
}

#[tokio::test]
async fn a_fleet_of_several_stretches_is_counted_once_a_minute() {
    let mut world = World::new(141);
    let mut made = None;
    world.app = world.another_process_around(|ports| {
        let store = Arc::new(ShortStore { inner: ports.store.clone(), stretches: AtomicUsize::new(0) });
        made = Some(store.clone());
        Ports { store, ..ports }
    });
    let store = made.unwrap();
    let new = async || world.create(&outlook_body(&world.microsoft.new_code(OUTLOOK_USER))).await;
    new().await;
    let (sum, times, _) = counted(&world, &store, |page| &page["total"]).await;
    assert_eq!((sum, times), (1, vec![Value::Null]), "one stretch is counted each time");
    for _ in 0..4 {
        new().await;
    }
    let (sum, times, stretches) = counted(&world, &store, |page| &page["total"]).await;
    assert_eq!((sum, times.len(), stretches), (5, 3, 3));
    assert!(times.iter().all(Value::is_string), "{times:?}");
    let id = new().await;
    let (sum, again, stretches) = counted(&world, &store, |page| &page["total"]).await;
    assert_eq!((sum, again, stretches), (5, times, 0), "as it says, that was before");
    world.pass(Duration::seconds(61)).await;
    world.call("DELETE", &format!("/instances/{id}/enabled"), &json!(null)).await;
    let (sum, _, _) = counted(&world, &store, |page| &page["byStatus"]["disabled"]).await;
    assert_eq!(sum, 1);
    // A list is of now.
    world.call("PUT", &format!("/instances/{id}/enabled"), &json!(null)).await;
    let list = world.call("GET", "/instances?status[]=disabled", &Value::Null).await;
    assert_eq!(list.body.as_array().map_or(0, Vec::len), 0, "{}", list.body);
    world.run_until_idle().await;
}
