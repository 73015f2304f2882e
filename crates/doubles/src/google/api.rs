//! The Gmail API below `/gmail/v1/users/{me}`.

use serde_json::json;

use super::history::{self, Options};
use super::mailbox::Mailbox;
use super::{error, labels, messages, threads};
use crate::call::Call;
use crate::oauth::Consent;
use crate::reply::Reply;

/// Parameters that every call of Google's has.
const COMMON_PARAMETERS: [&str; 9] = [
    "$.xgafv",
    "access_token",
    "alt",
    "fields",
    "key",
    "oauth_token",
    "prettyPrint",
    "quotaUser",
    "uploadType",
];
const LIST_PARAMETERS: &[&str] = &["q", "labelIds", "includeSpamTrash", "maxResults", "pageToken"];

/// Answers a call of an account that was let in. `path` is what follows the user.
pub(super) fn answer(
    mailbox: &mut Mailbox,
    consent: &Consent,
    path: &[&str],
    call: &Call,
    options: Options,
    now_us: i64,
) -> Reply {
    let Some((units, parameters)) = method(path) else { return error::no_such_path() };
    mailbox.units += units;
    let is_known = |name: &str| COMMON_PARAMETERS.contains(&name) || parameters.contains(&name);
    if let Some((name, _)) = call.query().iter().find(|(name, _)| !is_known(name)) {
        return error::unknown_parameter(name);
    }
    let metadata_only = is_metadata_only(&consent.scope);
    match path {
        ["profile"] => profile(mailbox),
        ["history"] => history::list(mailbox, call, options, now_us),
        ["messages" | "threads" | "drafts"] if metadata_only && call.param("q").is_some() => {
            error::forbidden("Metadata scope does not support 'q' parameter")
        }
        ["messages"] => messages::list(mailbox, call, now_us),
        ["messages", id] => messages::get(mailbox, id, call, !metadata_only),
        ["messages", _, "attachments", _] if metadata_only => {
            error::forbidden("Request had insufficient authentication scopes.")
        }
        ["messages", id, "attachments", attachment] => messages::attachment(mailbox, id, attachment),
        ["labels"] => labels::list(mailbox),
        ["labels", id] => labels::get(mailbox, id),
        ["threads"] => threads::list(mailbox, call, now_us),
        ["threads", id] => threads::get(mailbox, id, call, !metadata_only),
        ["drafts", ..] if metadata_only => {
            error::forbidden("Request had insufficient authentication scopes.")
        }
        ["drafts"] => threads::drafts(mailbox, call, now_us),
        ["drafts", id] => threads::draft(mailbox, id, call),
        _ => error::no_such_path(),
    }
}

/// Quota units of a call, as priced for projects from May 2026 on, and the parameters it has: Google refuses others.
fn method(path: &[&str]) -> Option<(u64, &'static [&'static str])> {
    match path {
        ["profile"] | ["labels"] | ["labels", _] => Some((1, &[])),
        ["history"] => Some((2, &["startHistoryId", "historyTypes", "labelId", "maxResults", "pageToken"])),
        ["messages"] => Some((5, LIST_PARAMETERS)),
        ["drafts"] => Some((5, &["q", "includeSpamTrash", "maxResults", "pageToken"])),
        ["threads"] => Some((10, LIST_PARAMETERS)),
        ["messages", _] => Some((20, &["format", "metadataHeaders"])),
        ["messages", _, "attachments", _] => Some((20, &[])),
        ["drafts", _] => Some((20, &["format"])),
        ["threads", _] => Some((40, &["format", "metadataHeaders"])),
        _ => None,
    }
}

fn is_metadata_only(scope: &str) -> bool {
    let may_read = |scope: &str| {
        scope.ends_with("gmail.readonly")
            || scope.ends_with("gmail.modify")
            || scope == "https://mail.google.com/"
    };
    scope.split(' ').any(|scope| scope.ends_with("gmail.metadata")) && !scope.split(' ').any(may_read)
}

fn profile(mailbox: &Mailbox) -> Reply {
    Reply::json(
        200,
        &json!({
            "emailAddress": mailbox.email,
            "messagesTotal": mailbox.messages.len(),
            "threadsTotal": threads::by_thread(mailbox).len(),
            "historyId": mailbox.history_id.to_string(),
        }),
    )
}
