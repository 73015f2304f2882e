//! What a connector is, as data. Replies, the sign-in addresses and the host's variables derive from it: there is no second list of connectors.

/// An address of the provider and the environment variable that replaces it.
#[derive(Debug)]
pub struct Endpoint {
    /// Name of the variable, read by the host.
    pub variable: &'static str,
    /// The provider's public address, without a trailing slash.
    pub default: &'static str,
}

/// A resource that can be polled.
#[derive(Debug)]
pub struct PolledResource {
    /// Its name in hub paths.
    pub name: &'static str,
    /// Other spellings that configurations have.
    pub aliases: &'static [&'static str],
}

/// How users sign in.
#[derive(Debug)]
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
    /// The token endpoint wants the scopes again on a refresh.
    pub scope_on_refresh: bool,
}

/// One connector.
#[derive(Debug)]
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
    /// How users sign in.
    pub oauth: OAuth,
    /// What can be polled.
    pub resources: &'static [PolledResource],
    /// The poller configuration of those who give none.
    pub default_poller: &'static str,
    /// Notes for operators and contributors: scopes, quotas, quirks.
    pub readme: &'static str,
}

impl Descriptor {
    /// Finds a polled resource by its name or another spelling.
    pub fn resource(&self, name: &str) -> Option<&PolledResource> {
        self.resources.iter().find(|resource| resource.name == name || resource.aliases.contains(&name))
    }

    /// The addresses this connector uses, each with its variable.
    pub fn endpoints(&self) -> [&Endpoint; 3] {
        [&self.oauth.authorize, &self.oauth.token, &self.api]
    }
}
