//! Which fields of a message are read, and today's names of yesterday's scopes.

use domain::resource::ResourceConfig;

/// Fields read when the url names none: everything that is small.
const DEFAULT: [&str; 19] = [
    "receivedDateTime",
    "sentDateTime",
    "subject",
    "bodyPreview",
    "importance",
    "hasAttachments",
    "internetMessageId",
    "conversationId",
    "from",
    "sender",
    "toRecipients",
    "ccRecipients",
    "bccRecipients",
    "replyTo",
    "isRead",
    "categories",
    "flag",
    "inferenceClassification",
    "webLink",
];
/// Fields the walk needs, whatever the url names.
const NEEDED: [&str; 7] = [
    "id",
    "changeKey",
    "lastModifiedDateTime",
    "receivedDateTime",
    "createdDateTime",
    "parentFolderId",
    "isDraft",
];
/// Fields read only when the url names them, because they may be long.
const LARGE: [&str; 3] = ["body", "uniqueBody", "internetMessageHeaders"];
const OTHER: [&str; 4] =
    ["conversationIndex", "isReadReceiptRequested", "isDeliveryReceiptRequested", "unsubscribeEnabled"];
/// Rows of a page with large fields.
const LARGE_PAGE_SIZE: usize = 10;

/// The `$select` of a resource.
pub(super) struct Selection {
    select: String,
    is_large: bool,
}

impl Selection {
    /// The url's `fields` or the default ones, and whatever the configuration needs to look at.
    pub(super) fn new(
        fields: &[String],
        resource: &ResourceConfig,
        roots: &[String],
    ) -> Result<Self, String> {
        let mut selected: Vec<&'static str> = NEEDED.to_vec();
        let mut add = |name: &str| {
            let field = known(name).ok_or_else(|| format!("`{name}` is not a field of a message"))?;
            if !selected.contains(&field) {
                selected.push(field);
            }
            Ok::<(), String>(())
        };
        let configured = [&resource.updated, &resource.created];
        let paths = configured.into_iter().flatten().map(|field| &field.path).chain(&resource.id_field);
        for name in paths.map(|path| path.root()).chain(roots.iter().map(String::as_str)) {
            add(name)?;
        }
        match fields {
            [] => DEFAULT.iter().try_for_each(|name| add(name))?,
            fields => fields.iter().try_for_each(|name| add(root(name)))?,
        }
        let is_large = selected.iter().any(|field| LARGE.contains(field));
        Ok(Selection { select: selected.join(","), is_large })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.select
    }

    /// Fewer rows where each may be long.
    pub(super) fn page_size(&self, wanted: usize) -> usize {
        if self.is_large { LARGE_PAGE_SIZE } else { wanted }
    }
}

/// The first segment of `From.EmailAddress.Address` or `from/emailAddress/address`.
pub(super) fn root(name: &str) -> &str {
    name.split(['.', '/']).next().unwrap_or(name).trim()
}

/// A message's field in Graph's spelling, whatever the case of its first letter.
pub(super) fn known(name: &str) -> Option<&'static str> {
    NEEDED
        .iter()
        .chain(&DEFAULT)
        .chain(&LARGE)
        .chain(&OTHER)
        .copied()
        .find(|field| field.eq_ignore_ascii_case(name))
}

/// `https://outlook.office.com/mail.read` is `https://graph.microsoft.com/Mail.Read` today.
pub(super) fn translate_scope(scope: &str) -> String {
    let Some((_, permission)) = scope.split_once("outlook.office.com/") else { return scope.to_owned() };
    let raised: Vec<String> = permission
        .split('.')
        .map(|word| match word.to_ascii_lowercase().as_str() {
            "readwrite" => "ReadWrite".to_owned(),
            lower => {
                lower.chars().take(1).flat_map(char::to_uppercase).chain(lower.chars().skip(1)).collect()
            }
        })
        .collect();
    format!("https://graph.microsoft.com/{}", raised.join("."))
}

#[cfg(test)]
mod tests {
    #[test]
    fn scopes_of_the_retired_api_are_translated() {
        assert_eq!(
            crate::oauth::scopes(
                &super::super::DESCRIPTOR.oauth,
                Some(
                    "offline_access https://outlook.office.com/mail.send https://outlook.office.com/mail.readwrite"
                )
            ),
            "offline_access https://graph.microsoft.com/Mail.Send https://graph.microsoft.com/Mail.ReadWrite"
        );
        assert_eq!(
            crate::oauth::scopes(&super::super::DESCRIPTOR.oauth, None),
            "offline_access https://graph.microsoft.com/Mail.Read"
        );
    }
}
