//! The table: single writes, transactions and reads, which distinguish failed conditions from failures.
//!
//! The SDK repeats what was throttled or got no answer. A write that was applied but got no answer then meets
//! its own effect: callers that must know compare what is stored with what they wrote.

mod batches;
mod readable;

use super::key::Key;
use super::pause::wait;
use super::row::{Item, Row, number, text};
use crate::fault::{TooMuch, code, fault};
use app::ports::{PortError, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put, ReturnValue,
    ReturnValuesOnConditionCheckFailure as OnFailure, Select, TransactWriteItem, Update,
};
use std::collections::HashMap;

/// Tries of a write that a transaction was in the way of, and of what a batch left over.
const TRIES_COUNT_MAX: u32 = 8;
const IN_THE_WAY: &str = "other transactions kept conflicting";
/// Pages of one query: a page has up to a megabyte (`Query`, source, as below:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/>), and reading a thousand takes longer than an invocation has.
const PAGES_COUNT_MAX: usize = 1000;
/// Actions of one transaction (`TransactWriteItems`).
pub(super) const ACTIONS_COUNT_MAX: usize = 100;

/// The table.
#[derive(Clone)]
pub(super) struct Table {
    client: Client,
    name: String,
}

/// One conditional write.
#[derive(Debug, Clone)]
pub(super) struct Write {
    action: Action,
    condition: Option<String>,
    values: Item,
    /// Of attributes that are also words of the expressions' language.
    names: HashMap<String, String>,
}

#[derive(Debug, Clone)]
enum Action {
    Put(Item),
    Update(Key, String),
    Delete(Key),
}

/// How conditional writes ended.
#[derive(Debug)]
pub(super) enum WritesEnded {
    Done,
    /// Nothing was written. For each write whether its condition failed, with the row that it met, if any.
    Refused(Vec<Option<Met>>),
}

/// How one try of a single write ended.
enum WriteOutcome {
    /// The row after it, where it was asked for.
    Stored(Met),
    /// The row that the condition failed on.
    Refused(Met),
    /// A transaction is under way on the same item.
    InTheWay,
}

/// A row that a condition failed on; `None` if there is none.
pub(super) type Met = Option<Row>;

impl Write {
    /// Replaces the item.
    pub(super) fn put(
        key: &Key,
        attributes: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> Self {
        let mut item = key.item();
        item.extend(attributes.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Write { action: Action::Put(item), condition: None, values: Item::new(), names: HashMap::new() }
    }

    /// Changes the item.
    pub(super) fn update(key: Key, expression: impl Into<String>) -> Self {
        Write {
            action: Action::Update(key, expression.into()),
            condition: None,
            values: Item::new(),
            names: HashMap::new(),
        }
    }

    pub(super) fn delete(key: Key) -> Self {
        Write { action: Action::Delete(key), condition: None, values: Item::new(), names: HashMap::new() }
    }

    /// Only under this condition.
    pub(super) fn when(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    /// A value of an expression, such as `:at`.
    pub(super) fn with(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    /// What an update calls an attribute, such as `#name`.
    pub(super) fn naming(mut self, name: &'static str, attribute: &'static str) -> Self {
        self.names.insert(name.to_owned(), attribute.to_owned());
        self
    }

    /// One more attribute of a replaced item.
    pub(super) fn and(mut self, name: &'static str, value: AttributeValue) -> Self {
        if let Action::Put(item) = &mut self.action {
            item.insert(name.to_owned(), value);
        }
        self
    }

    fn values(&self) -> Option<Item> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }
}

/// An index of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Index {
    name: &'static str,
    /// The attribute that its partitions are made of.
    partition: &'static str,
    /// Whether a read sees every write that came before it.
    is_consistent: bool,
}

impl Index {
    /// Another order of a partition.
    pub(super) const fn local(name: &'static str) -> Self {
        Index { name, partition: "pk", is_consistent: true }
    }

    /// Partitions of its own, which follow the table a moment later.
    pub(super) const fn global(name: &'static str, partition: &'static str) -> Self {
        Index { name, partition, is_consistent: false }
    }
}

/// One page of a query over a partition of the table, or of an index.
pub(super) struct KeyQuery<'a> {
    pub(super) pk: String,
    pub(super) index: Option<Index>,
    /// A condition on the sort key, with `#sort` for its name and `:from` for its value.
    pub(super) range: Option<(&'static str, &'static str, AttributeValue)>,
    /// `:to`, where the condition has it.
    pub(super) to: Option<AttributeValue>,
    pub(super) is_descending: bool,
    pub(super) limit: Option<usize>,
    /// Names of the attributes to read; all if there are none.
    pub(super) only: Option<&'a str>,
    /// Perhaps as it was a moment ago, at half the price.
    pub(super) glances: bool,
}

impl KeyQuery<'_> {
    /// The whole partition in order.
    pub(super) fn of(pk: String) -> Self {
        KeyQuery {
            pk,
            index: None,
            range: None,
            to: None,
            is_descending: false,
            limit: None,
            only: None,
            glances: false,
        }
    }
}

