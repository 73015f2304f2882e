//! The configuration items around events, known as data: what `…/configuration` shows and the console's form asks for.

use crate::setting_keys::*;

/// What an item is edited with, as the dialect names it. The number is letters at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind {
    Text32,
    Text64,
    Text128,
    Text1000,
    TextArea,
    Boolean,
    Password,
}

impl ItemKind {
    /// `type` on the wire.
    pub fn text(self) -> &'static str {
        match self {
            ItemKind::Text32 => "TEXTFIELD_32",
            ItemKind::Text64 => "TEXTFIELD_64",
            ItemKind::Text128 => "TEXTFIELD_128",
            ItemKind::Text1000 => "TEXTFIELD_1000",
            ItemKind::TextArea => "TEXTAREA",
            ItemKind::Boolean => "BOOLEAN",
            ItemKind::Password => "PASSWORD",
        }
    }
}

/// Where the console shows an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The application's credentials and the sign-in.
    Authentication,
    /// Shown when optional fields are asked for.
    Optional,
    /// What is polled, and where events go.
    Events,
}

impl Group {
    /// `groupName` on the wire.
    pub fn text(self) -> &'static str {
        match self {
            Group::Authentication => "Authentication",
            Group::Optional => "Optional Fields",
            Group::Events => "Event Configuration",
        }
    }
}

/// One configuration item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Number on the wire; a released one never changes and is never given away again.
    pub id: u32,
    /// The key in `configuration`.
    pub key: &'static str,
    /// The label for people.
    pub name: &'static str,
    /// One or two sentences for people.
    pub description: &'static str,
    /// What it is edited with.
    pub kind: ItemKind,
    /// The value where none is given.
    pub default: Option<&'static str>,
    /// No instance is created without it.
    pub required: bool,
    /// The place in a form, lowest first.
    pub display_order: u16,
    /// The part of a form.
    pub group: Group,
    /// `hideFromConsole`: no form asks for it.
    pub hidden: bool,
    /// The value is kept in the vault and masked in replies.
    pub secret: bool,
}

/// All items, in display order.
pub fn catalogue() -> &'static [Item] {
    &ITEMS
}

/// The item of a key.
pub fn item(key: &str) -> Option<&'static Item> {
    ITEMS.iter().find(|item| item.key == key)
}

/// Ids below this are the catalogue's.
const IDS_OF_OTHERS_FROM: u32 = 1 << 30;

/// The id of a key's item on the wire. A key that the catalogue does not have gets a hash of itself: positive, 31 bits,
/// the same everywhere, and never one of the catalogue's.
pub fn id_of(key: &str) -> u32 {
    item(key).map_or_else(|| IDS_OF_OTHERS_FROM | (fnv1a(key) & (IDS_OF_OTHERS_FROM - 1)), |item| item.id)
}

/// FNV-1a, 32 bits.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// What most items are: optional, shown, not secret.
const fn at(id: u32, display_order: u16, group: Group) -> Item {
    Item {
        id,
        key: "",
        name: "",
        description: "",
        kind: ItemKind::Text128,
        default: None,
        required: false,
        display_order,
        group,
        hidden: false,
        secret: false,
    }
}

