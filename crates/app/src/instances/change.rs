//! Changing and deleting instances.

use super::baseline::Baselines;
use super::create::warn_of_plain_http;
use super::kept_token::KeptToken;
use super::stopped::forgiven;
use super::stored::understood;
use super::{
    NotByLink, OnOther, Patch, Refusal, Trial, baseline, by_link, credentials, other_mailbox, trial,
};
use crate::audit::By;
use crate::clients::Client;
use crate::context::Context;
use crate::exchange;
use crate::health;
use crate::ports::{InstanceChange, Mailbox, Secrets, SubscriptionChange, Written};
use crate::push;
use crate::read_gate::Gate;
use crate::settle::{self, Promise};
use chrono::{DateTime, Utc};
use connectors::oauth::Tokens;
use connectors::{Connector, Http};
use domain::backfill::Backfill;
use domain::health_reading::Reading;
use domain::ids::InstanceId;
use domain::instance::{Instance, Left, Unsettled, Validity, without_markup};
use domain::invalid::text_boolean;
use domain::resource::ResourceConfig;
use domain::settings::{
    CALLBACK_URL, EVENTS_ENABLED, Items, MASK, OAUTH_API_KEY, OAUTH_API_SECRET, OAUTH_APPLICATION,
    OAUTH_CALLBACK_URL, OAUTH_REFRESH_TOKEN, OAUTH_SCOPE, OAUTH_USER_TOKEN, POLLER_CONFIGURATION,
    POLLER_URLS, SIGNATURE_KEY, SIGNATURE_PREVIOUS_KEY, SIGNATURE_PREVIOUS_UNTIL, Settings, given,
};
use domain::signature::rotation_until;
use domain::state::ResourceState;
use std::sync::Arc;

/// Items that say what is polled.
const POLL_KEYS: [&str; 3] = [EVENTS_ENABLED, POLLER_CONFIGURATION, POLLER_URLS];
/// Items that a replaced configuration need not name again: what the instance signs in with, and the key that it signed
/// with before.
const KEPT_KEYS: [&str; 9] = [
    OAUTH_API_KEY,
    OAUTH_API_SECRET,
    OAUTH_APPLICATION,
    OAUTH_CALLBACK_URL,
    OAUTH_SCOPE,
    OAUTH_USER_TOKEN,
    OAUTH_REFRESH_TOKEN,
    SIGNATURE_PREVIOUS_KEY,
    SIGNATURE_PREVIOUS_UNTIL,
];
/// Tries against others who change the same row.
pub(super) const TRIES_COUNT_MAX: usize = 5;

/// What one try of a change leaves for the next.
struct Tries {
    /// A code is exchanged once.
    tokens: Option<Tokens>,
    /// Without a code: the token that the mailbox is asked with.
    kept_token: KeptToken,
    /// The resulting refresh token is in the vault: what stands there by now may be its successor.
    has_kept_token: bool,
    /// The signature key from before the request; a try may have put the new one into the vault.
    signed_with: Option<Option<String>>,
    /// A configuration is tried once.
    trials: Option<Vec<Trial>>,
    /// A client waits until then.
    deadline: DateTime<Utc>,
    /// What of push the change leaves. A try may have put another application into the vault.
    left: Option<Left>,
    /// Made once a try comes to write.
    promise: Promise,
}

impl Tries {
    fn of(app: &Context, id: InstanceId, tokens: Option<Tokens>) -> Self {
        Tries {
            tokens,
            kept_token: KeptToken::default(),
            has_kept_token: false,
            signed_with: None,
            trials: None,
            deadline: trial::deadline(app),
            left: None,
            promise: Promise::about(id),
        }
    }
}

/// Changes an instance. The code, if any, is exchanged once, whatever others do meanwhile.
pub(crate) async fn change(
    app: &Context,
    id: InstanceId,
    by: &By,
    patch: Patch,
) -> Result<(Instance, Vec<Trial>), Refusal> {
    let confirmed = |confirmation| other_mailbox::confirmed(app, id, confirmation);
    let tokens = patch.confirmation.as_deref().map(confirmed).transpose()?;
    let mut tries = Tries::of(app, id, tokens);
    for _ in 0..TRIES_COUNT_MAX {
        let _held = app.locks.hold(id).await;
        by_link::check_unspent(app, patch.spends).await?;
        let mailbox = living(app, id).await?;
        if let Some(changed) = attempt(app, mailbox, by, &patch, &mut tries).await? {
            return Ok(changed);
        }
    }
    Err(Refusal::Conflict)
}

