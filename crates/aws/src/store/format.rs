//! The format of what stands in the table: a number in an item of its own, which only goes up.
//!
//! Every process of a function looks before its first event, while it reads the data key, and again with it each hour. So
//! after a rollback the former version, whose processes are all new, does nothing to what it would misread.

use super::key::Key;
use super::row::number;
use super::table::{Table, Write};
use app::ports::{PortError, Result};
use aws_sdk_dynamodb::Client;
use std::cmp::Ordering;

/// What this version writes, and the newest that it works on. It goes up with a change that the version before would misread,
/// and not with what that one can ignore.
const KNOWN: u32 = 1;
const NUMBER: &str = "format_number";

/// The table is not for this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OtherFormat {
    /// A newer version has worked on it.
    #[error("the table has format {found}, this version knows formats up to {KNOWN}: deploy a newer version")]
    Newer {
        /// Of the table.
        found: u32,
    },
    /// The functions are of an older version.
    #[error("the table has format {found}, and this program writes format {KNOWN}: deploy its version first")]
    Older {
        /// Of the table.
        found: u32,
    },
}

impl OtherFormat {
    /// This, where it is why something failed.
    pub(crate) fn in_error(error: &PortError) -> Option<&Self> {
        error.source.downcast_ref()
    }
}

/// Before a function does anything: refuses a newer table, and makes an older one this version's, which older functions then
/// refuse. One without a number is empty, or of a version from before there were any.
///
/// # Errors
/// The table is newer, or does not answer.
pub async fn enter(client: &Client, table: &str) -> Result<()> {
    const CONTEXT: &str = "begin to work on the table";
    let table = Table::new(client.clone(), table.to_owned());
    let found = found(&table).await?.unwrap_or(0);
    match found.cmp(&KNOWN) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(PortError::new(CONTEXT, OtherFormat::Newer { found })),
        Ordering::Less => raise(&table, CONTEXT).await,
    }
}

/// What administers beside the functions changes no format.
pub(crate) async fn demand(client: &Client, table: &str) -> Result<()> {
    const CONTEXT: &str = "administer the table";
    let table = Table::new(client.clone(), table.to_owned());
    let found = found(&table).await?.unwrap_or(KNOWN);
    match found.cmp(&KNOWN) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(PortError::new(CONTEXT, OtherFormat::Newer { found })),
        Ordering::Less => Err(PortError::new(CONTEXT, OtherFormat::Older { found })),
    }
}

async fn found(table: &Table) -> Result<Option<u32>> {
    let row = table.get("read the table's format", &Key::format()).await?;
    row.map(|row| row.number(NUMBER)).transpose()
}

/// Another process may do the same at once, and another version may have gone further.
async fn raise(table: &Table, context: &'static str) -> Result<()> {
    let raise = Write::put(&Key::format(), [(NUMBER, number(KNOWN))]);
    let raise = raise.when("attribute_not_exists(pk) OR format_number < :known");
    match table.write(context, raise.with(":known", number(KNOWN))).await? {
        Ok(()) => {
            tracing::info!(format = KNOWN, "table.upgraded");
            Ok(())
        }
        Err(met) => match met.map(|row| row.number(NUMBER)).transpose()? {
            Some(found) if found > KNOWN => Err(PortError::new(context, OtherFormat::Newer { found })),
            _ => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    const NONE: (u16, &str) = (200, "{}");

    fn holding(found: u32) -> String {
        format!(r#"{{"Item":{{"format_number":{{"N":"{found}"}}}}}}"#)
    }

    /// Another was first.
    fn met(found: u32) -> String {
        let item = holding(found);
        item.replacen('{', r#"{"__type":"ConditionalCheckFailedException","#, 1)
    }

    async fn entered(answers: &[(u16, &str)]) -> (Option<OtherFormat>, Vec<String>) {
        let script = Script::new(answers);
        let ended = enter(&Client::new(&script.config()), "table").await;
        (ended.err().map(|error| *OtherFormat::in_error(&error).unwrap()), script.operations())
    }

    #[tokio::test]
    async fn a_table_of_this_format_is_only_looked_at() {
        assert_eq!(entered(&[(200, &holding(KNOWN))]).await, (None, vec!["GetItem".to_owned()]));
    }

    #[tokio::test]
    async fn a_newer_table_is_refused_with_words_and_left_as_it_is() {
        let newer = OtherFormat::Newer { found: KNOWN + 1 };
        assert_eq!(entered(&[(200, &holding(KNOWN + 1))]).await, (Some(newer), vec!["GetItem".to_owned()]));
        let words = format!("the table has format {}, this version knows formats up to {KNOWN}", KNOWN + 1);
        assert!(newer.to_string().starts_with(&words));
    }

    #[tokio::test]
    async fn an_older_table_goes_up_whoever_is_first() {
        let both = ["GetItem", "PutItem"].map(str::to_owned).to_vec();
        for before in ["{}".to_owned(), holding(KNOWN - 1)] {
            assert_eq!(entered(&[(200, &before), NONE]).await, (None, both.clone()));
            assert_eq!(entered(&[(200, &before), (400, &met(KNOWN))]).await, (None, both.clone()));
            let newer = Some(OtherFormat::Newer { found: KNOWN + 1 });
            assert_eq!(entered(&[(200, &before), (400, &met(KNOWN + 1))]).await, (newer, both.clone()));
        }
    }

    #[tokio::test]
    async fn an_administrator_changes_no_format() {
        let older = OtherFormat::Older { found: KNOWN - 1 };
        let newer = OtherFormat::Newer { found: KNOWN + 1 };
        for (before, wanted) in [
            ("{}".to_owned(), None),
            (holding(KNOWN), None),
            (holding(KNOWN - 1), Some(older)),
            (holding(KNOWN + 1), Some(newer)),
        ] {
            let script = Script::new(&[(200, &before)]);
            let ended = demand(&Client::new(&script.config()), "table").await;
            assert_eq!(ended.err().and_then(|error| OtherFormat::in_error(&error).copied()), wanted);
            assert_eq!(script.operations(), ["GetItem"]);
        }
    }
}
