//! What a connector is, as data. Replies, the sign-in addresses and the host's variables derive from it: there is no second list of connectors.

use crate::registration::Registration;
use domain::settings::{
    OAUTH_API_KEY, OAUTH_API_SECRET, OAUTH_CALLBACK_URL, OAUTH_REFRESH_TOKEN, OAUTH_SCOPE, OAUTH_USER_TOKEN,
};

/// An address of the provider and the environment variable that replaces it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Name of the variable, read by the host.
    pub variable: &'static str,
    /// The provider's public address, without a trailing slash.
    pub default: &'static str,
}

/// How polls find out what changed in a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polling {
    /// By the provider's own list of changes.
    Changes,
    /// By the dates in its records.
    Dates,
    /// By comparing all of it with what it was before.
    Snapshots,
    /// It is not polled, only read.
    Never,
}

/// A resource of the hub.
#[derive(Debug)]
pub struct Resource {
    /// Its name in hub paths; one that belongs to another's object is below it, as `messages/{id}/attachments`.
    pub name: &'static str,
    /// Other spellings that configurations have.
    pub aliases: &'static [&'static str],
    /// How polls find out what changed.
    pub polling: Polling,
    /// Its entry of a poller configuration for those who copy one, as JSON text; empty where it is not polled.
    pub poller: &'static str,
    /// Scopes that polling it needs, in today's spelling; of what is only read, none are said.
    pub scopes: &'static [&'static str],
}

/// How a mailbox lets us in.
#[derive(Debug, Clone)]
pub enum Authentication {
    /// A user signs in at the provider, and the resulting code is exchanged for tokens.
    SignIn(OAuth),
    /// The application as a whole has a grant: its id and secret are exchanged for tokens, without a sign-in.
    ClientCredentials(ClientCredentials),
    /// A key goes along with every request: the item `oauth.api.key`, and nothing is exchanged.
    Key,
}

impl Authentication {
    /// Its name on the wire.
    pub fn wire(&self) -> &'static str {
        match self {
            Authentication::SignIn(_) | Authentication::ClientCredentials(_) => "oauth2",
            Authentication::Key => "apiKey",
        }
    }

    /// What a sign-in needs, where there is one.
    pub fn sign_in(&self) -> Option<&OAuth> {
        match self {
            Authentication::SignIn(oauth) => Some(oauth),
            Authentication::ClientCredentials(_) | Authentication::Key => None,
        }
    }

    /// Where tokens are had, where there are any.
    pub fn token(&self) -> Option<&Endpoint> {
        match self {
            Authentication::SignIn(oauth) => Some(&oauth.token),
            Authentication::ClientCredentials(client) => Some(&client.token),
            Authentication::Key => None,
        }
    }

    /// Whether there is an application that is registered with the provider.
    pub fn has_application(&self) -> bool {
        matches!(self, Authentication::SignIn(_) | Authentication::ClientCredentials(_))
    }

    /// Scopes that are asked for where nothing is configured.
    pub fn scopes(&self) -> Option<&'static str> {
        match self {
            Authentication::SignIn(oauth) => Some(oauth.scopes),
            Authentication::ClientCredentials(client) => Some(client.scopes),
            Authentication::Key => None,
        }
    }

    /// The secrets that a configuration must have.
    pub fn secrets(&self) -> &'static [&'static str] {
        match self {
            Authentication::SignIn(_) | Authentication::ClientCredentials(_) => {
                &[OAUTH_API_KEY, OAUTH_API_SECRET]
            }
            Authentication::Key => &[OAUTH_API_KEY],
        }
    }

    /// Whether an item of a configuration means anything here.
    pub fn asks_for(&self, item: &str) -> bool {
        let is_of_sign_in = matches!(item, OAUTH_CALLBACK_URL | OAUTH_USER_TOKEN | OAUTH_REFRESH_TOKEN);
        match self {
            Authentication::SignIn(_) => true,
            Authentication::ClientCredentials(_) => !is_of_sign_in,
            Authentication::Key => !is_of_sign_in && !matches!(item, OAUTH_API_SECRET | OAUTH_SCOPE),
        }
    }
}

/// How the application gets tokens for itself.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// Where its id and secret are exchanged.
    pub token: Endpoint,
    /// Scopes asked for when the configuration names none, separated by spaces.
    pub scopes: &'static str,
}