pub(super) async fn living(app: &Context, id: InstanceId) -> Result<Mailbox, Refusal> {
    let mailbox = super::mailbox(app, id).await?.ok_or(Refusal::NotFound)?;
    if !health::has_news(app, &mailbox, &Reading::Unknown) {
        return Ok(mailbox);
    }
    // What the change ends is told before.
    settle::marked(app, id).await;
    super::mailbox(app, id).await?.ok_or(Refusal::NotFound)
}

async fn attempt(
    app: &Context,
    mailbox: Mailbox,
    by: &By,
    patch: &Patch,
    tries: &mut Tries,
) -> Result<Option<(Instance, Vec<Trial>)>, Refusal> {
    let (connector, before) = understood(app, &mailbox.instance)?;
    let (old_secrets, secrets_version) = app.secrets.now(mailbox.instance.id).await?;
    let signed_with =
        tries.signed_with.get_or_insert_with(|| old_secrets.get(SIGNATURE_KEY).cloned()).clone();
    let (plain, mut secrets) = merged(app, &mailbox.instance, patch, &old_secrets, signed_with.as_deref())?;
    let settings = credentials::check_change(app, connector, &mailbox.instance, (&plain, &secrets))?;
    let (former, client) =
        clients(app, &mailbox.instance, connector, &old_secrets, (&plain, &secrets)).await?;
    check_client(patch, &former, &client)?;
    if let (Some(code), None) = (&patch.code, &tries.tokens) {
        let sign_in = (mailbox.instance.account.organization_id, code);
        tries.tokens = Some(exchange::code(app, connector.descriptor(), (&plain, &client), sign_in).await?);
    }
    if !tries.has_kept_token {
        secrets.extend(new_refresh_token(tries.tokens.as_ref()));
    }
    if tries.trials.is_none()
        && settings.events_enabled
        && polls_otherwise(&mailbox.instance.configuration, &plain)
    {
        tries.trials = Some(tried(app, connector, &mailbox, &settings, tries).await?);
    }
    let mut instance = mailbox.instance.clone();
    apply(app, &mut instance, patch, plain);
    let mut fresh =
        states(app, connector, &mailbox, &mut instance, (&before, &settings), tries, patch.on_other).await?;
    let removed = removed(&mailbox, &settings, &instance);
    if turns_events_on(patch) {
        let others = forgiven(&mailbox, &removed, &fresh);
        fresh.extend(others);
    }
    let is_other_client = client.key != former.key;
    leave_former(app, (&mailbox, connector), &mut instance, is_other_client, &mut tries.left).await?;
    let is_new = secrets != *old_secrets;
    if is_new && app.ports.vault.write(instance.id, &secrets, secrets_version + 1).await? != Written::Done {
        return Ok(None);
    }
    tries.has_kept_token |= tries.tokens.is_some();
    // Also where an earlier try wrote the vault and got no further.
    instance.secrets_version = secrets_version + u64::from(is_new);
    instance.secret_keys = secrets.keys().cloned().collect();
    instance.unsettled.extend(implied(&fresh, tries.left.is_some() || settings.push != before.push));
    by_link::note_again(app, &mut instance, patch.spends);
    let change = InstanceChange {
        session: tries.tokens.as_ref().map(|tokens| app.session_after(&mailbox, tokens)).transpose()?,
        remove_resources: removed,
        put_states: fresh,
        subscription: subscription(&mailbox, &instance, patch, is_new),
        audit: Some(by.instance(app, patch.action(), Some(&mailbox.instance), &mut instance)?),
        instance,
        spends: patch.spends,
    };
    if settle::commit(app, &mut tries.promise, &change).await? != Written::Done {
        return Ok(None);
    }
    tracing::info!(instance.id = change.instance.id.get(), "instance.changed");
    Ok(Some((change.instance, tries.trials.take().unwrap_or_default())))
}

/// What an instance signed in with before a change, and what it signs in with after it.
async fn clients(
    app: &Context,
    before: &Instance,
    connector: &Arc<dyn Connector>,
    old_secrets: &Secrets,
    after: (&Items, &Secrets),
) -> Result<(Client, Client), Refusal> {
    let organization_id = before.account.organization_id;
    let former = app.clients.of(organization_id, &before.configuration, old_secrets).await?;
    Ok((former, credentials::client(app, organization_id, connector, after).await?))
}

