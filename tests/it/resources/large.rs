//! A hundred thousand objects, compared whole.

use super::{create, one, polled};
use crate::world::World;
use app::ports::Polls as _;
use domain::ids::InstanceId;
use serde_json::json;
use std::fmt::Write as _;

/// Largest part of a poll that is committed at once, bytes; 250 changes of it are at most 25 notifications.
const COMMIT_BYTES_MAX: usize = 3_000_000;

/// What the provider lists: these labels.
fn listed(numbers: impl Iterator<Item = u32>) -> String {
    let mut text = String::from("{\"labels\":[");
    for number in numbers {
        let comma = if text.ends_with('[') { "" } else { "," };
        let _ = write!(text, "{comma}{{\"id\":\"Label_{number}\",\"name\":\"n{number}\"}}");
    }
    text.push_str("]}");
    text
}

async fn position(world: &World, id: InstanceId) -> (u64, usize) {
    let row = world.store.mailbox(id).await.unwrap().unwrap().resources.remove(0);
    (row.state.version, row.state.cursor.unwrap().to_string().len())
}

#[tokio::test]
async fn a_hundred_thousand_objects_are_compared_in_bounded_commits() {
    let world = World::new(331);
    world.wire.answer_with("/labels", listed(0..100_000));
    let poller = json!({ "labels": { "url": "/hubs/general/labels", "idField": "id" } });
    let id = create(&world, "gmail", poller).await;
    assert_eq!(polled(&world, id).await, []);
    let (before, bytes) = position(&world, id).await;
    assert!(bytes < COMMIT_BYTES_MAX, "the position has {bytes} bytes");
    world.wire.answer_with("/labels", listed((0..100_000).filter(|number| *number != 77_777)));
    assert_eq!(polled(&world, id).await, one("DELETED", "Label_77777"), "one that is gone is one event");
    assert_eq!(position(&world, id).await.0, before + 1, "and one commit");
    // Six hundred others in the place of six hundred.
    world.wire.answer_with("/labels", listed(600..100_600));
    world.poll(id).await;
    let arrived = world.arrived();
    let count = |kind: &str| arrived.iter().filter(|(other, _)| other == kind).count();
    assert_eq!((count("CREATED"), count("DELETED"), arrived.len()), (601, 600, 1201));
    let (after, bytes) = position(&world, id).await;
    assert!(after - before >= 5, "at most 250 changes are committed at once");
    assert!(bytes < COMMIT_BYTES_MAX, "the position has {bytes} bytes");
    assert_eq!(polled(&world, id).await, []);
}
