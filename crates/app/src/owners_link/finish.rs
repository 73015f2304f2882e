//! Back from the provider: the sign-in becomes what the link is for, and its write spends the link. Signing in again is
//! what a user's new sign-in is, but to the same mailbox alone.

use super::look::waiting;
use super::{NoLink, Shown, find_open};
use crate::audit::By;
use crate::context::Context;
use crate::fleet;
use crate::instances::{self, Creation, LoginTerms, OnOther, Patch, Refusal, SignInCode, mailbox_address};
use crate::ports::Written;
use chrono::{DateTime, Utc};
use connectors::Connector;
use domain::ids::InstanceId;
use domain::instance::Instance;
use domain::settings::{Items, OAUTH_SCOPE, given};
use domain::sign_in_link::{LinkKey, LinkPurpose, LinkStanding, StoredLink};
use std::sync::Arc;

/// What came of a sign-in, for whoever signed in: by now they are the owner.
pub(crate) struct SignedInByLink {
    pub(crate) stored: StoredLink,
    pub(crate) connector: Arc<dyn Connector>,
    /// The mailbox's address, where the provider told it.
    pub(crate) address: Option<String>,
    /// Until when it had been read; `None` for a new one, and where nothing ever was.
    pub(crate) read_until: Option<DateTime<Utc>>,
    /// It is polled from now on.
    pub(crate) is_polled: bool,
}

/// Ends a sign-in with what the provider sent its user back with.
pub(crate) async fn finish(
    app: &Context,
    shown: &Shown<'_>,
    code: SignInCode,
) -> Result<SignedInByLink, NoLink> {
    let (key, stored) = find_open(app, shown).await?;
    if app.ports.store.try_link(&key).await? != Written::Done {
        let now = app.ports.store.link(&key).await?;
        let standing = now.map_or(LinkStanding::Expired, |link| link.standing(app.now()));
        return Err(NoLink::Over(standing));
    }
    let (instance, read_until) = match stored.link.purpose {
        LinkPurpose::Again(id) => again(app, key, id, code).await?,
        LinkPurpose::Connect => (connect(app, key, &stored, code).await?, None),
    };
    let (connector, settings) = instances::understood(app, &instance)?;
    tracing::info!(instance.id = instance.id.get(), connector = instance.connector, "sign_in_link.used");
    Ok(SignedInByLink {
        address: mailbox_address::opened(app, &instance)?,
        read_until,
        is_polled: crate::settle::is_polled(&instance, &settings),
        connector: connector.clone(),
        stored,
    })
}

async fn again(
    app: &Context,
    key: LinkKey,
    id: InstanceId,
    code: SignInCode,
) -> Result<(Instance, Option<DateTime<Utc>>), Refusal> {
    let mailbox = instances::mailbox(app, id).await?.ok_or(Refusal::NotFound)?;
    let terms = LoginTerms::of_instance(app, &mailbox.instance).await?;
    let stored_scope = given(&mailbox.instance.configuration, OAUTH_SCOPE);
    // Refreshed tokens are asked for with those of the sign-in.
    let scope = terms.scope.filter(|scope| Some(scope.as_str()) != stored_scope);
    let patch = Patch {
        code: Some(code),
        items: scope.map(|scope| Items::from([(OAUTH_SCOPE.to_owned(), scope)])),
        on_other: OnOther::Refused,
        spends: Some(key),
        ..Patch::default()
    };
    let (vitals, _) = fleet::vitals(app, &mailbox);
    let (instance, _) = instances::change(app, id, &By::carillon(app), patch).await?;
    Ok((instance, vitals.read_until()))
}

async fn connect(
    app: &Context,
    key: LinkKey,
    stored: &StoredLink,
    code: SignInCode,
) -> Result<Instance, Refusal> {
    let account = stored.link.account;
    if app.ports.sessions.secrets_of(account.organization_id, account.user_id).await?.is_none() {
        return Err(Refusal::NotNow("whoever made this link is no longer a user here"));
    }
    let waiting = waiting(app, &key, stored)?;
    let connector = app.connector(&stored.link.connector).cloned().ok_or(Refusal::NotFound)?;
    let creation = Creation {
        by: By::carillon(app),
        account,
        connector,
        code: Some(code),
        items: waiting.items,
        name: waiting.name,
        tags: waiting.tags,
        external_authentication: "none".to_owned(),
        spends: Some(key),
    };
    Ok(instances::create(app, creation).await?.0)
}
