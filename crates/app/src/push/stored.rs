//! Changes of a mailbox's push state against others who change it.

use crate::context::Context;
use crate::ports::{PortError, Result, Written};
use chrono::Duration;
use domain::push::{PushKey, PushState};

/// Tries against others: a mailbox has a handful of instances.
const TRIES_COUNT_MAX: usize = 8;
/// How long a state is kept after its last watch has ended, days.
const KEPT_DAYS: i64 = 30;

/// Applies a change to the stored state, as often as others come first; what is stored then. A state that nobody is left
/// in is removed.
pub(super) async fn change(
    app: &Context,
    key: &PushKey,
    mut seen: PushState,
    apply: impl Fn(&mut PushState),
) -> Result<PushState> {
    for _ in 0..TRIES_COUNT_MAX {
        let mut next = seen.clone();
        apply(&mut next);
        if next == seen {
            return Ok(seen);
        }
        let is_left = !next.members.is_empty() || !next.watched.is_empty();
        let written = match (is_left, seen.version) {
            (false, 0) => return Ok(next),
            (false, version) => app.ports.store.remove_push_state(key, version).await?,
            (true, version) => {
                next.version = if version == 0 { first_version(app) } else { version + 1 };
                let expires_at = next.until().unwrap_or_default().max(app.now()) + Duration::days(KEPT_DAYS);
                app.ports.store.put_push_state(key, version, &next, expires_at).await?
            }
        };
        if written == Written::Done {
            return Ok(next);
        }
        seen = read(app, key).await?;
    }
    Err(PortError::new("changing a push state", "others kept changing it"))
}

/// Of a state that is made anew. Whoever read an earlier one, which was removed since, must not take this for it.
fn first_version(app: &Context) -> u64 {
    let mut bytes = [0; 4];
    app.ports.entropy.fill(&mut bytes);
    1 + (u64::from(u32::from_le_bytes(bytes)) << 16)
}

/// The stored state, or an empty one.
pub(super) async fn read(app: &Context, key: &PushKey) -> Result<PushState> {
    Ok(app.ports.store.push_state(key).await?.map(|(state, _)| state).unwrap_or_default())
}
