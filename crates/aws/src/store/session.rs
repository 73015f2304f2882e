//! Sessions: compared and set on their version, without effect once the instance is deleted.
//!
//! The row is written with each token, so the token stands in it as bytes, beside a document without one.
//!
//! The lease is in the callback's item, which is small: a row with a token has two kilobytes. Leases are numbered, and who
//! stores a session says in it how many have ended: of the two rows only one is written at a time, and the last lease holds
//! until its time, or until a session was stored that names it.

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
    let ended = session.leases.saturating_sub(u64::from(session.lease_until.is_some()));
    let mut attributes =
        vec![("doc", document), ("version", number(session.version)), ("leases_ended", number(ended))];
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

/// A session, and what the callback's row says of its lease.
pub(super) fn read(row: &Row, beside: Option<&Row>) -> Result<Session> {
    let mut session: Session = row.json("doc")?;
    // A row from before has it in its document.
    if let Some(key) = row.text_or_none("sealed_by")? {
        session.access_token_sealed = SealedToken { key, bytes: row.bytes("sealed")?.to_vec() }.text();
    }
    session.version = row.number("version")?;
    // Versions before leases were apart had theirs here, for seconds.
    session.lease_until = row.time_or_none("leased")?;
    session.leases = 0;
    let Some(beside) = beside else { return Ok(session) };
    session.leases = beside.number_or_none("token_leases")?.unwrap_or(0);
    if session.leases > row.number_or_none("leases_ended")?.unwrap_or(0) {
        session.lease_until = session.lease_until.max(beside.time_or_none("token_until")?);
    }
    Ok(session)
}

/// Whether a row holds this session.
fn is_stored(row: &Row, session: &Session) -> Result<bool> {
    let apart = |session: Session| Session { leases: 0, lease_until: None, ..session };
    Ok(apart(read(row, None)?) == apart(session.clone()))
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
    async fn lease_session(&self, id: InstanceId, leases: u64, until: DateTime<Utc>) -> Result<Written> {
        let table = &self.table;
        // Our own write, whose answer got lost, is not another's.
        let holder = fastrand::u64(..);
        let is_as_read = match leases {
            0 => "attribute_not_exists(token_leases)",
            _ => "token_leases = :leases",
        };
        let condition = format!("attribute_exists(pk) AND attribute_not_exists(gone) AND {is_as_read}");
        let lease = Write::update(
            Key::subscription(id),
            "SET token_until = :until, token_leases = :next, token_by = :holder",
        )
        .when(condition)
        .with(":until", time(until))
        .with(":next", number(leases + 1))
        .with(":holder", number(holder));
        let lease = if leases == 0 { lease } else { lease.with(":leases", number(leases)) };
        let written = table.write("lease a session", lease).await?;
        if let Err(Some(row)) = &written
            && row.number_or_none("token_by")? == Some(holder)
        {
            return Ok(Written::Done);
        }
        Ok(ended(written))
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
            && is_stored(row, session)?
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
