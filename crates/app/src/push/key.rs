//! What names a mailbox's push, and what its notices have to bring back.

use crate::context::Context;
use crate::ports::{Result, Secrets};
use crate::sealing::Lookup;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::instance::Instance;
use domain::push::PushKey;

/// Bytes of a hash that name something.
const NAME_BYTES: usize = 12;

/// The push state of an instance's mailbox; `None` while it is not known whose mailbox it is.
pub(crate) fn key_of(app: &Context, instance: &Instance) -> Option<PushKey> {
    let digest = Some(instance.mailbox_digest.as_str()).filter(|digest| !digest.is_empty())?;
    Some(key(app, &instance.connector, digest))
}

/// The push state of the mailbox with this digest.
pub(super) fn key(app: &Context, connector: &str, mailbox_digest: &str) -> PushKey {
    PushKey(named(app, Lookup::PushMailbox, &format!("{connector}|{mailbox_digest}")))
}

/// The application that an instance signs in with.
pub(super) async fn application(app: &Context, instance: &Instance, secrets: &Secrets) -> Result<String> {
    let organization_id = instance.account.organization_id;
    let client = app.clients.of(organization_id, &instance.configuration, secrets).await?;
    Ok(named(app, Lookup::PushApplication, &client.key))
}

fn named(app: &Context, kind: Lookup, text: &str) -> String {
    URL_SAFE_NO_PAD.encode(&app.sealer.lookup_hash(kind, text)[..NAME_BYTES])
}

/// What notices of a watch bring back: whose it is, and a keyed hash of that. It can be told again from the row alone, so
/// that a watch whose creation was not heard of is taken over; and a forged one costs no read.
pub(super) fn secret(app: &Context, key: &PushKey, application: &str, target: &str) -> String {
    let target = target_name(app, target);
    let named = format!("{}.{application}.{target}", key.0);
    let hash = app.sealer.lookup_hash(Lookup::PushSecret, &named);
    format!("{named}.{}", URL_SAFE_NO_PAD.encode(hash))
}

/// A target's place in a secret, where its own name could be too long.
pub(super) fn target_name(app: &Context, target: &str) -> String {
    named(app, Lookup::PushTarget, target)
}

/// Whose watch a notice speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) key: PushKey,
    pub(super) application: String,
    pub(super) target_name: String,
}

/// Whose watch a secret of ours would be of. Nothing of it is proven.
pub(super) fn named_by(secret: &str) -> Option<PushKey> {
    let key = secret.split('.').next()?;
    let bytes = URL_SAFE_NO_PAD.decode(key).ok()?;
    (bytes.len() == NAME_BYTES).then(|| PushKey(key.to_owned()))
}

/// What a secret of ours says; `None` for any other text.
pub(super) fn opened(app: &Context, secret: &str) -> Option<Opened> {
    let (named, hash) = secret.rsplit_once('.')?;
    let hash = URL_SAFE_NO_PAD.decode(hash).ok()?;
    if !app.sealer.is_lookup_hash(Lookup::PushSecret, named, &hash) {
        return None;
    }
    let mut parts = named.split('.').map(str::to_owned);
    let (key, application, target_name) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Opened { key: PushKey(key), application, target_name })
}
