//! Notifications as transactions take them.

use crate::ports::NewNotification;
use connectors::{STEP_BYTES_MAX, STEP_CHANGES_MAX};
use domain::envelope::EVENTS_COUNT_MAX;

/// Notifications of one transaction: those of as many changes as a step has.
const NOTIFICATIONS_COUNT_MAX: usize = STEP_CHANGES_MAX / EVENTS_COUNT_MAX;

/// The notifications in their order, as many together as one transaction takes.
pub(super) fn of(notifications: Vec<NewNotification>) -> Vec<Vec<NewNotification>> {
    let mut chunks: Vec<Vec<NewNotification>> = Vec::new();
    let mut bytes = 0;
    for one in notifications {
        let is_full = |chunk: &Vec<NewNotification>| {
            chunk.len() >= NOTIFICATIONS_COUNT_MAX || bytes + one.body.len() > STEP_BYTES_MAX
        };
        match chunks.last_mut().filter(|chunk| !is_full(chunk)) {
            Some(chunk) => {
                bytes += one.body.len();
                chunk.push(one);
            }
            None => {
                bytes = one.body.len();
                chunks.push(vec![one]);
            }
        }
    }
    chunks
}
