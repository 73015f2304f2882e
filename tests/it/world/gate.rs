//! Where a process can die: before and after each thing it does to the world.

use super::methods::methods;
use app::ports::*;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connectors::{HttpError, HttpRequest, HttpResponse};
use domain::application::Application;
use domain::bulk::{Bulk, BulkId};
use domain::delivery::Subscription;
use domain::health_ledger::HealthEventId;
use domain::health_letter::HealthRow;
use domain::ids::{EventId, InstanceId, Sequence};
use domain::instance::{Account, AddressKey, Instance};
use domain::push::{Hints, PushKey, PushState};
use domain::schedule::Timetable;
use domain::sign_in_link::{LinkKey, StoredLink};
use domain::token::Session;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tokio::sync::Notify;

/// More than ever passes.
const COUNTED_MAX: u64 = 1 << 40;

/// Once armed it counts what passes; at the count the process is dead, and nothing of it goes on.
#[derive(Default)]
pub(crate) struct Gate {
    /// Passages left; negative: not armed.
    left: AtomicI64,
    armed: AtomicBool,
    died: Notify,
    /// Turns that others get at each passage, beside the one they always get.
    lag: usize,
}

impl Gate {
    /// For a process that does everything more slowly than others.
    pub(crate) fn slow(lag: usize) -> Arc<Self> {
        Arc::new(Gate { lag, ..Gate::default() })
    }

    /// The process dies at the n-th passage from now.
    pub(crate) fn die_after(&self, passages: u64) {
        self.left.store(passages as i64, Ordering::SeqCst);
        self.armed.store(true, Ordering::SeqCst);
    }

    /// The process lives on, and what passes from now on is counted.
    pub(crate) fn count(&self) {
        self.die_after(COUNTED_MAX);
    }

    /// How much has passed since.
    pub(crate) fn passed(&self) -> u64 {
        COUNTED_MAX - self.left.load(Ordering::SeqCst) as u64
    }

    pub(crate) fn heal(&self) {
        self.armed.store(false, Ordering::SeqCst);
    }

    /// Runs work until it ends (`Some`) or the process dies (`None`).
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.died.notified() => None,
        }
    }

    async fn pass(&self) {
        // Others get a turn here, so that polls that overlap really do.
        for _ in 0..=self.lag {
            tokio::task::yield_now().await;
        }
        if self.armed.load(Ordering::SeqCst) && self.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

/// What stands before ports, with what each is asked of.
macro_rules! before {
    ($gated:ident, $port:ident) => {
        pub(crate) struct $gated {
            inner: Arc<dyn $port>,
            gate: Arc<Gate>,
        }

        impl $gated {
            pub(crate) fn new(inner: Arc<dyn $port>, gate: &Arc<Gate>) -> Self {
                $gated { inner, gate: gate.clone() }
            }
        }
    };
}

macro_rules! gated {
    ($gated:ident, $port:ident, { $(async fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $result:ty;)* }) => {
        #[async_trait]
        impl $port for $gated {
            $(async fn $name(&self, $($arg: $type),*) -> $result {
                self.gate.pass().await;
                let result = self.inner.$name($($arg),*).await;
                self.gate.pass().await;
                result
            })*
        }
    };
}

before!(GatedStore, Store);
before!(GatedVault, Vault);
before!(GatedSchedule, Schedule);
before!(GatedQueue, Queue);
before!(GatedPlaces, Places);
methods!(Store, gated, GatedStore);
methods!(Vault, gated, GatedVault);
methods!(Schedule, gated, GatedSchedule);
methods!(Queue, gated, GatedQueue);
methods!(Places, gated, GatedPlaces);

before!(GatedHttp, Http);
gated!(GatedHttp, Http, {
    async fn send(request: HttpRequest<'_>) -> std::result::Result<HttpResponse, HttpError>;
});

/// Ports of a process that dies at this gate.
pub(crate) fn gated(ports: app::Ports, gate: &Arc<Gate>) -> app::Ports {
    app::Ports {
        store: Arc::new(GatedStore::new(ports.store, gate)),
        vault: Arc::new(GatedVault::new(ports.vault, gate)),
        schedule: Arc::new(GatedSchedule::new(ports.schedule, gate)),
        queue: Arc::new(GatedQueue::new(ports.queue, gate)),
        places: ports.places.map(|places| Arc::new(GatedPlaces::new(places, gate)) as Arc<dyn Places>),
        http: Arc::new(GatedHttp::new(ports.http, gate)),
        ..ports
    }
}