const ITEMS: [Item; 28] = [
    Item {
        key: OAUTH_API_KEY,
        name: "API Key",
        description: "The client ID of the application that is registered with the provider.",
        kind: ItemKind::Text1000,
        required: true,
        secret: true,
        ..at(7001, 1, Group::Authentication)
    },
    Item {
        key: OAUTH_API_SECRET,
        name: "API Secret",
        description: "The client secret of that application: its value, not its ID.",
        kind: ItemKind::Password,
        required: true,
        secret: true,
        ..at(7002, 2, Group::Authentication)
    },
    Item {
        key: OAUTH_CALLBACK_URL,
        name: "Callback URL",
        description: "Where the provider sends users after they signed in, as registered with it.",
        kind: ItemKind::Text1000,
        required: true,
        ..at(7003, 3, Group::Authentication)
    },
    Item {
        key: OAUTH_SCOPE,
        name: "OAuth Scope",
        description: "The scopes to request, separated by spaces; by default the connector's own.",
        kind: ItemKind::Text1000,
        ..at(7004, 4, Group::Authentication)
    },
    Item {
        key: OAUTH_USER_TOKEN,
        name: "OAuth User Token",
        description: "An access token that the provider gave.",
        kind: ItemKind::Password,
        secret: true,
        hidden: true,
        ..at(7005, 5, Group::Authentication)
    },
    Item {
        key: OAUTH_REFRESH_TOKEN,
        name: "OAuth User Refresh Token",
        description: "Takes the place of a sign-in with `externalAuthentication` `initial`.",
        kind: ItemKind::Password,
        secret: true,
        hidden: true,
        ..at(7006, 6, Group::Authentication)
    },
    Item {
        key: OAUTH_APPLICATION,
        name: "Application",
        description: "The name of a stored application, which takes the place of API Key and API Secret.",
        ..at(7008, 6, Group::Authentication)
    },
    Item {
        key: PASSWORD,
        name: "Password",
        description: "Not used by these connectors; kept secret if given.",
        kind: ItemKind::Password,
        secret: true,
        hidden: true,
        ..at(7007, 7, Group::Authentication)
    },
    Item {
        key: SIGNATURE_KEY,
        name: "Callback Notification Signature Key",
        description: "Signs callbacks. After `whsec_` it is base64 for the Standard Webhooks headers.",
        kind: ItemKind::Password,
        secret: true,
        ..at(7010, 11, Group::Optional)
    },
    Item {
        key: CALLBACK_HEADERS,
        name: "Callback Headers",
        description: "Further headers: a JSON object of strings, or one `Name: value` per line; at most 20.",
        kind: ItemKind::TextArea,
        secret: true,
        ..at(7011, 12, Group::Optional)
    },
    Item {
        key: BASIC_USERNAME,
        name: "Callback Username",
        description: "Callbacks carry this name and the password by HTTP basic authentication.",
        kind: ItemKind::Text128,
        ..at(7012, 12, Group::Optional)
    },
    Item {
        key: BASIC_PASSWORD,
        name: "Callback Password",
        description: "The password of HTTP basic authentication.",
        kind: ItemKind::Password,
        secret: true,
        ..at(7013, 13, Group::Optional)
    },
    Item {
        key: SIGNATURE_PREVIOUS_KEY,
        name: "Former Signature Key",
        description: "Also signs, for a while after the signature key was changed.",
        kind: ItemKind::Password,
        secret: true,
        hidden: true,
        ..at(7014, 14, Group::Optional)
    },
    Item {
        key: SIGNATURE_PREVIOUS_UNTIL,
        name: "Former Signature Key Until",
        description: "When the former signature key stops signing, RFC 3339; by default a day after the change.",
        kind: ItemKind::Text64,
        hidden: true,
        ..at(7015, 15, Group::Optional)
    },
    Item {
        key: CALLBACK_KILOBYTES,
        name: "Callback Size (kB)",
        description: "The longest body that the callback takes, thousands of bytes from 50 to 300.",
        kind: ItemKind::Text32,
        default: Some("100"),
        ..at(7016, 16, Group::Optional)
    },
    Item {
        key: CALLBACK_HEALTH,
        name: "Health Events",
        description: "The callback is also told, in another form, when the connection breaks and when it works again.",
        kind: ItemKind::Boolean,
        default: Some("false"),
        ..at(7017, 17, Group::Optional)
    },
    Item {
        key: FILTER_NULLS,
        name: "Filter null values from the response",
        description: "Fields without a value are left out of what is read.",
        kind: ItemKind::Boolean,
        default: Some("true"),
        ..at(7020, 99, Group::Optional)
    },
    Item {
        key: VENDOR_TYPE,
        name: "Vendor Event Type",
        description: "How changes are found: `polling`, or `webhooks` for polling and the provider's notices.",
        kind: ItemKind::Text32,
        hidden: true,
        default: Some("polling"),
        ..at(7030, 100, Group::Events)
    },
    Item {
        key: REFRESH_INTERVAL,
        name: "Event poller refresh interval (mins)",
        description: "Minutes between polls, from 1 to 1440.",
        kind: ItemKind::Text32,
        default: Some("15"),
        ..at(7033, 101, Group::Events)
    },
    Item {
        key: EVENTS_ENABLED,
        name: "Event Notifications Enabled",
        description: "The resources below are polled, and changes are notified.",
        kind: ItemKind::Boolean,
        default: Some("false"),
        ..at(7031, 102, Group::Events)
    },
    Item {
        key: CALLBACK_URL,
        name: "Event Notification Callback URL",
        description: "Where notifications are posted. A user name and password in it are sent as HTTP basic authentication.",
        kind: ItemKind::Text1000,
        ..at(7032, 103, Group::Events)
    },
    Item {
        key: POLLER_CONFIGURATION,
        name: "Configure Polling",
        description: "What to poll: a JSON object of resources, each with url, idField and dates.",
        kind: ItemKind::TextArea,
        ..at(7034, 104, Group::Events)
    },
    Item {
        key: EVENT_BUS,
        name: "Event Notification EventBridge",
        description: "Notifications also go to the event bus of the cloud that Carillon runs in.",
        kind: ItemKind::Boolean,
        default: Some("false"),
        ..at(7035, 105, Group::Events)
    },
    Item {
        key: POLLER_URLS,
        name: "Event poller URLs",
        description: "The older form of the polling configuration; used only without the newer one.",
        kind: ItemKind::TextArea,
        hidden: true,
        ..at(7036, 106, Group::Events)
    },
    Item {
        key: PUSH_TOPIC,
        name: "Push topic",
        description: "The topic that the provider publishes notices to.",
        ..at(7037, 107, Group::Events)
    },
    Item {
        key: PUSH_SUBSCRIPTION,
        name: "Push subscription",
        description: "The subscription of that topic that notices are pulled from.",
        ..at(7038, 108, Group::Events)
    },
    Item {
        key: PUSH_ACCOUNT,
        name: "Push account",
        description: "The account that signs the notices pushed here.",
        ..at(7039, 109, Group::Events)
    },
    Item {
        key: PUSH_KEY,
        name: "Push key",
        description: "The key of the service account that notices are pulled with, a JSON text.",
        kind: ItemKind::Password,
        secret: true,
        ..at(7040, 110, Group::Events)
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_what_they_were_when_released() {
        let shown: Vec<String> = ITEMS.iter().map(|item| format!("{} {}", item.id, item.key)).collect();
        expect![[r#"
            7001 oauth.api.key
            7002 oauth.api.secret
            7003 oauth.callback.url
            7004 oauth.scope
            7005 oauth.user.token
            7006 oauth.user.refresh_token
            7008 oauth.application
            7007 password
            7010 event.notification.signature.key
            7011 event.notification.callback.headers
            7012 event.notification.basic.username
            7013 event.notification.basic.password
            7014 event.notification.signature.previous.key
            7015 event.notification.signature.previous.until
            7016 event.notification.callback.kilobytes
            7017 event.notification.health.enabled
            7020 filter.response.nulls
            7030 event.vendor.type
            7033 event.poller.refresh_interval
            7031 event.notification.enabled
            7032 event.notification.callback.url
            7034 event.poller.configuration
            7035 event.notification.eventbridge
            7036 event.poller.urls
            7037 event.vendor.push.topic
            7038 event.vendor.push.subscription
            7039 event.vendor.push.account
            7040 event.vendor.push.key"#]]
        .assert_eq(&shown.join("\n"));
    }

    #[test]
    fn ids_and_keys_are_unique_and_the_order_is_the_forms() {
        assert_eq!(ITEMS.iter().map(|item| item.id).collect::<BTreeSet<_>>().len(), ITEMS.len());
        assert_eq!(ITEMS.iter().map(|item| item.key).collect::<BTreeSet<_>>().len(), ITEMS.len());
        assert!(ITEMS.is_sorted_by_key(|item| item.display_order));
        assert!(ITEMS.iter().all(|item| item.id < IDS_OF_OTHERS_FROM));
        assert!(ITEMS.iter().filter(|item| item.kind == ItemKind::Password).all(|item| item.secret));
    }

    #[test]
    fn other_keys_have_ids_too() {
        assert_eq!(id_of(OAUTH_API_KEY), 7001);
        assert_eq!(id_of("oauth.user.refresh_interval"), id_of("oauth.user.refresh_interval"));
        assert_ne!(id_of("a"), id_of("b"));
        assert!(id_of("a") >= IDS_OF_OTHERS_FROM && id_of("a") <= i32::MAX as u32);
    }
}
