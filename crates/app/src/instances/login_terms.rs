//! What a sign-in asks the provider for that comes back to this host: as the configuration has it, or will.

use super::by_link::check_known;
use super::stored::understood;
use super::{NotByLink, Refusal, credentials};
use crate::clients::Client;
use crate::context::Context;
use crate::ports::Secrets;
use connectors::Connector;
use domain::instance::{Account, Instance};
use domain::settings::{Items, OAUTH_CALLBACK_URL, OAUTH_SCOPE, Settings, given};
use std::sync::Arc;

/// Where the console takes users back from a provider.
const BACK: &str = "/oauth/callback";

/// What is asked for, and where the answer goes. No `Debug`: it has the application's secret.
pub(crate) struct LoginTerms {
    pub(crate) client: Client,
    pub(crate) redirect: String,
    /// `None` for the connector's own.
    pub(crate) scope: Option<String>,
    /// Resources that are polled, by their names in the hub.
    pub(crate) reads: Vec<String>,
}

impl LoginTerms {
    /// Where providers send users back to, if browsers can reach this host at all.
    pub(crate) fn redirect(app: &Context) -> Option<String> {
        app.config.public_url.as_ref().map(|url| format!("{url}{BACK}"))
    }

    /// Of an instance whose mailbox is known, and can be told from another.
    pub(crate) async fn of_instance(app: &Context, instance: &Instance) -> Result<Self, Refusal> {
        let (connector, settings) = understood(app, instance)?;
        let plain = &instance.configuration;
        let redirect = own_redirect(app, connector, plain)?;
        check_known(&instance.mailbox_digest)?;
        if settings.resources.is_empty() {
            return Err(Refusal::ByLink(NotByLink::Unknowable));
        }
        let secrets = app.secrets.of(instance).await?;
        let client = app.clients.of(instance.account.organization_id, plain, &secrets).await?;
        Ok(Self::new(app, (connector, &settings), plain, client, redirect))
    }

    /// Of one that is to be created.
    pub(crate) async fn of_creation(
        app: &Context,
        account: Account,
        connector: &Arc<dyn Connector>,
        items: &Items,
    ) -> Result<Self, Refusal> {
        let (plain, secrets) = credentials::split(items.clone(), &Secrets::new(), None, app.now())?;
        let redirect = own_redirect(app, connector, &plain)?;
        let settings = credentials::check(app, connector, &plain, &secrets)?;
        let client = credentials::client(app, account.organization_id, connector, (&plain, &secrets)).await?;
        Ok(Self::new(app, (connector, &settings), &plain, client, redirect))
    }

    fn new(
        app: &Context,
        (connector, settings): (&Arc<dyn Connector>, &Settings),
        plain: &Items,
        client: Client,
        redirect: String,
    ) -> Self {
        let now = app.now();
        let mut reads: Vec<String> =
            settings.resources.iter().filter_map(|one| Some(one.read_at(now, now).ok()?.resource)).collect();
        reads.dedup();
        let scope = scope(connector, given(plain, OAUTH_SCOPE), &reads);
        LoginTerms { client, redirect, scope, reads }
    }
}

/// The stored scopes, and those of what is polled by now: nothing that was allowed before is given up.
fn scope(connector: &Arc<dyn Connector>, stored: Option<&str>, reads: &[String]) -> Option<String> {
    let polled = reads.iter().filter_map(|name| connector.descriptor().resource(name));
    let needed = polled.flat_map(|resource| resource.scopes.iter().copied());
    let mut scopes: Vec<&str> = Vec::new();
    for scope in stored.unwrap_or_default().split_whitespace().chain(needed) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    (!scopes.is_empty()).then(|| scopes.join(" "))
}

/// The address that users come back to, which has to be ours: at another one nobody waits for them.
fn own_redirect(app: &Context, connector: &Arc<dyn Connector>, plain: &Items) -> Result<String, Refusal> {
    if connector.descriptor().authentication.sign_in().is_none() {
        return Err(Refusal::NotNow("this connector has no sign-in"));
    }
    let none = "CARILLON_PUBLIC_URL is not set, so that nobody could come back here from the provider";
    let redirect = LoginTerms::redirect(app).ok_or(Refusal::NotNow(none))?;
    match given(plain, OAUTH_CALLBACK_URL) {
        Some(url) if url == redirect => Ok(redirect),
        _ => {
            let rule = format!(
                "must be `{redirect}`, registered at the provider: users who follow a link come back there"
            );
            Err(Refusal::rule(OAUTH_CALLBACK_URL, rule))
        }
    }
}
