//! The item that says which version of an instance's secrets is current, and where it is.
//!
//! Items stand in shards, so that all can be listed by queries and no partition is written by every instance.

use super::{Holder, VaultPosition};
use crate::fault::fault;
use app::ports::{PortError, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use std::collections::HashMap;

/// Shards of the listing.
const SHARDS_COUNT: u32 = 16;
/// Items in one page of the listing.
const PAGE_COUNT_MAX: i32 = 500;

/// Attributes: current version; sealed secrets; version id of the secret in Secrets Manager; who may write it
/// until when (epoch seconds); when the item was made (epoch seconds).
const VERSION: &str = "v";
const SEALED: &str = "sealed";
const SECRET: &str = "secret";
const HOLDER: &str = "holder";
const HELD_S: &str = "held_s";
const MADE_S: &str = "made_s";

/// What is read of an item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Item {
    /// `None` while the first version is being written.
    pub(super) version: Option<u64>,
    pub(super) sealed: Option<String>,
    pub(super) secret: Option<String>,
    is_held: bool,
}

impl Item {
    /// Whether there may be a secret in Secrets Manager.
    pub(super) fn is_apart(&self) -> bool {
        self.secret.is_some() || self.is_held
    }

    fn of(attributes: &HashMap<String, AttributeValue>) -> Result<Self> {
        let text = |name| attributes.get(name).and_then(|value| value.as_s().ok()).cloned();
        let version = attributes.get(VERSION).map(|value| {
            let number = value.as_n().ok().and_then(|number| number.parse().ok());
            number.ok_or_else(|| PortError::new("read secrets", "a version that is not a number"))
        });
        Ok(Item {
            version: version.transpose()?,
            sealed: text(SEALED),
            secret: text(SECRET),
            is_held: attributes.contains_key(HOLDER),
        })
    }
}

/// Whether a writer may write.
pub(super) enum WriteRight {
    /// It may: this is the item.
    Yours(Item),
    /// Its version does not follow on the current one.
    NotNext,
    /// Another one is writing.
    Held,
}

pub(super) struct Items {
    client: Client,
    table: String,
}

impl Items {
    pub(super) fn new(client: Client, table: String) -> Self {
        Items { client, table }
    }