impl Table {
    pub(super) fn new(client: Client, name: String) -> Self {
        Table { client, name }
    }

    /// One item, strongly consistent.
    pub(super) async fn get(&self, context: &'static str, key: &Key) -> Result<Option<Row>> {
        let request = self.client.get_item().table_name(&self.name).consistent_read(true);
        let answer = request.set_key(Some(key.item())).send().await;
        Ok(answer.map_err(fault(context))?.item.map(Row))
    }

    /// Rows of a partition, strongly consistent: up to the limit, or all.
    pub(super) async fn query(&self, context: &'static str, page: KeyQuery<'_>) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut start = None;
        for _ in 0..PAGES_COUNT_MAX {
            let left = page.limit.map(|limit| limit - rows.len());
            let (more, next) = self.query_once(context, &page, left, start).await?;
            rows.extend(more);
            start = next;
            if start.is_none() || page.limit.is_some_and(|limit| rows.len() >= limit) {
                return Ok(rows);
            }
        }
        Err(PortError::new(context, TooMuch))
    }

    /// How many rows there are.
    pub(super) async fn count(&self, context: &'static str, page: KeyQuery<'_>) -> Result<u64> {
        let mut count = 0;
        let mut start = None;
        for _ in 0..PAGES_COUNT_MAX {
            let request = self.request(&page, None, start).select(Select::Count);
            let answer = request.send().await.map_err(fault(context))?;
            count += u64::try_from(answer.count).unwrap_or(0);
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(count);
            }
        }
        Err(PortError::new(context, TooMuch))
    }

    async fn query_once(
        &self,
        context: &'static str,
        page: &KeyQuery<'_>,
        limit: Option<usize>,
        start: Option<Item>,
    ) -> Result<(Vec<Row>, Option<Item>)> {
        let answer = self.request(page, limit, start).send().await.map_err(fault(context))?;
        let rows = answer.items.unwrap_or_default().into_iter().map(Row).collect();
        Ok((rows, answer.last_evaluated_key.filter(|key| !key.is_empty())))
    }

    fn request(&self, page: &KeyQuery<'_>, limit: Option<usize>, start: Option<Item>) -> QueryFluentBuilder {
        let partition = page.index.map_or("pk", |index| index.partition);
        let request = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(!page.glances && page.index.is_none_or(|index| index.is_consistent))
            .scan_index_forward(!page.is_descending)
            .set_index_name(page.index.map(|index| index.name.to_owned()))
            .set_limit(limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .set_projection_expression(page.only.map(str::to_owned))
            .set_exclusive_start_key(start)
            .expression_attribute_values(":pk", text(&page.pk));
        let request = match &page.to {
            None => request,
            Some(to) => request.expression_attribute_values(":to", to.clone()),
        };
        match &page.range {
            None => request.key_condition_expression(format!("{partition} = :pk")),
            Some((sort, condition, value)) => request
                .key_condition_expression(format!("{partition} = :pk AND {condition}"))
                .expression_attribute_names("#sort", *sort)
                .expression_attribute_values(":from", value.clone()),
        }
    }

    /// One write; for a refused one, the row it met.
    pub(super) async fn write(
        &self,
        context: &'static str,
        write: Write,
    ) -> Result<std::result::Result<(), Met>> {
        Ok(self.write_for(context, write, ReturnValue::None).await?.map(drop))
    }

    /// One update, and the row after it.
    pub(super) async fn update(
        &self,
        context: &'static str,
        write: Write,
    ) -> Result<std::result::Result<Met, Met>> {
        self.write_for(context, write, ReturnValue::AllNew).await
    }

    /// A transaction on the same item is in the way for some milliseconds: then the write is sent again.
    async fn write_for(
        &self,
        context: &'static str,
        write: Write,
        after: ReturnValue,
    ) -> Result<std::result::Result<Met, Met>> {
        for round in 0..TRIES_COUNT_MAX {
            match self.write_once(context, write.clone(), after.clone()).await? {
                WriteOutcome::Stored(after) => return Ok(Ok(after)),
                WriteOutcome::Refused(met) => return Ok(Err(met)),
                WriteOutcome::InTheWay => wait(round).await,
            }
        }
        Err(PortError::new(context, IN_THE_WAY))
    }

    async fn write_once(
        &self,
        context: &'static str,
        write: Write,
        after: ReturnValue,
    ) -> Result<WriteOutcome> {
        let (values, names) = (write.values(), write.names());
        match write.action {
            Action::Put(item) => {
                let request = self.client.put_item().table_name(&self.name).set_item(Some(item));
                let request = request.set_condition_expression(write.condition);
                let request = request.set_expression_attribute_values(values);
                let sent = request.return_values_on_condition_check_failure(OnFailure::AllOld).send().await;
                settle(context, sent.map(|_| None), |error| match error {
                    PutItemError::ConditionalCheckFailedException(met) => Some(met.item.clone()),
                    _ => None,
                })
            }
            Action::Update(key, expression) => {
                let request = self.client.update_item().table_name(&self.name).set_key(Some(key.item()));
                let request = request.update_expression(expression).set_condition_expression(write.condition);
                let request = request.set_expression_attribute_names(names);
                let request = request.set_expression_attribute_values(values).return_values(after);
                let sent = request.return_values_on_condition_check_failure(OnFailure::AllOld).send().await;
                settle(context, sent.map(|done| done.attributes), |error| match error {
                    UpdateItemError::ConditionalCheckFailedException(met) => Some(met.item.clone()),
                    _ => None,
                })
            }
            Action::Delete(key) => {
                let request = self.client.delete_item().table_name(&self.name).set_key(Some(key.item()));
                let request = request.set_condition_expression(write.condition);
                let request = request.set_expression_attribute_values(values);
                let sent = request.return_values_on_condition_check_failure(OnFailure::AllOld).send().await;
                settle(context, sent.map(|_| None), |error| match error {
                    DeleteItemError::ConditionalCheckFailedException(met) => Some(met.item.clone()),
                    _ => None,
                })
            }
        }
    }

    /// All of them or none; a single one is not a transaction, which costs half.
    pub(super) async fn transact(
        &self,
        context: &'static str,
        mut writes: Vec<Write>,
    ) -> Result<WritesEnded> {
        if writes.len() == 1
            && let Some(write) = writes.pop()
        {
            return Ok(match self.write(context, write).await? {
                Ok(()) => WritesEnded::Done,
                Err(met) => WritesEnded::Refused(vec![Some(met)]),
            });
        }
        let actions = writes.into_iter().map(|write| self.action(write)).collect::<Result<Vec<_>>>()?;
        for round in 0..TRIES_COUNT_MAX {
            let sent =
                self.client.transact_write_items().set_transact_items(Some(actions.clone())).send().await;
            let error = match sent {
                Ok(_) => return Ok(WritesEnded::Done),
                Err(error) => error,
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            else {
                return Err(fault(context)(error));
            };
            let reasons = cancelled.cancellation_reasons();
            if reasons.iter().any(|reason| reason.code() == Some("ConditionalCheckFailed")) {
                return Ok(WritesEnded::Refused(reasons.iter().map(refused).collect()));
            }
            if !reasons.iter().all(is_passing) {
                return Err(fault(context)(error));
            }
            wait(round).await;
        }
        Err(PortError::new(context, IN_THE_WAY))
    }

    fn action(&self, write: Write) -> Result<TransactWriteItem> {
        let (values, names) = (write.values(), write.names());
        let context = "put a transaction together";
        let wrong = |error| PortError::new(context, error);
        let item = TransactWriteItem::builder();
        Ok(match write.action {
            Action::Put(attributes) => {
                let put = Put::builder().table_name(&self.name).set_item(Some(attributes));
                let put =
                    put.set_condition_expression(write.condition).set_expression_attribute_values(values);
                let put = put.return_values_on_condition_check_failure(OnFailure::AllOld);
                item.put(put.build().map_err(wrong)?).build()
            }
            Action::Update(key, expression) => {
                let update = Update::builder().table_name(&self.name).set_key(Some(key.item()));
                let update = update.update_expression(expression).set_condition_expression(write.condition);
                let update = update.set_expression_attribute_names(names);
                let update = update.set_expression_attribute_values(values);
                let update = update.return_values_on_condition_check_failure(OnFailure::AllOld);
                item.update(update.build().map_err(wrong)?).build()
            }
            Action::Delete(key) => {
                let delete = Delete::builder().table_name(&self.name).set_key(Some(key.item()));
                let delete = delete.set_condition_expression(write.condition);
                let delete = delete.set_expression_attribute_values(values);
                item.delete(delete.build().map_err(wrong)?).build()
            }
        })
    }

    /// The next of a row of numbers that are given out once.
    pub(super) async fn next_number(
        &self,
        context: &'static str,
        key: Key,
        name: &'static str,
    ) -> Result<u32> {
        let write = Write::update(key, format!("ADD {name} :one")).with(":one", number(1));
        match self.update(context, write).await? {
            Ok(Some(row)) => row.number(name),
            _ => Err(PortError::new(context, "no number was given out")),
        }
    }
}

fn settle<E: std::error::Error + Send + Sync + ProvideErrorMetadata + 'static>(
    context: &'static str,
    sent: std::result::Result<Option<Item>, SdkError<E>>,
    refusal: impl Fn(&E) -> Option<Option<Item>>,
) -> Result<WriteOutcome> {
    match sent {
        Ok(after) => Ok(WriteOutcome::Stored(after.map(Row))),
        Err(error) if code(&error) == "TransactionConflictException" => Ok(WriteOutcome::InTheWay),
        Err(error) => match error.as_service_error().and_then(&refusal) {
            Some(met) => Ok(WriteOutcome::Refused(met_row(met))),
            None => Err(fault(context)(error)),
        },
    }
}

fn refused(reason: &CancellationReason) -> Option<Met> {
    (reason.code() == Some("ConditionalCheckFailed")).then(|| met_row(reason.item.clone()))
}

fn met_row(item: Option<Item>) -> Met {
    item.filter(|item| !item.is_empty()).map(Row)
}

/// Gone by itself after a while.
fn is_passing(reason: &CancellationReason) -> bool {
    matches!(
        reason.code(),
        None | Some("None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
    )
}

#[cfg(test)]
mod tests;
