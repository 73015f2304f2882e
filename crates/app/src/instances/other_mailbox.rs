//! A sign-in that turned out to be another mailbox's: what it gave is held until somebody confirms the change, by the
//! client and sealed, so that nothing is stored for what may never come.

use super::{OtherMailbox, Refusal};
use crate::context::Context;
use crate::ports::PortError;
use chrono::{DateTime, Duration, Utc};
use connectors::oauth::Tokens;
use domain::ids::InstanceId;
use serde::{Deserialize, Serialize};

/// Field that it is sealed for.
const FIELD: &str = "other_mailbox";
/// How long somebody may think about it, minutes.
const HELD_MIN: i64 = 10;

/// Tokens of the other mailbox. No `Debug`: they are secret.
#[derive(Serialize, Deserialize)]
struct Held {
    access_token: String,
    refresh_token: Option<String>,
    #[serde(default)]
    address: Option<String>,
    expires_at: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// Holds what a sign-in gave.
pub(super) fn hold(
    app: &Context,
    id: InstanceId,
    tokens: &Tokens,
    address: Option<String>,
) -> Result<Refusal, PortError> {
    let now = app.now();
    let held = Held {
        access_token: tokens.access_token.clone(),
        refresh_token: tokens.refresh_token.clone(),
        address: tokens.address.clone(),
        expires_at: now + Duration::seconds(i64::from(tokens.lifetime_s)),
        until: now + Duration::minutes(HELD_MIN),
    };
    let plain = serde_json::to_vec(&held).map_err(|error| PortError::new("holding a sign-in", error))?;
    let sealed = app.sealer.seal(id, FIELD, &plain);
    let confirmation = sealed.map_err(|error| PortError::new("sealing a sign-in", error))?;
    Ok(Refusal::OtherMailbox(OtherMailbox { address, confirmation }))
}

/// The sign-in that a confirmation stands for.
pub(super) fn confirmed(app: &Context, id: InstanceId, confirmation: &str) -> Result<Tokens, Refusal> {
    let plain = app.sealer.open(id, FIELD, confirmation).ok();
    let held = plain.and_then(|plain| serde_json::from_slice::<Held>(&plain).ok());
    let now = app.now();
    let held = held.filter(|held| now < held.until).ok_or_else(|| {
        let rule = format!("is none of this instance, or older than {HELD_MIN} minutes: sign in again");
        Refusal::rule("providerData.confirmation", rule)
    })?;
    let lifetime_s = u32::try_from((held.expires_at - now).num_seconds()).unwrap_or(0);
    let Held { access_token, refresh_token, address, .. } = held;
    Ok(Tokens { access_token, refresh_token, lifetime_s, address })
}
