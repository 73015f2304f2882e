//! Creating an instance: check, exchange, baseline; then a promise, the secret, the row, which is the commit point, and
//! the schedule. What a crash leaves before the commit point is removed by the job that was promised; what it leaves
//! undone after it, that job does.

use super::baseline::{self, Baselines};
use super::{Refusal, SignInCode, Trial, by_link, credentials, trial};
use crate::audit::By;
use crate::context::Context;
use crate::exchange;
use crate::ports::{NewInstance, PortError, Secrets, Written};
use crate::sealing::Lookup;
use crate::settle::{self, Promise};
use chrono::{DateTime, Utc};
use connectors::Connector;
use connectors::oauth::Tokens;
use domain::address::is_plain_http;
use domain::health_ledger::HealthLedger;
use domain::ids::InstanceId;
use domain::instance::{Account, Instance, MailboxAddress, Unsettled, Validity, without_markup};
use domain::settings::{CALLBACK_URL, Items, OAUTH_REFRESH_TOKEN, VENDOR_TYPE, given};
use domain::sign_in_link::LinkKey;
use std::sync::Arc;

/// Field that instance tokens are sealed for.
const INSTANCE_TOKEN: &str = "instance_token";
/// Random ids tried before giving up; with a million instances one try in two thousand meets a taken one.
const ID_TRIES_COUNT_MAX: usize = 5;

/// What a client asks for, read but not yet checked.
pub(crate) struct Creation {
    pub(crate) by: By,
    pub(crate) account: Account,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) code: Option<SignInCode>,
    pub(crate) items: Items,
    pub(crate) name: String,
    pub(crate) tags: Vec<String>,
    pub(crate) external_authentication: String,
    /// The link that asked for it, which is spent with it.
    pub(crate) spends: Option<LinkKey>,
}

/// Creates an instance; returns it with what its resources would do.
pub(crate) async fn create(app: &Context, creation: Creation) -> Result<(Instance, Vec<Trial>), Refusal> {
    let connector = creation.connector.clone();
    let (plain, mut secrets) = credentials::split(creation.items.clone(), &Secrets::new(), None, app.now())?;
    let settings = credentials::check(app, &connector, &plain, &secrets)?;
    let deadline = trial::deadline(app);
    let tokens = tokens(app, &creation, &plain, &secrets).await?;
    if let Some(refresh_token) = &tokens.refresh_token {
        secrets.insert(OAUTH_REFRESH_TOKEN.to_owned(), refresh_token.clone());
    }
    // Nothing else asks for an instance that is not there yet.
    let http = app.to_provider(connector.descriptor());
    let way: (&dyn connectors::Http, &str) = (&http, tokens.access_token.as_str());
    let trials = trial::all(app, &connector, way, &settings.resources, deadline).await?;
    let all = baseline::all(&settings);
    let baselines = baseline::take(app, &connector, way, &all, deadline).await?;
    let (by, spends) = (creation.by.clone(), creation.spends);
    let instance = row(app, creation, plain, &secrets, &baselines);
    let instance = store(app, instance, (&by, spends), &secrets, &tokens, baselines).await?;
    tracing::info!(instance.id = instance.id.get(), connector = instance.connector, "instance.created");
    Ok((instance, trials))
}

/// What a creation would do, without storing anything. A code can be exchanged once only, so with a code the
/// provider is not asked.
pub(crate) async fn try_create(app: &Context, creation: Creation) -> Result<Vec<Trial>, Refusal> {
    let connector = creation.connector.clone();
    let (plain, secrets) = credentials::split(creation.items.clone(), &Secrets::new(), None, app.now())?;
    let settings = credentials::check(app, &connector, &plain, &secrets)?;
    credentials::client(app, creation.account.organization_id, &connector, (&plain, &secrets)).await?;
    let uses_code = connector.descriptor().authentication.sign_in().is_some();
    if uses_code && creation.external_authentication != "initial" {
        let why = "a dry run does not use the code up";
        return Ok(trial::unread(app, &connector, &settings.resources, why));
    }
    let deadline = trial::deadline(app);
    let tokens = tokens(app, &creation, &plain, &secrets).await?;
    let http = app.to_provider(connector.descriptor());
    let way: (&dyn connectors::Http, &str) = (&http, tokens.access_token.as_str());
    trial::all(app, &connector, way, &settings.resources, deadline).await
}

