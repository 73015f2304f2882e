//! Reading what an instance's row says.

use crate::context::Context;
use crate::ports::{Mailbox, PortError, Result, UnreadableRow};
use connectors::Connector;
use domain::delivery::Subscription;
use domain::ids::InstanceId;
use domain::instance::Instance;
use domain::invalid::Invalid;
use domain::settings::{Items, Pollers, Settings};
use std::sync::Arc;

/// The connector of a stored instance and its settings, which were checked when they were saved.
pub(crate) fn understood<'a>(
    app: &'a Context,
    instance: &Instance,
) -> Result<(&'a Arc<dyn Connector>, Settings)> {
    let connector = app
        .connector(&instance.connector)
        .ok_or_else(|| odd(instance, "of a connector that is not there".to_owned()))?;
    let settings =
        settings(connector, &instance.configuration).map_err(|errors| odd(instance, in_keys(&errors)))?;
    Ok((connector, settings))
}

fn odd(instance: &Instance, why: String) -> PortError {
    let row = UnreadableRow { of: "instances", key: instance.id.to_string(), why };
    PortError::unreadable("reading a stored instance", row)
}

/// The rules could quote what breaks them.
fn in_keys(errors: &[Invalid]) -> String {
    let keys: Vec<&str> = errors.iter().map(|error| error.key.as_str()).collect();
    format!("not taken of its configuration: {}", keys.join(", "))
}

/// The settings of a configuration, with what the connector adds where it does not say it all.
pub(crate) fn settings(
    connector: &Arc<dyn Connector>,
    items: &Items,
) -> std::result::Result<Settings, Vec<Invalid>> {
    let descriptor = connector.descriptor();
    let default = descriptor.default_poller();
    let entry = |name: &str| descriptor.poller_of(name);
    Settings::parse(items, &Pollers { default: &default, entry: &entry })
}

/// An instance with all its rows, unless it is deleted.
pub(crate) async fn mailbox(app: &Context, id: InstanceId) -> Result<Option<Mailbox>> {
    let mailbox = app.ports.store.mailbox(id).await?;
    Ok(mailbox.filter(|mailbox| mailbox.instance.deleted_at.is_none()))
}

/// The state of an instance's callback.
pub(crate) async fn subscription(app: &Context, id: InstanceId) -> Result<Subscription> {
    Ok(app.ports.store.subscription(id).await?.unwrap_or_default())
}
