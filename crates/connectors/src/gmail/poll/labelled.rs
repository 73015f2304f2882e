//! Labels that a configuration names: conditions on them compare ids, letter by letter, and an id that no label has never
//! reports anything.

use crate::error::{Error, ErrorKind};
use crate::gmail::api;
use crate::{Call, values};
use chrono::{DateTime, Utc};
use domain::resource::ResourceConfig;

/// Labels that each mailbox has. Those of a user have made-up ids as `Label_12`.
const SYSTEM: [&str; 14] = [
    "INBOX",
    "SENT",
    "DRAFT",
    "SPAM",
    "TRASH",
    "UNREAD",
    "STARRED",
    "IMPORTANT",
    "CHAT",
    "CATEGORY_PERSONAL",
    "CATEGORY_SOCIAL",
    "CATEGORY_PROMOTIONS",
    "CATEGORY_UPDATES",
    "CATEGORY_FORUMS",
];

/// Refuses ids of system labels in other letters; the error is the broken rule.
pub(crate) fn check(resource: &ResourceConfig) -> Result<(), String> {
    let named = named(resource, DateTime::UNIX_EPOCH)?;
    let odd = |id: &String| SYSTEM.into_iter().find(|known| known.eq_ignore_ascii_case(id) && *known != id);
    match named.iter().find_map(|id| Some((id, odd(id)?))) {
        Some((id, known)) => Err(format!(
            "where: `labelIds` is compared to label ids, in their exact spelling: '{known}', not '{id}'"
        )),
        None => Ok(()),
    }
}

/// The labels that conditions name and the mailbox does not have.
pub(crate) async fn lacks(call: &Call<'_>, resource: &ResourceConfig) -> Result<Vec<String>, Error> {
    let named = named(resource, call.now).map_err(|rule| Error::new(ErrorKind::Rejected, rule))?;
    let own: Vec<String> = named.into_iter().filter(|id| !SYSTEM.contains(&id.as_str())).collect();
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let labels = api::labels(call).await?;
    let is_there = |id: &String| labels.iter().any(|label| label["id"] == **id);
    let gone = own.into_iter().filter(|id| !is_there(id));
    Ok(gone.map(|id| format!("no label of this mailbox has the id `{id}`")).collect())
}

fn named(resource: &ResourceConfig, now: DateTime<Utc>) -> Result<Vec<String>, String> {
    let conditions = resource.read_at(now, now)?.conditions;
    Ok(values::texts_of(&conditions, "labelIds").into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check_where(condition: &str, rule: Option<&str>) {
        let entry = json!({ "url": format!("/messages?where={condition}") });
        let checked = check(&ResourceConfig::parse("messages", &entry).unwrap());
        assert_eq!(checked.err().as_deref(), rule, "{condition}");
    }

    #[test]
    fn labels_are_compared_letter_by_letter() {
        for fine in
            ["labelIds='INBOX'", "labelIds IN ('SENT', 'Label_7')", "labelIds LIKE 'inbox'", "q='in:inbox'"]
        {
            check_where(fine, None);
        }
        let rule =
            "where: `labelIds` is compared to label ids, in their exact spelling: 'INBOX', not 'Inbox'";
        check_where("labelIds='Inbox'", Some(rule));
        check_where("threadId='t' OR NOT labelIds IN ('SENT', 'Inbox')", Some(rule));
    }
}