async fn tokens(
    app: &Context,
    creation: &Creation,
    plain: &Items,
    secrets: &Secrets,
) -> Result<Tokens, Refusal> {
    let (organization_id, connector) = (creation.account.organization_id, &creation.connector);
    let descriptor = connector.descriptor();
    let client = credentials::client(app, organization_id, connector, (plain, secrets)).await?;
    if descriptor.authentication.sign_in().is_none() {
        return exchange::application(app, descriptor, (plain, &client)).await;
    }
    let kept = secrets.get(OAUTH_REFRESH_TOKEN);
    let tokens = match (creation.external_authentication.as_str(), kept, &creation.code) {
        ("initial", Some(refresh_token), _) => {
            exchange::refresh_token(app, descriptor, (plain, &client), refresh_token).await?
        }
        ("initial", None, _) => {
            return Err(Refusal::rule(
                OAUTH_REFRESH_TOKEN,
                "is required with `externalAuthentication` `initial`",
            ));
        }
        (_, _, Some(code)) => {
            exchange::code(app, descriptor, (plain, &client), (organization_id, code)).await?
        }
        (_, _, None) => return Err(Refusal::rule("providerData.code", "is required")),
    };
    if tokens.refresh_token.is_none() && kept.is_none() {
        return Err(Refusal::Provider {
            message: "the provider gave no refresh token: send the user through `oauth/url` again, for offline access"
                .to_owned(),
            provider_message: None,
            is_unavailable: false,
        });
    }
    Ok(tokens)
}

fn row(
    app: &Context,
    creation: Creation,
    plain: Items,
    secrets: &Secrets,
    baselines: &Baselines,
) -> Instance {
    let now = app.now();
    let name = without_markup(&creation.name);
    let mut tags: Vec<String> =
        creation.tags.iter().map(|tag| without_markup(tag)).filter(|t| !t.is_empty()).collect();
    if tags.is_empty() {
        tags.push(name.clone());
    }
    let mut instance = Instance {
        id: random_id(app),
        account: creation.account,
        connector: creation.connector.descriptor().key.to_owned(),
        name,
        tags,
        secret_keys: secrets.keys().cloned().collect(),
        secrets_version: 1,
        token_sealed: String::new(),
        external_authentication: creation.external_authentication,
        created_at: now,
        updated_at: now,
        disabled: false,
        validity: Validity::Valid,
        application_error: None,
        mailbox_digest: baselines.mailbox_digest.clone(),
        address: MailboxAddress::Unasked,
        address_key: None,
        record_key: None,
        notices: Vec::new(),
        deleted_at: None,
        unsettled: [Unsettled::Schedule].into(),
        left: Vec::new(),
        health: HealthLedger::default(),
        version: 1,
        configuration: plain,
    };
    let wants_push = given(&instance.configuration, VENDOR_TYPE) == Some("webhooks");
    // Push is set up by a poll.
    if baselines.is_incomplete || wants_push {
        instance.unsettled.insert(Unsettled::Poll);
    }
    warn_of_plain_http(&mut instance, now);
    instance
}

/// Plain http is accepted, with a notice to the owner.
pub(super) fn warn_of_plain_http(instance: &mut Instance, now: DateTime<Utc>) {
    if given(&instance.configuration, CALLBACK_URL).is_some_and(is_plain_http) {
        instance.notice(now, "the callback is plain http: anybody on the way can read the events");
    }
}

async fn store(
    app: &Context,
    mut instance: Instance,
    (by, spends): (&By, Option<LinkKey>),
    secrets: &Secrets,
    tokens: &Tokens,
    baselines: Baselines,
) -> Result<Instance, Refusal> {
    let token = app.random_token();
    for _ in 0..ID_TRIES_COUNT_MAX {
        by_link::check_unspent(app, spends).await?;
        let id = instance.id;
        let mut promise = Promise::about(id);
        promise.keep(app).await?;
        if app.ports.vault.write(id, secrets, 1).await? != Written::Done {
            instance.id = random_id(app);
            continue;
        }
        let sealed = app.sealer.seal(id, INSTANCE_TOKEN, token.as_bytes());
        instance.token_sealed = sealed.map_err(|error| PortError::new("sealing a token", error))?;
        baselines.address(app, &instance, Some(tokens))?.put_in(&mut instance);
        let mut audit = by.instance(app, "instance.created", None, &mut instance)?;
        if spends.is_some() {
            audit.action = "instance.created_by_link".to_owned();
        }
        let mut stored = instance.clone();
        by_link::note_new(app, &mut stored, spends);
        let new = NewInstance {
            instance: stored,
            token_hash: app.sealer.lookup_hash(Lookup::InstanceToken, &token),
            session: app.session_of(id, tokens, 1)?,
            states: baselines.states.clone(),
            audit,
            spends,
        };
        if !promise.covers(app) {
            // The job that was promised may find no row, and remove the secret: then there must never be one.
            return Err(PortError::new("storing an instance", "its secret took too long to store").into());
        }
        match app.ports.store.insert_instance(&new).await? {
            Written::Done => {
                settle::marked(app, id).await;
                return Ok(instance);
            }
            Written::Gone => return Err(credentials::no_application()),
            Written::Conflict => instance.id = random_id(app),
        }
    }
    Err(Refusal::Conflict)
}

fn random_id(app: &Context) -> InstanceId {
    let mut bytes = [0; 4];
    app.ports.entropy.fill(&mut bytes);
    InstanceId::from_bytes(bytes)
}

/// The token of a stored instance, for its owner.
pub(crate) fn token_of(app: &Context, instance: &Instance) -> Result<String, PortError> {
    app.sealer
        .open_text(instance.id, INSTANCE_TOKEN, &instance.token_sealed)
        .map_err(|error| PortError::new("opening a token", error))
}
