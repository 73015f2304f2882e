//! Where items stand: partition and sort key.
//!
//! Everything that a poll needs of an instance is one partition, read by one query. Notifications are another,
//! so that the log of a busy mailbox is not in the way; what is too large for an item is a third.

use super::row::{Item, Row, text};
use crate::tick::Tick;
use app::ports::{Counted, LogMark, LookupHash, Result};
use chrono::{DateTime, Utc};
use domain::bulk::BulkId;
use domain::health_ledger::HealthEventId;
use domain::ids::{InstanceId, Sequence, hash_of};
use domain::instance::AddressKey;
use domain::push::PushKey;
use domain::sign_in_link::LinkKey;
use std::fmt::Write as _;

/// Shards of an organization's list, by the highest bits of the instance id: in order over all shards.
pub(super) const SHARDS_COUNT: u32 = 16;
/// Partitions of an organization's log, by instance. New lines are all at one end of theirs, and a partition takes
/// a thousand writes a second,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>.
pub(super) const LOG_SHARDS_COUNT: u32 = 4;

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

    /// A part of a resource's annex. They go with the instance's parts.
    pub(super) fn annex(id: InstanceId, resource: &str, name: &str) -> Self {
        Key::new(parts(id), format!("{ANNEX}{resource}#{name}"))
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

    /// Whose session this is.
    pub(super) fn user_session(hash: &LookupHash) -> Self {
        Key::new(format!("K#{}", hex(hash)), "K")
    }

    /// What counts once and was taken.
    pub(super) fn spent(hash: &LookupHash) -> Self {
        Key::new(format!("ONCE#{}", hex(hash)), "ONCE")
    }

    /// A link to sign in by. Those of an instance are among its parts, and go with them.
    pub(super) fn sign_in_link(key: &LinkKey) -> Self {
        match key.instance {
            Some(id) => Key::new(parts(id), format!("LINK#{}", hex(&key.hash))),
            None => Key::new(format!("X#{}", hex(&key.hash)), "X"),
        }
    }

    /// Push of a mailbox.
    pub(super) fn push(key: &PushKey) -> Self {
        Key::new(format!("W#{}", key.0), "W")
    }

    /// The hashes of the first organization's and user's secrets, and the next free numbers.
    pub(super) fn accounts() -> Self {
        Key::new("ACCOUNTS".to_owned(), "ACCOUNTS")
    }

    /// The format of all that stands in the table.
    pub(super) fn format() -> Self {
        Key::new("FORMAT".to_owned(), "FORMAT")
    }

    /// An organization in the list of all.
    pub(super) fn listed_organization(id: u32) -> Self {
        Key::new(ORGANIZATIONS.to_owned(), format!("{id:010}"))
    }

    /// An instance in its organization's list.
    pub(super) fn listed_instance(organization: u32, id: InstanceId) -> Self {
        Key::new(instances(organization, shard(id)), listed(id))
    }

    /// An instance among those of an organization whose mailbox has this address.
    pub(super) fn addressed(organization: u32, address: &AddressKey, id: InstanceId) -> Self {
        Key::new(addressed(organization, address), listed(id))
    }

    /// An instance among those that a tick polls.
    pub(super) fn member(tick: Tick, id: InstanceId) -> Self {
        Key::new(members(tick), listed(id))
    }

    /// Which tick polls an instance.
    pub(super) fn membership(id: InstanceId) -> Self {
        Key::new(format!("F#{id}"), "F")
    }

    /// A user in the list of an organization's.
    pub(super) fn listed_user(organization: u32, user: u32) -> Self {
        Key::new(users(organization), format!("{user:010}"))
    }

    /// What an account is set to.
    pub(super) fn settings(organization: u32, account: u32) -> Self {
        Key::new(format!("S#{organization}"), format!("{account:010}"))
    }

    /// An OAuth application of an organization.
    pub(super) fn application(organization: u32, name: &str) -> Self {
        Key::new(applications(organization), name)
    }

    /// A bulk action of an organization.
    pub(super) fn bulk(organization: u32, id: BulkId) -> Self {
        Key::new(bulks(organization), id.to_string())
    }

    /// A health event of an organization.
    pub(super) fn health_event(organization: u32, id: HealthEventId) -> Self {
        Key::new(health_events(organization), id.to_string())
    }

    /// The instances that a bulk action is about.
    pub(super) fn bulk_targets(organization: u32, id: BulkId) -> Self {
        Key::new(format!("Z#{organization}#{id}"), "Z")
    }

    /// How many bulk actions of an organization run.
    pub(super) fn running_bulks(organization: u32) -> Self {
        Key::new(format!("Z#{organization}"), "Z")
    }

    /// How much an organization asked in a minute.
    pub(super) fn requests(organization: u32, what: Counted, minute: i64) -> Self {
        let sort = match what {
            Counted::Requests => "Q".to_owned(),
            Counted::TestEvents => "T".to_owned(),
            Counted::Administration => "A".to_owned(),
            Counted::RequestsOf { user_id } => format!("U#{user_id}"),
        };
        Key::new(format!("Q#{organization}#{minute}"), sort)
    }

    /// An entry of an organization's record of changes.
    pub(super) fn audit(organization: u32, at: DateTime<Utc>, id: &str) -> Self {
        Key::new(audit(organization), audited(at, id))
    }

    /// Where a notification of an organization stands that is about an object.
    pub(super) fn object(organization: u32, object: &str, mark: LogMark) -> Self {
        Key::new(object_of(organization, object), logged(mark))
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
/// Among an instance's parts.
pub(super) const ANNEX: &str = "A#";
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

/// Partition of an organization's instances whose mailbox has this address.
pub(super) fn addressed(organization: u32, address: &AddressKey) -> String {
    format!("D#{organization}#{}", address.0)
}

/// Partition of the instances that a tick polls.
pub(super) fn members(tick: Tick) -> String {
    format!("V#{tick}")
}

/// Partition of an organization's users.
pub(super) fn users(organization: u32) -> String {
    format!("M#{organization}")
}

/// Partition of an organization's OAuth applications.
pub(super) fn applications(organization: u32) -> String {
    format!("H#{organization}")
}

/// Partition of an organization's bulk actions.
pub(super) fn bulks(organization: u32) -> String {
    format!("Y#{organization}")
}

/// Partition of an organization's health events.
pub(super) fn health_events(organization: u32) -> String {
    format!("E#{organization}")
}

/// Partition of an organization's record of changes.
pub(super) fn audit(organization: u32) -> String {
    format!("A#{organization}")
}

/// Microseconds and then ids, in order.
pub(super) fn audited(at: DateTime<Utc>, id: &str) -> String {
    format!("{:016}#{id}", at.timestamp_micros().max(0))
}

/// Partition of an object of an organization. An id may be longer than a key.
pub(super) fn object_of(organization: u32, object: &str) -> String {
    format!("J#{organization}#{}", hex(&hash_of(&[b"object", object.as_bytes()])[..16]))
}

/// Partition of a shard of an organization's log, in the indexes of it.
pub(super) fn log(organization: u32, shard: u32) -> String {
    format!("L#{organization}#{shard:x}")
}

/// The shard of an organization's log that has an instance.
pub(super) fn log_shard(id: InstanceId) -> u32 {
    id.get() % LOG_SHARDS_COUNT
}

/// A place in an organization's log.
pub(super) fn logged(mark: LogMark) -> String {
    format!("{}#{:010}", digits(mark.sequence), mark.instance.get())
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

/// Of a notification's row.
pub(super) fn sequence(row: &Row) -> Result<Sequence> {
    row.text("sk")?.parse().map(Sequence).map_err(|_| row.damaged("sk"))
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
        let of = |bytes| shard(InstanceId::from_bytes(bytes));
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