/// A refresh token is bound to the client id that it was given to: another application needs another sign-in.
fn check_client(patch: &Patch, former: &Client, client: &Client) -> Result<(), Refusal> {
    let token = patch.items.as_ref().and_then(|items| given(items, OAUTH_REFRESH_TOKEN));
    let is_signed_in_anew = patch.signs_in() || token.is_some_and(|token| token != MASK);
    let is_of_stored = former.stored.is_some() || client.stored.is_some();
    if is_of_stored && former.key != client.key && !is_signed_in_anew {
        let rule = "is another application: its client id needs a new sign-in, `providerData.code`";
        return Err(Refusal::rule(OAUTH_APPLICATION, rule));
    }
    Ok(())
}

/// A poll takes the baselines that are missing, and sets push up.
fn implied(fresh: &[ResourceState], is_pushed_otherwise: bool) -> impl Iterator<Item = Unsettled> {
    let has_no_baseline = fresh.iter().any(|state| state.cursor.is_none());
    let poll = (has_no_baseline || is_pushed_otherwise).then_some(Unsettled::Poll);
    [Unsettled::Schedule].into_iter().chain(poll)
}

/// Notes in the row what of push is left, where another mailbox takes the place of the former one, or another application.
async fn leave_former(
    app: &Context,
    (mailbox, connector): (&Mailbox, &Arc<dyn Connector>),
    after: &mut Instance,
    is_other_client: bool,
    left: &mut Option<Left>,
) -> Result<(), Refusal> {
    let before = &mailbox.instance.mailbox_digest;
    let is_moved = !before.is_empty() && (*before != after.mailbox_digest || is_other_client);
    if left.is_none() && is_moved {
        *left = push::left(app, mailbox, connector).await?;
    }
    after.left.extend(left.clone());
    Ok(())
}

fn new_refresh_token(tokens: Option<&Tokens>) -> Option<(String, String)> {
    Some((OAUTH_REFRESH_TOKEN.to_owned(), tokens?.refresh_token.clone()?))
}

/// What a change would do to the polls, without storing anything: a code is not exchanged.
pub(crate) async fn try_change(app: &Context, id: InstanceId, patch: &Patch) -> Result<Vec<Trial>, Refusal> {
    let mailbox = living(app, id).await?;
    let (connector, _) = understood(app, &mailbox.instance)?;
    let (old_secrets, _) = app.secrets.now(id).await?;
    let signed_with = old_secrets.get(SIGNATURE_KEY).map(String::as_str);
    let (plain, secrets) = merged(app, &mailbox.instance, patch, &old_secrets, signed_with)?;
    let settings = credentials::check_change(app, connector, &mailbox.instance, (&plain, &secrets))?;
    let (former, client) =
        clients(app, &mailbox.instance, connector, &old_secrets, (&plain, &secrets)).await?;
    check_client(patch, &former, &client)?;
    tried(app, connector, &mailbox, &settings, &mut Tries::of(app, id, None)).await
}

/// Tries what is polled, unless the provider asked for a pause.
async fn tried(
    app: &Context,
    connector: &Arc<dyn Connector>,
    mailbox: &Mailbox,
    settings: &Settings,
    tries: &mut Tries,
) -> Result<Vec<Trial>, Refusal> {
    if mailbox.session.backoff_until.is_some_and(|until| until > app.now()) {
        let why = "the provider asked for a pause for a while";
        return Ok(trial::unread(app, connector, &settings.resources, why));
    }
    let gate = Gate::of(app, mailbox);
    let mut tried = try_all(app, connector, (mailbox, &gate), settings, tries).await;
    if gate.is_refused() && tries.kept_token.refuse() {
        tried = try_all(app, connector, (mailbox, &gate), settings, tries).await;
    }
    gate.store_limit(mailbox).await?;
    tried
}

async fn try_all(
    app: &Context,
    connector: &Arc<dyn Connector>,
    (mailbox, gate): (&Mailbox, &Gate<'_>),
    settings: &Settings,
    tries: &mut Tries,
) -> Result<Vec<Trial>, Refusal> {
    let token = working_token(app, connector, mailbox, tries).await?;
    let way = (way(app, gate, tries.tokens.as_ref()), token.as_str());
    trial::all(app, connector, way, &settings.resources, tries.deadline).await
}

/// The mailbox's own limits hold, but for one that was just signed in to: it may be another one.
fn way<'a>(app: &'a Context, gate: &'a Gate<'_>, tokens: Option<&Tokens>) -> &'a dyn Http {
    if tokens.is_some() { app.ports.http.as_ref() } else { gate }
}

