//! A mailbox of which a row can't be read. Whatever happens, it concerns nobody else.

use super::Cloud;
use super::{bulks, health};
use crate::world::gmail_body;
use app::ports::Job;

const ACCOUNT: &str = "stranger@example.com";
/// One of so many seeds has one, and which: of every profile, but where each instance is looked after.
const SEEDS: (u64, u64) = (9, 2);
/// What of it is damaged.
const DAMAGES: [&str; 4] = [
    "UPDATE instances SET document = '[]' WHERE id = ?1",
    "UPDATE sessions SET document = '{' WHERE instance_id = ?1",
    "UPDATE resources SET document = '[]' WHERE instance_id = ?1",
    "UPDATE subscriptions SET status = 'gone' WHERE instance_id = ?1",
];

/// Whether it is part of a seed.
pub(super) fn is_part_of(seed: u64) -> bool {
    seed % SEEDS.0 == SEEDS.1 && !bulks::are_part_of(seed) && !health::are_part_of(seed)
}

impl Cloud {
    pub(super) async fn set_stranger_up(&mut self) {
        if !self.has_stranger {
            return;
        }
        self.world.check_at_end = false;
        self.world.google.add_account(ACCOUNT);
        let id = self.create(gmail_body(&self.world.google.new_code(ACCOUNT))).await;
        let damage = DAMAGES[id.get() as usize % DAMAGES.len()];
        let changed = self.world.rows().write("damage", move |tx| tx.execute(damage, [id.get()])).await;
        assert_eq!(changed.unwrap(), 1, "{damage}");
        self.stranger = Some(id);
    }

    /// Its own jobs fail, and are put aside at last: none goes on for ever, nor makes others.
    pub(super) fn is_of_stranger(&self, job: &Job) -> bool {
        self.stranger.is_some() && job.instance() == self.stranger
    }
}