    pub(super) async fn read(&self, id: InstanceId) -> Result<Option<Item>> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault("read secrets"))?;
        found.item.as_ref().map(Item::of).transpose()
    }

    /// Takes the right to write this version until a time.
    pub(super) async fn take(
        &self,
        id: InstanceId,
        version: u64,
        mark: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<WriteRight> {
        let sent = self
            .update(id)
            .update_expression(format!(
                "SET {HOLDER} = :mark, {HELD_S} = :until, {MADE_S} = if_not_exists({MADE_S}, :now)"
            ))
            .condition_expression(format!(
                "{} AND (attribute_not_exists({HOLDER}) OR {HELD_S} < :now OR {HOLDER} = :mark)",
                follows(version)
            ))
            .set_expression_attribute_values(values(
                version,
                [
                    (":mark", text(mark)),
                    (":until", number(until.timestamp())),
                    (":now", number(now.timestamp())),
                ],
            ))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match settled("take the right to store secrets", sent)? {
            Settled::Done(item) => Ok(WriteRight::Yours(item)),
            Settled::Refused(item) if item.version.unwrap_or(0) + 1 != version => Ok(WriteRight::NotNext),
            Settled::Refused(_) => Ok(WriteRight::Held),
        }
    }

    /// Ends a write: the version is current, and in Secrets Manager under this version id. `false` if the right
    /// to write was lost.
    pub(super) async fn point(&self, id: InstanceId, version: u64, mark: &str, place: &str) -> Result<bool> {
        let sent = self
            .update(id)
            .update_expression(format!(
                "SET {VERSION} = :v, {SECRET} = :place REMOVE {SEALED}, {HOLDER}, {HELD_S}"
            ))
            .condition_expression(format!("{} AND {HOLDER} = :mark", follows(version)))
            .set_expression_attribute_values(values(
                version,
                [(":v", number(version)), (":place", text(place)), (":mark", text(mark))],
            ))
            .send()
            .await;
        Ok(match settled("store secrets", sent)? {
            Settled::Done(_) => true,
            // Our own write, whose answer got lost: a place is never given twice.
            Settled::Refused(met) => met.version == Some(version) && met.secret.as_deref() == Some(place),
        })
    }

    /// Stores sealed secrets as this version; returns the item as it was, or `None` if the version does not
    /// follow on the current one. A right to write in the other storage is worth nothing from then on.
    pub(super) async fn seal(
        &self,
        id: InstanceId,
        version: u64,
        sealed: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Item>> {
        let sent = self
            .update(id)
            .update_expression(format!(
                "SET {VERSION} = :v, {SEALED} = :sealed, {MADE_S} = if_not_exists({MADE_S}, :now)"
            ))
            .condition_expression(follows(version))
            .set_expression_attribute_values(values(
                version,
                [(":v", number(version)), (":sealed", text(sealed)), (":now", number(now.timestamp()))],
            ))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match settled("store secrets", sent)? {
            Settled::Done(before) => Ok(Some(before)),
            // Our own write, whose answer got lost: nothing is sealed twice to the same letters, and what is apart was so
            // before.
            Settled::Refused(met) => Ok(Some(met).filter(|met| met.sealed.as_deref() == Some(sealed))),
        }
    }

    /// The secret in Secrets Manager is gone, and the sealed ones of this version are what counts.
    pub(super) async fn forget_secret(&self, id: InstanceId, version: u64) -> Result<()> {
        let sent = self
            .update(id)
            .update_expression(format!("REMOVE {SECRET}, {HOLDER}, {HELD_S}"))
            .condition_expression(format!("{VERSION} = :v AND attribute_exists({SEALED})"))
            .expression_attribute_values(":v", number(version))
            .send()
            .await;
        settled("store secrets", sent).map(drop)
    }

    pub(super) async fn delete(&self, id: InstanceId) -> Result<()> {
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(key(id)));
        request.send().await.map(drop).map_err(fault("remove secrets"))
    }

    /// A page of one shard, and where to go on.
    pub(super) async fn list(&self, from: VaultPosition) -> Result<(Vec<Holder>, Option<VaultPosition>)> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :shard")
            .expression_attribute_values(":shard", text(&partition(from.shard)))
            .projection_expression(format!("sk, {MADE_S}"))
            .set_exclusive_start_key(from.after.map(key))
            .limit(PAGE_COUNT_MAX)
            .send()
            .await
            .map_err(fault("list secrets"))?;
        let listed: Vec<Holder> = page.items().iter().filter_map(holder).collect();
        let next = match page.last_evaluated_key().and_then(|last| last.get("sk")).and_then(id_of) {
            Some(last) => Some(VaultPosition { shard: from.shard, after: Some(last) }),
            None => Some(VaultPosition { shard: from.shard + 1, after: None })
                .filter(|next| next.shard < SHARDS_COUNT),
        };
        Ok((listed, next))
    }

    fn update(&self, id: InstanceId) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(id)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

/// How a conditional write ended, with the item that it left or met.
enum Settled {
    Done(Item),
    Refused(Item),
}

fn settled(
    context: &'static str,
    sent: std::result::Result<UpdateItemOutput, SdkError<UpdateItemError>>,
) -> Result<Settled> {
    let item = |attributes: Option<&HashMap<_, _>>| attributes.map(Item::of).transpose();
    match sent {
        Ok(done) => Ok(Settled::Done(item(done.attributes())?.unwrap_or_default())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                Ok(Settled::Refused(item(refused.item())?.unwrap_or_default()))
            }
            _ => Err(fault(context)(error)),
        },
    }
}

/// The stored version is one less.
fn follows(version: u64) -> String {
    match version {
        0 | 1 => format!("attribute_not_exists({VERSION})"),
        _ => format!("{VERSION} = :before"),
    }
}

/// These, and what [`follows`] names.
fn values<const COUNT: usize>(
    version: u64,
    given: [(&str, AttributeValue); COUNT],
) -> Option<HashMap<String, AttributeValue>> {
    let before = (version > 1).then(|| (":before", number(version - 1)));
    Some(given.into_iter().chain(before).map(|(name, value)| (name.to_owned(), value)).collect())
}

fn partition(shard: u32) -> String {
    format!("V#{shard:x}")
}

fn key(id: InstanceId) -> HashMap<String, AttributeValue> {
    [("pk".to_owned(), text(&partition(id.get() % SHARDS_COUNT))), ("sk".to_owned(), text(&id.to_string()))]
        .into()
}

fn id_of(value: &AttributeValue) -> Option<InstanceId> {
    InstanceId::parse(value.as_s().ok()?)
}

fn holder(attributes: &HashMap<String, AttributeValue>) -> Option<Holder> {
    let made_s = attributes.get(MADE_S).and_then(|value| value.as_n().ok()?.parse().ok());
    Some((id_of(attributes.get("sk")?)?, made_s.and_then(|seconds| DateTime::from_timestamp(seconds, 0))))
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
