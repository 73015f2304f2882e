//! What went wrong in other systems that poll mailboxes, one test (or more) for each kind of loss, doubling or
//! standstill. Each test says what happened there; its name says what must not happen here.

mod crowds;
mod gaps;
mod gmail;
mod lag;
mod odd;
mod outlook;
mod pollers;
mod polling;
mod records;
mod replays;
mod tokens;

use crate::world::World;
use domain::ids::InstanceId;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Polls once, and gives what arrived since the last look.
async fn polled(world: &World, id: InstanceId) -> Vec<(String, String)> {
    world.poll(id).await;
    world.arrived()
}

/// These objects, each created once.
#[track_caller]
pub(crate) fn assert_created(arrived: &[(String, String)], expected: &[String]) {
    assert_all(arrived, "CREATED", expected);
}

/// These objects, each with one event of this kind, in any order, and nothing else.
#[track_caller]
fn assert_all(arrived: &[(String, String)], kind: &str, expected: &[String]) {
    let others: Vec<_> = arrived.iter().filter(|(other, _)| other != kind).collect();
    assert!(others.is_empty(), "not {kind}: {others:?}");
    let ids: BTreeSet<&String> = arrived.iter().map(|(_, id)| id).collect();
    let missing: Vec<_> = expected.iter().filter(|id| !ids.contains(id)).collect();
    assert!(missing.is_empty(), "{} of {} never arrived: {missing:?}", missing.len(), expected.len());
    assert_eq!(arrived.len(), expected.len(), "some arrived twice, or were not expected");
}

/// The same instance with this poller configuration.
fn with_poller(mut body: Value, poller: Value) -> Value {
    body["configuration"]["event.poller.configuration"] = poller;
    body
}

/// The same instance, polled every so many minutes.
fn with_interval(mut body: Value, minutes: u32) -> Value {
    body["configuration"]["event.poller.refresh_interval"] = json!(minutes);
    body
}
