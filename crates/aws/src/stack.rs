//! The adapters of a stack, put together.

use crate::bus::EventBus;
use crate::clients::Clients;
use crate::environment::Environment;
use crate::first_account::GeneratedSecrets;
use crate::queue::SqsQueue;
use crate::schedules::Schedules;
use crate::starts::Starts;
use crate::store::DynamoStore;
use crate::ticks::Ticks;
use crate::vault::StackVault;
use app::ports::{Clock, Http};
use app::sealing::Sealer;
use app::{App, Ports};
use std::sync::Arc;
use system::{CallbackAddresses, Egress, SystemClock, SystemEntropy};

/// The use cases on a stack, and the adapters that administration needs beside them.
#[derive(Clone)]
pub struct Stack {
    /// The use cases.
    pub app: App,
    /// The table.
    pub store: DynamoStore,
    /// Secrets of the mailboxes.
    pub vault: Arc<StackVault>,
    /// Schedules of polls and late retries.
    pub schedules: Schedules,
    /// What starts polls.
    pub starts: Starts,
    /// What ticks bring.
    pub ticks: Ticks,
    /// Both queues.
    pub queue: SqsQueue,
}

impl Stack {
    /// Puts everything together, without a request.
    pub fn new(
        environment: &Environment,
        clients: &Clients,
        http: Arc<dyn Http>,
        sealer: Arc<Sealer>,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let first =
            GeneratedSecrets::new(clients.secrets.clone(), environment, sealer.clone(), clock.clone());
        let store = DynamoStore::new(clients.dynamodb.clone(), environment.table.clone(), Arc::new(first));
        let vault = Arc::new(StackVault::new(
            clients.dynamodb.clone(),
            clients.secrets.clone(),
            environment,
            sealer.clone(),
            clock.clone(),
            Arc::new(SystemEntropy),
        ));
        let schedules = Schedules::new(clients.scheduler.clone(), environment, clock.clone());
        let per_tick = environment.mailboxes_per_tick;
        let starts = Starts::new(schedules.clone(), store.clone(), clock.clone(), per_tick);
        let queue = SqsQueue::new(clients.sqs.clone(), schedules.clone(), environment, clock.clone());
        let ports = Ports {
            store: Arc::new(store.clone()),
            accounts: Arc::new(store.clone()),
            sessions: Arc::new(store.clone()),
            vault: vault.clone(),
            schedule: Arc::new(starts.clone()),
            queue: Arc::new(queue.clone()),
            clock: clock.clone(),
            http,
            entropy: Arc::new(SystemEntropy),
            bus: Some(Arc::new(EventBus::new(clients.events.clone(), environment))),
            spans: None,
            places: None,
        };
        let app = App::new(ports, sealer, environment.app.clone());
        let ticks = Ticks::new(app.clone(), starts.clone(), queue.clone(), clock);
        Stack { app, store, vault, schedules, starts, ticks, queue }
    }
}

/// The way out to providers and callbacks.
pub fn egress(environment: &Environment) -> Egress {
    Egress::new(match environment.allow_local_callbacks {
        true => CallbackAddresses::All,
        false => CallbackAddresses::Public,
    })
}
