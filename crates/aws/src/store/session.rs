//! Sessions: compared and set on their version, without effect once the instance is deleted.
//!
//! The row is written with each token, so the token stands in it as bytes, beside a document without one.

use super::DynamoStore;
use super::key::Key;
use super::row::{Row, bytes, json, number, text, time};
use super::table::{Met, Write};
use app::ports::{Result, Sessions, Written};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use domain::ids::InstanceId;
use domain::token::Session;

/// Stores a session, whatever was there.
pub(super) fn put(id: InstanceId, session: &Session) -> Result<Write> {
    let token = SealedToken::of(&session.access_token_sealed);
    let document = match token {
        Some(_) => json(&Session { access_token_sealed: String::new(), ..session.clone() })?,
        None => json(session)?,
    };
    let mut attributes = vec![("doc", document), ("version", number(session.version))];
    attributes.extend(session.lease_until.map(|until| ("leased", time(until))));
    if let Some(token) = token {
        attributes.extend([("sealed_by", text(token.key)), ("sealed", bytes(token.bytes))]);
    }
    Ok(Write::put(&Key::session(id), attributes))
}

/// A sealed token in two parts: what it was sealed by, and the bytes that the rest of its text stands for.
struct SealedToken<'a> {
    key: &'a str,
    bytes: Vec<u8>,
}

impl<'a> SealedToken<'a> {
    /// `None` of a text without such parts, such as an empty one.
    fn of(text: &'a str) -> Option<Self> {
        let (key, encoded) = text.rsplit_once('.')?;
        URL_SAFE_NO_PAD.decode(encoded).ok().map(|bytes| SealedToken { key, bytes })
    }

    fn text(&self) -> String {
        format!("{}.{}", self.key, URL_SAFE_NO_PAD.encode(&self.bytes))
    }
}

pub(super) fn read(row: &Row) -> Result<Session> {
    let mut session: Session = row.json("doc")?;
    // A row from before has it in its document.
    if let Some(key) = row.text_or_none("sealed_by")? {
        session.access_token_sealed = SealedToken { key, bytes: row.bytes("sealed")?.to_vec() }.text();
    }
    // A lease is taken without writing the document.
    session.version = row.number("version")?;
    session.lease_until = row.time_or_none("leased")?;
    Ok(session)
}

fn ended(written: std::result::Result<(), Met>) -> Written {
    match written {
        Ok(()) => Written::Done,
        Err(Some(row)) if !row.has("gone") => Written::Conflict,
        Err(_) => Written::Gone,
    }
}

#[async_trait]
impl Sessions for DynamoStore {
    async fn lease_session(
        &self,
        id: InstanceId,
        version: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Written> {
        let table = &self.table;
        let lease = Write::update(Key::session(id), "SET leased = :until, version = :next")
            .when("version = :version AND attribute_not_exists(gone) AND (attribute_not_exists(leased) OR leased <= :now)")
            .with(":until", time(until))
            .with(":next", number(version + 1))
            .with(":version", number(version))
            .with(":now", time(now));
        Ok(ended(table.write("lease a session", lease).await?))
    }

    async fn put_session(&self, id: InstanceId, session: &Session) -> Result<Written> {
        let table = &self.table;
        let put = put(id, session)?
            .when("version = :before AND attribute_not_exists(gone)")
            .with(":before", number(session.version.saturating_sub(1)));
        let written = table.write("store a session", put).await?;
        // Our own write, whose answer got lost.
        if let Err(Some(row)) = &written
            && !row.has("gone")
            && read(row)? == *session
        {
            return Ok(Written::Done);
        }
        Ok(ended(written))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_token_comes_back_to_the_letter() {
        for text in ["1.key.AAECAw", "1.a-key.with.dots.AAECAw"] {
            assert_eq!(SealedToken::of(text).unwrap().text(), text);
        }
        for other in ["", "token 1", "1.key.no base64!", "1.key.AB"] {
            assert!(SealedToken::of(other).is_none(), "{other}");
        }
    }
}
