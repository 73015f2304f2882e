//! Fields of the provider's objects: what they hold, when they are read, and what lists can do with them.

use super::entity::Entity;
use crate::values::Holds;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldKind {
    /// An instant; stands bare in filters.
    Date,
    /// A local date and time beside a zone; it is quoted, and the provider reads it as UTC.
    ZonedDate,
    Flag,
    Number,
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The id of a folder.
    FolderId,
    /// An object with parts that can be named in filters.
    Parts(&'static [(&'static str, FieldKind)]),
    /// Several values, or several objects with this part: one of them may be asked for.
    Each(&'static str),
    /// Objects, of which the record is asked by a part. Not available in filters.
    Other,
}

impl FieldKind {
    /// What it is compared to, if not a text.
    pub(crate) fn holds(self) -> Option<Holds> {
        match self {
            FieldKind::Date | FieldKind::ZonedDate => Some(Holds::Date),
            FieldKind::Flag => Some(Holds::Flag),
            FieldKind::Number => Some(Holds::Number),
            FieldKind::Word(known) => Some(Holds::Word(known)),
            FieldKind::FolderId => Some(Holds::Id(&WELL_KNOWN_FOLDERS)),
            FieldKind::Text | FieldKind::Parts(_) | FieldKind::Each(_) | FieldKind::Other => None,
        }
    }
}

/// Names that stand for a folder's id in a path, and in no record.
/// <https://learn.microsoft.com/en-us/graph/api/resources/mailfolder>
const WELL_KNOWN_FOLDERS: [&str; 18] = [
    "archive",
    "clutter",
    "conflicts",
    "contacts",
    "conversationhistory",
    "deleteditems",
    "drafts",
    "inbox",
    "junkemail",
    "localfailures",
    "msgfolderroot",
    "outbox",
    "recoverableitemsdeletions",
    "scheduled",
    "searchfolders",
    "sentitems",
    "serverfailures",
    "syncissues",
];

/// When a field is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// Whatever the url names: the walk needs it.
    Always,
    /// When the url names none: everything that is small.
    Usual,
    /// Only when it is named.
    Named,
    /// Only when it is named, and then in smaller pages, because it may be long.
    Large,
}

/// What lists can do with a field; each can also do what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Can {
    Read,
    Filter,
    /// Filter also together with the order that polls need.
    Walk,
    Sort,
}

/// One field.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: FieldKind,
    pub(crate) share: Share,
    pub(crate) can: Can,
}

pub(crate) const fn field(name: &'static str, kind: FieldKind, share: Share, can: Can) -> Field {
    Field { name, kind, share, can }
}

/// A field, or a part of one, that filters and orders can name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    /// As written in a filter; of a collection, its name.
    pub(crate) text: String,
    pub(crate) kind: FieldKind,
    pub(crate) can: Can,
}

impl Entity {
    /// A field, whatever the case of its letters.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// The field that a path as `From.EmailAddress.Address` begins with; the error is the broken rule.
    pub(crate) fn root(&self, path: &str) -> Result<&'static Field, String> {
        self.field(root(path)).ok_or_else(|| format!("`{path}` is not a field of {}", self.noun))
    }

    /// What a filter or an order means by a path; the error is the broken rule.
    pub(crate) fn path(&self, path: &str) -> Result<Path, String> {
        let field = self.root(path)?;
        let rest: Vec<&str> = path.split(['.', '/']).skip(1).map(str::trim).collect();
        let rest = rest.join("/");
        let found = |text: String, kind| Ok(Path { text, kind, can: field.can });
        match field.kind {
            FieldKind::Parts(parts) => {
                match parts.iter().find(|(part, _)| part.eq_ignore_ascii_case(&rest)) {
                    Some((part, kind)) => found(format!("{}/{part}", field.name), *kind),
                    None => Err(format!("`{path}` must name one of {}", shown_parts(field.name, parts))),
                }
            }
            FieldKind::Each(part) if part.eq_ignore_ascii_case(&rest) => {
                found(field.name.to_owned(), field.kind)
            }
            FieldKind::Each(part) if !part.is_empty() => {
                Err(format!("`{path}` must name {}", shown_parts(field.name, &[(part, FieldKind::Text)])))
            }
            FieldKind::Other => Err(format!("`{path}` can't be part of a condition or an order")),
            kind if rest.is_empty() => found(field.name.to_owned(), kind),
            _ => Err(format!("`{path}` is not a field of {}", self.noun)),
        }
    }
}

