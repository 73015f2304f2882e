//! Many items at once: a batch is not one step, and what it leaves over is sent again.

use super::{TRIES_COUNT_MAX, Table};
use crate::fault::fault;
use crate::store::key::Key;
use crate::store::pause::wait;
use crate::store::row::{Item, Row};
use app::ports::{PortError, Result};
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};
use std::collections::HashMap;

/// Keys of one `BatchGetItem` (source, as below: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/>).
const READS_COUNT_MAX: usize = 100;
/// Items of one batch of writes (`BatchWriteItem`).
const WRITES_COUNT_MAX: usize = 25;

impl Table {
    /// Those of the items that are there, strongly consistent, by their keys.
    pub(in crate::store) async fn get_many(
        &self,
        context: &'static str,
        keys: &[Key],
    ) -> Result<HashMap<Key, Row>> {
        self.read_many(context, keys, true).await
    }

    /// The same, perhaps as they were a moment ago, at half the price.
    pub(in crate::store) async fn glance_many(
        &self,
        context: &'static str,
        keys: &[Key],
    ) -> Result<HashMap<Key, Row>> {
        self.read_many(context, keys, false).await
    }

    async fn read_many(
        &self,
        context: &'static str,
        keys: &[Key],
        is_consistent: bool,
    ) -> Result<HashMap<Key, Row>> {
        let mut found = HashMap::new();
        for keys in keys.chunks(READS_COUNT_MAX) {
            let mut left: Vec<Item> = keys.iter().map(Key::item).collect();
            for round in 0..TRIES_COUNT_MAX {
                let wanted = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(is_consistent);
                let wanted = wanted.build().map_err(|error| PortError::new(context, error))?;
                let answer = self.client.batch_get_item().request_items(&self.name, wanted).send().await;
                let answer = answer.map_err(fault(context))?;
                for item in answer.responses.into_iter().flatten().flat_map(|(_, items)| items) {
                    let row = Row(item);
                    found.insert(Key::of(&row)?, row);
                }
                left =
                    answer.unprocessed_keys.into_iter().flatten().flat_map(|(_, left)| left.keys).collect();
                if left.is_empty() {
                    break;
                }
                if round + 1 == TRIES_COUNT_MAX {
                    return Err(PortError::new(
                        context,
                        "too much at once: a batch was never read to its end",
                    ));
                }
                wait(round).await;
            }
        }
        Ok(found)
    }

    /// Deletes these items, in any order and without a condition.
    pub(in crate::store) async fn delete_many(&self, context: &'static str, keys: &[Key]) -> Result<()> {
        let request = |key: &Key| {
            let delete = DeleteRequest::builder().set_key(Some(key.item())).build()?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        };
        self.write_many(context, keys.iter().map(request)).await
    }

    /// Puts these items, in any order and without a condition.
    pub(in crate::store) async fn put_many(&self, context: &'static str, items: Vec<Item>) -> Result<()> {
        let request = |item: Item| {
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        };
        self.write_many(context, items.into_iter().map(request)).await
    }

    async fn write_many(
        &self,
        context: &'static str,
        requests: impl Iterator<Item = std::result::Result<WriteRequest, BuildError>>,
    ) -> Result<()> {
        let requests: std::result::Result<Vec<WriteRequest>, BuildError> = requests.collect();
        for requests in requests.map_err(|error| PortError::new(context, error))?.chunks(WRITES_COUNT_MAX) {
            let mut left = requests.to_vec();
            for round in 0..TRIES_COUNT_MAX {
                let sent = self.client.batch_write_item().request_items(&self.name, left).send().await;
                let answer = sent.map_err(fault(context))?;
                left = answer.unprocessed_items.into_iter().flatten().flat_map(|(_, left)| left).collect();
                if left.is_empty() {
                    break;
                }
                if round + 1 == TRIES_COUNT_MAX {
                    return Err(PortError::new(
                        context,
                        "too much at once: a batch was never written to its end",
                    ));
                }
                wait(round).await;
            }
        }
        Ok(())
    }
}
