//! What somebody asks for who subscribes, and what is wrong with it.

use std::net::IpAddr;

use serde_json::Value;
use url::Url;

use super::subscription::{ChangeType, MINUTE_US, Subscription, WatchedResource};
use crate::clock::parse_iso;
use crate::microsoft::error;
use crate::microsoft::kind::Type;
use crate::microsoft::mailbox::Mailbox;
use crate::reply::Reply;

/// Documented for messages, events and contacts of Outlook.
const LIFE_MAX_US: i64 = 10_080 * MINUTE_US;
/// Who asks for less gets this.
const LIFE_MIN_US: i64 = 45 * MINUTE_US;
const CLIENT_STATE_CHARS_MAX: usize = 128;

/// Who subscribes.
pub(in crate::microsoft) struct Subscriber<'a> {
    pub(in crate::microsoft) mailbox: &'a Mailbox,
    pub(in crate::microsoft) application: &'a str,
    pub(in crate::microsoft) token_until_us: i64,
    pub(in crate::microsoft) is_immutable: bool,
}

/// Reads the body of a request for a subscription, which has no id yet.
pub(in crate::microsoft) fn read(
    body: &Value,
    subscriber: &Subscriber<'_>,
    now_us: i64,
) -> Result<Subscription, Reply> {
    let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
    let required = |name: &str| text(name).ok_or_else(|| invalid(&format!("{name} is a required property.")));
    let resource = required("resource")?;
    let change_type = required("changeType")?;
    let changes = ChangeType::read(change_type).ok_or_else(|| invalid("Invalid 'changeType' attribute."))?;
    let watched = watched(resource, subscriber.mailbox)?;
    let notification_url = address(required("notificationUrl")?)?;
    let lifecycle_url = text("lifecycleNotificationUrl").map(address).transpose()?;
    let client_state = text("clientState").map(str::to_owned);
    if client_state.as_ref().is_some_and(|state| state.chars().count() > CLIENT_STATE_CHARS_MAX) {
        return Err(invalid("clientState must not be longer than 128 characters."));
    }
    if body["includeResourceData"] == true {
        return Err(invalid("encryptionCertificate is a required property."));
    }
    Ok(Subscription {
        id: String::new(),
        account: subscriber.mailbox.email.clone(),
        user_id: subscriber.mailbox.user_id.clone(),
        application: subscriber.application.to_owned(),
        resource: resource.to_owned(),
        watched,
        change_type: change_type.to_owned(),
        changes,
        notification_url,
        lifecycle_url,
        client_state,
        is_immutable: subscriber.is_immutable,
        expires_us: expiry_us(required("expirationDateTime")?, now_us)?,
        granted_until_us: subscriber.token_until_us,
        grants_count: 0,
        granted_by: None,
    })
}

/// When a subscription ends that is asked for until then.
pub(in crate::microsoft) fn expiry_us(text: &str, now_us: i64) -> Result<i64, Reply> {
    let expires_us = parse_iso(text).ok_or_else(|| invalid("expirationDateTime is not a valid date."))?;
    match expires_us - now_us {
        ..=0 => Err(invalid("Subscription expiration must be in the future.")),
        left_us if left_us > LIFE_MAX_US => {
            Err(invalid("Subscription expiration can only be 10080 minutes in the future."))
        }
        left_us => Ok(now_us + left_us.max(LIFE_MIN_US)),
    }
}

/// An address that notices may go to. Real ones have TLS; a loopback address need not.
pub(in crate::microsoft) fn address(text: &str) -> Result<String, Reply> {
    let wrong = || invalid("Subscription notification URL must be an absolute HTTPS address.");
    let url: Url = text.parse().map_err(|_| wrong())?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    match url.scheme() {
        "https" => Ok(text.to_owned()),
        "http" if is_loopback => Ok(text.to_owned()),
        _ => Err(wrong()),
    }
}

/// `me/messages`, `users/{id}/mailFolders('inbox')/messages` and the like.
fn watched(resource: &str, mailbox: &Mailbox) -> Result<WatchedResource, Reply> {
    let spread = resource.trim_start_matches('/').replace("('", "/").replace("')", "");
    let segments: Vec<&str> = spread.split('/').collect();
    let rest = match segments.as_slice() {
        ["me", rest @ ..] => rest,
        ["users" | "Users", user, rest @ ..] if mailbox.is_of(user) => rest,
        ["users" | "Users", _, ..] => return Err(error::access_denied()),
        _ => return Err(unknown(resource)),
    };
    let all = |kind| Ok(WatchedResource { kind, folder: None });
    match rest {
        ["messages" | "Messages"] => all(Type::Message),
        ["contacts" | "Contacts"] => all(Type::Contact),
        ["events" | "Events"] => all(Type::Event),
        ["mailFolders" | "MailFolders" | "mailfolders", folder, "messages" | "Messages"] => {
            let folder = mailbox.folder(folder).ok_or_else(error::item_not_found)?;
            Ok(WatchedResource { kind: Type::Message, folder: Some(folder) })
        }
        _ => Err(unknown(resource)),
    }
}

fn unknown(resource: &str) -> Reply {
    invalid(&format!("Resource '{resource}' is not supported for subscriptions."))
}

pub(in crate::microsoft) fn invalid(message: &str) -> Reply {
    error::error(400, "InvalidRequest", message)
}