/// The configuration after a patch.
fn merged(
    app: &Context,
    instance: &Instance,
    patch: &Patch,
    old_secrets: &Secrets,
    signed_with: Option<&str>,
) -> Result<(Items, Secrets), Refusal> {
    let stored = &instance.configuration;
    let mut given = patch.items.clone().unwrap_or_default();
    // What a client read and sends back along with everything else says nothing about a new key.
    if given.get(SIGNATURE_PREVIOUS_UNTIL) == stored.get(SIGNATURE_PREVIOUS_UNTIL) {
        given.remove(SIGNATURE_PREVIOUS_UNTIL);
    }
    let keys: Vec<String> = given.keys().cloned().collect();
    let (mut plain, known) = credentials::sorted(stored, old_secrets);
    let (items, mut secrets) = credentials::split(given.clone(), &known, signed_with, app.now())?;
    if patch.replaces && patch.items.is_some() {
        secrets.retain(|key, _| keys.contains(key) || KEPT_KEYS.contains(&key.as_str()));
        plain.retain(|key, _| KEPT_KEYS.contains(&key.as_str()));
    }
    // Who gives one way to sign in means it in the place of the other.
    let gives = |key: &str| given.get(key).is_some_and(|value| !value.is_empty() && value != MASK);
    if gives(OAUTH_APPLICATION) {
        let own = |key: &str| matches!(key, OAUTH_API_KEY | OAUTH_API_SECRET);
        secrets.retain(|key, _| !own(key) || gives(key));
    } else if gives(OAUTH_API_KEY) && gives(OAUTH_API_SECRET) {
        plain.remove(OAUTH_APPLICATION);
    }
    plain.extend(items);
    // An empty text takes an item out.
    plain.retain(|key, value| !value.is_empty() || !keys.contains(key));
    // Also where an earlier request stored the keys and got no further.
    if secrets.contains_key(SIGNATURE_PREVIOUS_KEY) {
        plain.entry(SIGNATURE_PREVIOUS_UNTIL.to_owned()).or_insert_with(|| rotation_until(app.now()));
    }
    credentials::check_origin(stored, &given, &plain, &secrets)?;
    Ok((plain, secrets))
}

/// Whether events are said to be on: for a client of the original the way to start again what had stopped.
fn turns_events_on(patch: &Patch) -> bool {
    let said = patch.items.as_ref().and_then(|items| given(items, EVENTS_ENABLED));
    said.and_then(text_boolean) == Some(true)
}

/// Whether something about what is polled differs, so that it is worth trying.
fn polls_otherwise(before: &Items, after: &Items) -> bool {
    POLL_KEYS.iter().any(|key| given(before, key) != given(after, key))
}

async fn working_token(
    app: &Context,
    connector: &Arc<dyn Connector>,
    mailbox: &Mailbox,
    tries: &mut Tries,
) -> Result<String, Refusal> {
    if let Some(tokens) = &tries.tokens {
        return Ok(tokens.access_token.clone());
    }
    tries.kept_token.get(app, connector, mailbox).await
}

fn apply(app: &Context, instance: &mut Instance, patch: &Patch, plain: Items) {
    instance.version += 1;
    instance.updated_at = app.now();
    instance.configuration = plain;
    super::mailbox_address::complete(app, instance);
    if patch.items.as_ref().is_some_and(|items| items.contains_key(CALLBACK_URL)) {
        warn_of_plain_http(instance, app.now());
    }
    if let Some(name) = &patch.name {
        instance.name = without_markup(name);
    }
    if let Some(tags) = &patch.tags {
        instance.tags = tags.applied(&instance.tags);
    }
    if patch.signs_in() || patch.items.is_some() {
        instance.application_error = None;
    }
    if patch.signs_in() {
        instance.validity = Validity::Valid;
    }
}

