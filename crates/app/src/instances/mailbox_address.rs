//! The address of a mailbox: learnt from what a sign-in or a baseline is told anyway, and kept sealed in the instance's
//! row ([0055](../../../../docs/decisions/0055-the-mailbox-address-is-sealed.md)).

use crate::context::Context;
use crate::ports::{PortError, Result};
use domain::instance::{Instance, MailboxAddress};

/// An address, bytes: 64 before the sign and 255 behind it.
const ADDRESS_BYTES_MAX: usize = 320;

/// What a provider told, as the row of this instance keeps it.
pub(crate) fn kept(app: &Context, instance: &Instance, told: Option<&str>) -> Result<MailboxAddress> {
    let is_one = |told: &&str| {
        told.len() <= ADDRESS_BYTES_MAX && told.contains('@') && !told.contains(char::is_control)
    };
    let Some(address) = told.filter(is_one) else { return Ok(MailboxAddress::Untold) };
    let sealed = app.sealer.seal(instance.id, &field(instance), address.as_bytes());
    sealed.map(MailboxAddress::Sealed).map_err(|error| PortError::new("sealing an address", error))
}

/// The address, for those who may read the instance.
pub(crate) fn opened(app: &Context, instance: &Instance) -> Result<Option<String>> {
    let MailboxAddress::Sealed(sealed) = &instance.address else { return Ok(None) };
    let opened = app.sealer.open_text(instance.id, &field(instance), sealed);
    opened.map(Some).map_err(|error| PortError::new("opening an address", error))
}

/// What it is sealed for: a row that comes under another organization does not show it.
fn field(instance: &Instance) -> String {
    format!("mailbox address of organization {}", instance.account.organization_id)
}
