//! One connector, connected to an account of its double.

use crate::world::{Reply, World, body_of};
use ::connectors::Descriptor;
use chrono::Duration;
use domain::ids::InstanceId;
use doubles::{Double, Happening, Mail};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const USER: &str = "suite@example.com";
/// Polls in a row that are enough for anything here.
const POLLS_COUNT: usize = 3;

pub(super) struct Desk {
    pub(super) world: World,
    pub(super) double: Arc<dyn Double>,
    pub(super) descriptor: &'static Descriptor,
    random: fastrand::Rng,
}

impl Desk {
    pub(super) fn new(descriptor: &'static Descriptor, seed: u64) -> Self {
        let world = World::new(seed);
        let double = world.providers.double(descriptor.key);
        double.add_account(USER);
        Desk { world, double, descriptor, random: fastrand::Rng::with_seed(seed) }
    }

    pub(super) fn mail(&mut self) -> Mail {
        Mail::sample(&mut self.random)
    }

    pub(super) async fn connect(&self) -> InstanceId {
        let code = self.double.new_code(USER);
        self.world.create(&body_of(self.descriptor.key, &code)).await
    }

    /// Something comes in, a second after what was before.
    pub(super) fn receive(&mut self) -> Happening {
        self.world.clock.advance(Duration::seconds(1));
        let mail = self.mail();
        self.double.receive(USER, mail)
    }

    /// Polls until there is nothing left to do: one poll takes all of what is here, the others show that it did.
    pub(super) async fn poll_out(&self, id: InstanceId) {
        for _ in 0..POLLS_COUNT {
            self.world.poll(id).await;
            self.world.clock.advance(Duration::seconds(1));
        }
    }

    /// What arrived since the last look, each with how often.
    pub(super) fn arrived(&self) -> BTreeMap<(String, String), usize> {
        let mut counts = BTreeMap::new();
        for event in self.world.arrived() {
            *counts.entry(event).or_default() += 1;
        }
        counts
    }

    /// Exactly these arrived, each once.
    #[track_caller]
    pub(super) fn assert_arrived(&self, expected: &[Happening]) {
        let expected: BTreeMap<(String, String), usize> =
            expected.iter().map(|one| ((one.event.to_owned(), one.object_id.clone()), 1)).collect();
        assert_eq!(self.arrived(), expected, "{}", self.descriptor.key);
    }

    /// The first resource, as its poller configuration names it, and the field of its ids.
    pub(super) fn resource(&self) -> (&'static str, String) {
        let resource = &self.descriptor.resources[0];
        let poller: serde_json::Value = serde_json::from_str(resource.poller).unwrap();
        (resource.name, poller["idField"].as_str().unwrap().to_owned())
    }

    pub(super) async fn read(&self, id: InstanceId, path: &str) -> Reply {
        let token = self.world.shown(id).await["token"].as_str().unwrap().to_owned();
        let authorization = format!("User world-user, Element {token}");
        let path = format!("/hubs/{}/{path}", self.descriptor.hub);
        self.world.call_as(&authorization, "GET", &path, "").await
    }
}
