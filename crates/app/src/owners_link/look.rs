//! What whoever has a link may see of it, and where they are sent to sign in. Neither spends anything: mail scanners
//! open links, too.

use super::make::PreparedMailbox;
use super::{NoLink, PURPOSE, Shown, field, find, find_open};
use crate::context::Context;
use crate::instances::{self, LoginTerms, Refusal};
use crate::ports::PortError;
use connectors::Connector;
use connectors::oauth::{self, SignIn};
use domain::sign_in_link::{LinkKey, LinkPurpose, LinkStanding, StoredLink};
use std::sync::Arc;

/// A link as its holder sees it. Neither instance nor address is told: they need not be the owner.
pub(crate) struct LinkSeen {
    pub(crate) standing: LinkStanding,
    pub(crate) stored: StoredLink,
    pub(crate) connector: Arc<dyn Connector>,
    /// What is to be read, by the names of the hub; nothing where the link is over.
    pub(crate) reads: Vec<String>,
    /// What the provider will be asked for.
    pub(crate) scopes: Vec<String>,
}

/// Shows a link.
pub(crate) async fn look(app: &Context, shown: &Shown<'_>) -> Result<LinkSeen, NoLink> {
    let (key, stored) = find(app, shown).await?;
    let connector = connector(app, &stored)?;
    let standing = stored.standing(app.now());
    if standing != LinkStanding::Open {
        return Ok(LinkSeen { standing, stored, connector, reads: Vec::new(), scopes: Vec::new() });
    }
    let terms = terms(app, &key, &stored).await?;
    let scopes = match connector.descriptor().authentication.sign_in() {
        Some(oauth) => oauth::scopes(oauth, terms.scope.as_deref()),
        None => String::new(),
    };
    let scopes = scopes.split_whitespace().map(str::to_owned).collect();
    Ok(LinkSeen { standing, stored, connector, reads: terms.reads, scopes })
}

/// Where the holder of an open link signs in, to come back with this state.
pub(crate) async fn login(
    app: &Context,
    shown: &Shown<'_>,
    (state, challenge): (&str, &str),
) -> Result<(String, Arc<dyn Connector>), NoLink> {
    let (key, stored) = find_open(app, shown).await?;
    let connector = connector(app, &stored)?;
    let terms = terms(app, &key, &stored).await?;
    let oauth = connector.descriptor().authentication.sign_in();
    let oauth = oauth.ok_or(Refusal::NotNow("the connector has no sign-in"))?;
    let sign_in = SignIn {
        client_id: &terms.client.key,
        redirect_uri: &terms.redirect,
        scope: terms.scope.as_deref(),
        state,
        code_challenge: Some(challenge),
    };
    let address = oauth.in_tenant(app.config.endpoints.url(&oauth.authorize), terms.client.tenant.as_deref());
    let url = oauth::authorize_url(oauth, &address, &sign_in);
    let url = url.map_err(|error| PortError::new("making the address of a login", error))?;
    Ok((url, connector))
}

fn connector(app: &Context, stored: &StoredLink) -> Result<Arc<dyn Connector>, PortError> {
    let key = &stored.link.connector;
    let none = || PortError::new("reading a link", format!("no connector `{key}`"));
    app.connector(key).cloned().ok_or_else(none)
}

/// What a sign-in by this link asks for, as things stand now.
async fn terms(app: &Context, key: &LinkKey, stored: &StoredLink) -> Result<LoginTerms, NoLink> {
    match stored.link.purpose {
        LinkPurpose::Again(id) => {
            let mailbox = instances::mailbox(app, id).await?.ok_or(Refusal::NotFound)?;
            Ok(LoginTerms::of_instance(app, &mailbox.instance).await?)
        }
        LinkPurpose::Connect => {
            let waiting = waiting(app, key, stored)?;
            let connector = connector(app, stored)?;
            Ok(LoginTerms::of_creation(app, stored.link.account, &connector, &waiting.items).await?)
        }
    }
}

/// The new mailbox that a link stands for.
pub(super) fn waiting(
    app: &Context,
    key: &LinkKey,
    stored: &StoredLink,
) -> Result<PreparedMailbox, PortError> {
    let context = "opening what a link stands for";
    let sealed = stored.creation_sealed.as_deref().unwrap_or_default();
    let plain = app.sealer.open_for(PURPOSE, &field(key), sealed);
    let plain = plain.map_err(|error| PortError::new(context, error))?;
    serde_json::from_slice(&plain).map_err(|_| PortError::new(context, "it is of another form"))
}
