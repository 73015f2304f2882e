//! Where items stand: partition and sort key.
//!
//! Everything that a poll needs of an instance is one partition, read by one query. Notifications are another,
//! so that the log of a busy mailbox is not in the way; what is too large for an item is a third.

use super::row::{Item, Row, text};
use app::ports::{LookupHash, Result};
use domain::ids::{InstanceId, Sequence};
use std::fmt::Write as _;

/// Shards of an organization's list, by the highest bits of the instance id: in order over all shards.
pub(super) const SHARDS_COUNT: u32 = 16;

/// The key of one item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Key { pk, sk: sk.into() }
    }

    /// The instance itself.
    pub(super) fn config(id: InstanceId) -> Self {
        Key::new(mailbox(id), CONFIG)
    }

    /// Its session.
    pub(super) fn session(id: InstanceId) -> Self {
        Key::new(mailbox(id), SESSION)
    }

    /// Its callback.
    pub(super) fn subscription(id: InstanceId) -> Self {
        Key::new(mailbox(id), SUBSCRIPTION)
    }

    /// One polled resource.
    pub(super) fn resource(id: InstanceId, resource: &str) -> Self {
        Key::new(mailbox(id), format!("{RESOURCE}{resource}"))
    }

    /// One notification.
    pub(super) fn notification(id: InstanceId, sequence: Sequence) -> Self {
        Key::new(notifications(id), digits(sequence))
    }

    /// A part of a text that is too large for its item.
    pub(super) fn part(id: InstanceId, name: &str, index: usize) -> Self {
        Key::new(parts(id), format!("{name}#{index:03}"))
    }

    /// Whose instance token this is.
    pub(super) fn token(hash: &LookupHash) -> Self {
        Key::new(format!("T#{}", hex(hash)), "T")
    }

    /// Whose user secret this is.
    pub(super) fn user(hash: &LookupHash) -> Self {
        Key::new(format!("U#{}", hex(hash)), "U")
    }

    /// Whose organization secret this is.
    pub(super) fn organization(hash: &LookupHash) -> Self {
        Key::new(format!("G#{}", hex(hash)), "G")
    }

    /// The hashes of the first organization's and user's secrets, and the next free numbers.
    pub(super) fn accounts() -> Self {
        Key::new("ACCOUNTS".to_owned(), "ACCOUNTS")
    }

    /// An organization in the list of all.
    pub(super) fn listed_organization(id: u32) -> Self {
        Key::new(ORGANIZATIONS.to_owned(), format!("{id:010}"))
    }

    /// An instance in its organization's list.
    pub(super) fn listed_instance(organization: u32, id: InstanceId) -> Self {
        Key::new(instances(organization, shard(id)), listed(id))
    }

    /// The key of a row that was read.
    pub(super) fn of(row: &Row) -> Result<Self> {
        Ok(Key { pk: row.text("pk")?.to_owned(), sk: row.text("sk")?.to_owned() })
    }

    /// As the key attributes of an item.
    pub(super) fn item(&self) -> Item {
        [("pk".to_owned(), text(&self.pk)), ("sk".to_owned(), text(&self.sk))].into()
    }
}

pub(super) const CONFIG: &str = "C";
pub(super) const SESSION: &str = "S";
pub(super) const SUBSCRIPTION: &str = "P";
pub(super) const RESOURCE: &str = "R#";
/// Partition of the list of organizations.
pub(super) const ORGANIZATIONS: &str = "ORGANIZATIONS";

/// Partition of what a poll reads.
pub(super) fn mailbox(id: InstanceId) -> String {
    format!("I#{id}")
}

/// Partition of an instance's notifications.
pub(super) fn notifications(id: InstanceId) -> String {
    format!("N#{id}")
}

/// Partition of an instance's parts.
pub(super) fn parts(id: InstanceId) -> String {
    format!("B#{id}")
}

/// Partition of a shard of an organization's instances.
pub(super) fn instances(organization: u32, shard: u32) -> String {
    format!("O#{organization}#{shard:x}")
}

pub(super) fn shard(id: InstanceId) -> u32 {
    id.get() / (0x8000_0000 / SHARDS_COUNT)
}

/// Ids in numerical order.
pub(super) fn listed(id: InstanceId) -> String {
    format!("{:010}", id.get())
}

/// Sequences in numerical order: 53 bits are 16 digits.
pub(super) fn digits(sequence: Sequence) -> String {
    format!("{:016}", sequence.0)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_follow_the_order_of_ids() {
        let of = |bytes| shard(InstanceId::from_random(bytes));
        assert_eq!(of([0, 0, 0, 1]), 0);
        assert_eq!(of([0x07, 0xff, 0xff, 0xff]), 0);
        assert_eq!(of([0x08, 0, 0, 0]), 1);
        assert_eq!(of([0x7f, 0xff, 0xff, 0xff]), SHARDS_COUNT - 1);
    }

    #[test]
    fn the_largest_sequence_has_as_many_digits_as_the_smallest() {
        assert_eq!(digits(Sequence((1 << 53) - 1)).len(), digits(Sequence(0)).len());
    }
}
