//! Reading what an instance's row says.

use crate::context::Context;
use crate::ports::{Mailbox, PortError, Result};
use connectors::Connector;
use domain::delivery::Subscription;
use domain::ids::InstanceId;
use domain::instance::Instance;
use domain::invalid::{Invalid, in_words};
use domain::settings::{Items, Pollers, Settings};
use std::sync::Arc;

/// The connector of a stored instance and its settings, which were checked when they were saved.
pub(crate) fn understood<'a>(
    app: &'a Context,
    instance: &Instance,
) -> Result<(&'a Arc<dyn Connector>, Settings)> {
    let context = "reading a stored instance";
    let connector = app
        .connector(&instance.connector)
        .ok_or_else(|| PortError::new(context, format!("no connector `{}`", instance.connector)))?;
    let settings = settings(connector, &instance.configuration)
        .map_err(|errors| PortError::new(context, in_words(&errors)))?;
    Ok((connector, settings))
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