/// What a condition on a record compares a field to, where that is more than text. The error is the rule that it has
/// parts, and is compared by one of them; a part that filters do not know is still looked for in the record.
pub(crate) fn held(entity: &Entity, field: &str) -> Result<Option<Holds>, String> {
    let is_whole = !field[root(field).len()..].contains(char::is_alphanumeric);
    match entity.path(field) {
        Ok(path) => Ok(path.kind.holds()),
        Err(_) if entity.root(field).is_ok_and(|root| root.kind == FieldKind::Other) && is_whole => {
            Err(format!("`{field}` has parts, and is compared by one of them"))
        }
        Err(rule) if is_whole => Err(rule),
        Err(_) => Ok(None),
    }
}

fn shown_parts(field: &str, parts: &[(&str, FieldKind)]) -> String {
    let shown: Vec<String> = parts
        .iter()
        .map(|(part, _)| {
            let segments: Vec<String> = std::iter::once(field).chain(part.split('/')).map(raised).collect();
            format!("`{}`", segments.join("."))
        })
        .collect();
    shown.join(", ")
}

/// The first segment of `From.EmailAddress.Address`, `from/emailAddress/address` or `ToRecipients[*].EmailAddress`.
pub(crate) fn root(path: &str) -> &str {
    path.split(['.', '/', '[']).next().unwrap_or(path).trim()
}

/// A key in the older API's spelling: its first letter raised.
pub(crate) fn raised(key: &str) -> String {
    let mut chars = key.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::super::entity::{CONTACT, EVENT, LISTS, MESSAGE};
    use super::*;

    #[track_caller]
    fn check(entity: &Entity, path: &str, expected: Result<&str, &str>) {
        let found = entity.path(path).map(|path| path.text);
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{path}");
    }

    #[test]
    fn paths_are_read_in_either_spelling() {
        check(&MESSAGE, "LastModifiedDateTime", Ok("lastModifiedDateTime"));
        check(&MESSAGE, "From.EmailAddress.Address", Ok("from/emailAddress/address"));
        check(&EVENT, "start/dateTime", Ok("start/dateTime"));
        check(&CONTACT, "EmailAddresses.Address", Ok("emailAddresses"));
        check(&CONTACT, "Categories", Ok("categories"));
    }

    #[test]
    fn what_is_no_path_is_named() {
        check(&MESSAGE, "Nonsense", Err("`Nonsense` is not a field of a message"));
        check(&MESSAGE, "Subject.Length", Err("`Subject.Length` is not a field of a message"));
        check(&MESSAGE, "ToRecipients", Err("`ToRecipients` can't be part of a condition or an order"));
        check(&CONTACT, "EmailAddresses", Err("`EmailAddresses` must name `EmailAddresses.Address`"));
        check(
            &EVENT,
            "Organizer.Name",
            Err(
                "`Organizer.Name` must name one of `Organizer.EmailAddress.Address`, `Organizer.EmailAddress.Name`",
            ),
        );
    }

    #[test]
    fn the_fields_that_a_kind_of_object_goes_by_are_its_own() {
        for list in &LISTS {
            let entity = list.entity;
            let named: Vec<&str> = entity.fields.iter().map(|field| field.name).collect();
            for name in [entity.came, entity.refilled_by] {
                assert!(name.is_empty() || named.contains(&name), "{} {name}", list.hub);
            }
            let unique: std::collections::HashSet<String> =
                named.iter().map(|name| name.to_ascii_lowercase()).collect();
            assert_eq!(unique.len(), named.len(), "{}", list.hub);
        }
    }
}
