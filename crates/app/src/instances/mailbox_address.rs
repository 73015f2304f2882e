//! The address of a mailbox: learnt from what a sign-in or a baseline is told anyway, and kept sealed in the instance's
//! row ([0055](../../../../docs/decisions/0055-the-mailbox-address-is-sealed.md)), with a keyed digest that it is found by
//! ([0056](../../../../docs/decisions/0056-mailboxes-are-found-by-address.md)).

use crate::context::Context;
use crate::ports::{PortError, Result};
use crate::sealing::Lookup;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::instance::{AddressKey, Instance, MailboxAddress};

/// An address, bytes: 64 before the sign and 255 behind it.
const ADDRESS_BYTES_MAX: usize = 320;
/// Of a keyed digest: those of two addresses are never the same.
const KEY_BYTES: usize = 16;

/// An address as a row keeps it, and what it is found by; by default nothing is known.
#[derive(Default)]
pub(crate) struct KeptAddress {
    address: MailboxAddress,
    key: Option<AddressKey>,
}

impl KeptAddress {
    pub(crate) fn is_told(&self) -> bool {
        matches!(self.address, MailboxAddress::Sealed(_))
    }

    /// Takes the place of what the row had.
    pub(crate) fn put_in(self, instance: &mut Instance) {
        (instance.address, instance.address_key) = (self.address, self.key);
    }
}

/// What a provider told, as the row of this instance keeps it.
pub(crate) fn kept(app: &Context, instance: &Instance, told: Option<&str>) -> Result<KeptAddress> {
    let is_one = |told: &&str| {
        told.len() <= ADDRESS_BYTES_MAX && told.contains('@') && !told.contains(char::is_control)
    };
    let Some(address) = told.filter(is_one) else {
        return Ok(KeptAddress { address: MailboxAddress::Untold, key: None });
    };
    let sealed = app.sealer.seal(instance.id, &field(instance), address.as_bytes());
    let sealed = sealed.map_err(|error| PortError::new("sealing an address", error))?;
    let key = key(app, instance.account.organization_id, address);
    Ok(KeptAddress { address: MailboxAddress::Sealed(sealed), key })
}

/// The address, for those who may read the instance.
pub(crate) fn opened(app: &Context, instance: &Instance) -> Result<Option<String>> {
    let MailboxAddress::Sealed(sealed) = &instance.address else { return Ok(None) };
    let opened = app.sealer.open_text(instance.id, &field(instance), sealed);
    opened.map(Some).map_err(|error| PortError::new("opening an address", error))
}

/// What the instances of an organization are found by whose mailbox has this address; `None` if it is none.
pub(crate) fn key(app: &Context, organization_id: u32, address: &str) -> Option<AddressKey> {
    let address = normal(address)?;
    let hash = app.sealer.lookup_hash(Lookup::MailboxAddress, &format!("{organization_id}|{address}"));
    Some(AddressKey(URL_SAFE_NO_PAD.encode(&hash[..KEY_BYTES])))
}

/// Whether a row from before lacks what its address is found by.
pub(crate) fn lacks_key(instance: &Instance) -> bool {
    instance.address_key.is_none() && matches!(instance.address, MailboxAddress::Sealed(_))
}

/// Gives it to a row that lacks it. An address that does not open stays as it is.
pub(crate) fn complete(app: &Context, instance: &mut Instance) {
    if lacks_key(instance) {
        let address = opened(app, instance).ok().flatten();
        instance.address_key =
            address.and_then(|address| key(app, instance.account.organization_id, &address));
    }
}

/// Providers spell one mailbox in several cases.
fn normal(address: &str) -> Option<String> {
    let address = address.trim();
    let (name, host) = address.rsplit_once('@')?;
    let is_one = !name.is_empty()
        && !host.is_empty()
        && address.len() <= ADDRESS_BYTES_MAX
        && !address.contains(|c: char| c.is_control() || c.is_whitespace());
    is_one.then(|| address.to_lowercase())
}

/// What it is sealed for: a row that comes under another organization does not show it.
fn field(instance: &Instance) -> String {
    format!("mailbox address of organization {}", instance.account.organization_id)
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn an_address_is_one_in_any_case() {
        for text in ["ada@example.com", " Ada@Example.COM\n", "ADA@EXAMPLE.COM"] {
            assert_eq!(normal(text).as_deref(), Some("ada@example.com"));
        }
        assert_eq!(normal("\"a@b\"@Example.com").as_deref(), Some("\"a@b\"@example.com"));
        let long = format!("{}@example.com", "a".repeat(320));
        for text in ["", "ada", "@example.com", "ada@", "a da@example.com", "ada@ex\u{0}ample.com", &long] {
            assert_eq!(normal(text), None, "{text:?}");
        }
    }
}