/// Baselines for what is polled newly: added resources, and all of them if another mailbox was connected.
async fn states(
    app: &Context,
    connector: &Arc<dyn Connector>,
    mailbox: &Mailbox,
    instance: &mut Instance,
    (before, after): (&Settings, &Settings),
    tries: &mut Tries,
    on_other: OnOther,
) -> Result<Vec<ResourceState>, Refusal> {
    let now = app.now();
    let added = |resource: &&ResourceConfig| {
        !before.events_enabled
            || !before.resources.iter().any(|old| baseline::is_same(connector, old, resource, now))
    };
    let added: Vec<&ResourceConfig> = after.resources.iter().filter(added).collect();
    let all = baseline::all(after);
    let wanted = if tries.tokens.is_some() { &all } else { &added };
    if wanted.is_empty() {
        // Nothing is read, so a sign-in may be another mailbox's.
        if on_other == OnOther::Refused {
            return Err(Refusal::ByLink(NotByLink::Unknowable));
        }
        if tries.tokens.is_some() {
            Baselines::none().address(app, instance, tries.tokens.as_ref())?.put_in(instance);
        }
        return Ok(Vec::new());
    }
    let gate = Gate::of(app, mailbox);
    let mut taken = take(app, connector, (mailbox, &gate), wanted, tries).await;
    if gate.is_refused() && tries.kept_token.refuse() {
        taken = take(app, connector, (mailbox, &gate), wanted, tries).await;
    }
    gate.store_limit(mailbox).await?;
    let (taken, tokens) = (taken?, tries.tokens.as_ref());
    if tokens.is_some() && taken.is_incomplete && taken.mailbox_digest.is_empty() {
        // Continuing from the old position in a mailbox that may be another one would report nonsense.
        return Err(Refusal::Provider {
            message:
                "the provider fails just now, so it is not known whose mailbox this is: sign in again later"
                    .to_owned(),
            provider_message: None,
            is_unavailable: true,
        });
    }
    if on_other == OnOther::Refused {
        by_link::check_same(&instance.mailbox_digest, &taken.mailbox_digest)?;
    }
    let is_another = !taken.mailbox_digest.is_empty()
        && !instance.mailbox_digest.is_empty()
        && taken.mailbox_digest != instance.mailbox_digest;
    if let (Some(tokens), true) = (tokens, is_another && on_other == OnOther::Asks) {
        return Err(other_mailbox::hold(app, instance.id, tokens, taken.address)?);
    }
    let address = taken.address(app, instance, tokens)?;
    if is_another || address.is_told() || instance.address.is_unasked() {
        address.put_in(instance);
    }
    if !taken.mailbox_digest.is_empty() {
        instance.mailbox_digest = taken.mailbox_digest;
    }
    if is_another {
        instance.notice(app.now(), "another mailbox was connected: events start from now");
    }
    // Signing in to the same mailbox goes on from where it was.
    let keep =
        |state: &ResourceState| is_another || added.iter().any(|resource| resource.name == state.resource);
    Ok(taken.states.into_iter().filter(keep).map(|state| continued(mailbox, state)).collect())
}

async fn take(
    app: &Context,
    connector: &Arc<dyn Connector>,
    (mailbox, gate): (&Mailbox, &Gate<'_>),
    wanted: &[&ResourceConfig],
    tries: &mut Tries,
) -> Result<Baselines, Refusal> {
    let token = working_token(app, connector, mailbox, tries).await?;
    let way = (way(app, gate, tries.tokens.as_ref()), token.as_str());
    baseline::take(app, connector, way, wanted, tries.deadline).await
}

/// A state that replaces another one goes on with its numbers.
fn continued(mailbox: &Mailbox, mut state: ResourceState) -> ResourceState {
    if let Some(row) = mailbox.resources.iter().find(|row| row.state.resource == state.resource) {
        state.version = row.state.version + 1;
        state.last_sequence = row.state.last_sequence;
        state.gaps = row.state.gaps.clone();
    }
    state
}

/// Rows of resources no longer polled. A backfill goes with its resource, and with the mailbox it was requested for.
fn removed(mailbox: &Mailbox, settings: &Settings, after: &Instance) -> Vec<String> {
    let digest = &mailbox.instance.mailbox_digest;
    let is_another = !digest.is_empty() && *digest != after.mailbox_digest;
    let is_polled = |name: &str| settings.resources.iter().any(|resource| resource.name == name);
    let is_of = |state: &ResourceState| match Backfill::of(state) {
        Some(backfill) => is_polled(&backfill.resource) && !is_another,
        None => is_polled(&state.resource),
    };
    let rows = mailbox.resources.iter().map(|row| &row.state);
    rows.filter(|state| !is_of(state)).map(|state| state.resource.clone()).collect()
}

/// A new callback address is a reason to try what is queued, also where it differs in its password alone.
fn subscription(
    mailbox: &Mailbox,
    instance: &Instance,
    patch: &Patch,
    has_new_secrets: bool,
) -> SubscriptionChange {
    let is_named = patch.items.as_ref().is_some_and(|items| items.contains_key(CALLBACK_URL));
    let url = |instance: &Instance| given(&instance.configuration, CALLBACK_URL).map(str::to_owned);
    let is_suspended = mailbox.subscription.status != domain::delivery::SubscriptionStatus::Active;
    let is_new = url(&mailbox.instance) != url(instance) || (is_named && has_new_secrets);
    if is_suspended && !instance.disabled && is_new {
        return SubscriptionChange::Release;
    }
    SubscriptionChange::Keep
}