/// What becomes of a refresh token that was used, where it brings a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsedRefreshToken {
    /// It goes on working for its time: the new one is stored once a day.
    Serves,
    /// It is refused from then on: each new one is stored.
    IsVoid,
}

/// How users sign in.
#[derive(Debug, Clone)]
pub struct OAuth {
    /// Where users are sent.
    pub authorize: Endpoint,
    /// Where codes and refresh tokens are exchanged.
    pub token: Endpoint,
    /// Scopes asked for when the caller names none, separated by spaces.
    pub scopes: &'static str,
    /// Parameters of the authorize address beside the standard ones.
    pub authorize_parameters: &'static [(&'static str, &'static str)],
    /// Rewrites one scope of an older API to today's.
    pub translate_scope: fn(&str) -> String,
    /// Scopes that must be among the asked ones.
    pub required_scopes: &'static [&'static str],
    /// What becomes of a refresh token that was used.
    pub used_refresh_token: UsedRefreshToken,
    /// The token endpoint wants the scopes again on a refresh.
    pub scope_on_refresh: bool,
    /// The segment of both addresses that an application's tenant takes the place of, where the provider has tenants.
    pub tenant: Option<&'static str>,
    /// How an application is registered there, in words.
    pub registration: Registration,
}

impl OAuth {
    /// One of the addresses, for the users of this tenant alone; one that was configured without the segment stays.
    pub fn in_tenant(&self, address: &str, tenant: Option<&str>) -> String {
        match (self.tenant, tenant) {
            (Some(any), Some(tenant)) => address.replacen(&format!("/{any}/"), &format!("/{tenant}/"), 1),
            _ => address.to_owned(),
        }
    }
}

/// What not every provider lets a connector do. The connector suite picks its cases by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// Deletions of the first resource's objects are told as such.
    Deletions,
    /// There are drafts, which are not told until they are finished.
    Drafts,
    /// Positions expire, and are recovered.
    Expiry,
    /// The provider shows changes late, and none is lost for it.
    Lag,
    /// Objects are read one by one: one that can't be read holds up no other.
    LoneObjects,
    /// A window of the past can be read again.
    Backfill,
    /// The provider gives notice of changes.
    Push,
}

/// One connector.
#[derive(Debug, Clone)]
pub struct Descriptor {
    /// Number on the wire.
    pub id: u32,
    /// Key on the wire.
    pub key: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// One sentence for people.
    pub description: &'static str,
    /// Hub on the wire.
    pub hub: &'static str,
    /// `protocolType` on the wire.
    pub protocol_type: &'static str,
    /// `bulkDownloadEnabled` and `bulkUploadEnabled`, `extendable`, `useModelsForMetadata` on the wire.
    pub odata: bool,
    /// The provider's API.
    pub api: Endpoint,
    /// How a mailbox lets us in.
    pub authentication: Authentication,
    /// Addresses that only push uses.
    pub push: &'static [Endpoint],
    /// What can be read, and polled; the first one is polled for those who say nothing.
    pub resources: &'static [Resource],
    /// What else it can do.
    pub abilities: &'static [Ability],
    /// Notes for operators and contributors: scopes, quotas, quirks.
    pub readme: &'static str,
}

impl Descriptor {
    /// Whether it can do that.
    pub fn can(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }

    /// Finds a resource by its name or another spelling.
    pub fn resource(&self, name: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.name == name || resource.aliases.contains(&name))
    }

    /// Names of the resources that belong to no other's object.
    pub fn listed(&self) -> impl Iterator<Item = &'static str> {
        self.resources.iter().map(|resource| resource.name).filter(|name| !name.contains('/'))
    }

    /// The poller configuration entry of a resource that is only named, as JSON text.
    pub fn poller_of(&self, name: &str) -> Option<&'static str> {
        self.resource(name).map(|resource| resource.poller).filter(|entry| !entry.is_empty())
    }

    /// The poller configuration of those who give none.
    pub fn default_poller(&self) -> String {
        let first = self.resources.iter().take(1);
        let entries: Vec<String> =
            first.map(|resource| format!("\"{}\":{}", resource.name, resource.poller)).collect();
        format!("{{{}}}", entries.join(","))
    }

    /// The addresses this connector uses, each with its variable.
    pub fn endpoints(&self) -> Vec<&Endpoint> {
        let sign_in = self.authentication.sign_in().map(|oauth| &oauth.authorize);
        let push = self.push.iter();
        sign_in.into_iter().chain(self.authentication.token()).chain([&self.api]).chain(push).collect()
    }
}
