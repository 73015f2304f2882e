//! From a path of the hub to one below the mailbox.

use crate::error::{Error, ErrorKind};
use crate::hub::ReadError;
use crate::outlook::normalise::entity::{LISTS, List};
use crate::outlook::{DESCRIPTOR, api};

/// Longest id of an object, bytes: several times what the provider gives.
const ID_BYTES_MAX: usize = 1024;

/// A list, or one object of it.
pub(super) struct HubTarget {
    pub(super) list: &'static List,
    pub(super) is_object: bool,
    /// At the provider, ids included.
    pub(super) path: String,
}

impl HubTarget {
    pub(super) fn of(path: &[String]) -> Result<Self, ReadError> {
        let [first, rest @ ..] = path else { return Err(ReadError::NoResource) };
        // Other spellings are those of the whole name, which has one segment.
        let first = DESCRIPTOR.resource(first).map_or(first.as_str(), |resource| resource.name);
        let asked: Vec<&str> = std::iter::once(first).chain(rest.iter().map(String::as_str)).collect();
        if let Some(list) = LISTS.iter().find(|list| fits(list.hub, &asked)) {
            return Ok(HubTarget { list, is_object: false, path: filled(list.graph, &asked)? });
        }
        match asked.as_slice() {
            [_, id] => {
                let list = List::named(first).filter(|list| !list.hub.contains('/'));
                let list = list.ok_or(ReadError::NoResource)?;
                Ok(HubTarget { list, is_object: true, path: format!("{}/{}", list.graph, segment(id)?) })
            }
            [above @ .., "attachments", id] => {
                let above = [above, &["attachments"]].concat();
                let list = LISTS.iter().find(|list| fits(list.hub, &above)).ok_or(ReadError::NoResource)?;
                let path = format!("{}/{}", filled(list.graph, &above)?, segment(id)?);
                Ok(HubTarget { list, is_object: true, path })
            }
            _ => Err(ReadError::NoResource),
        }
    }
}

fn fits(hub: &str, asked: &[&str]) -> bool {
    let named: Vec<&str> = hub.split('/').collect();
    named.len() == asked.len()
        && named.iter().zip(asked).all(|(name, asked)| *name == "{id}" || name == asked)
}

/// The path at the provider, with the asked ids in their places.
fn filled(graph: &str, asked: &[&str]) -> Result<String, ReadError> {
    let each = graph.split('/').zip(asked).map(|(name, asked)| match name {
        "{id}" => segment(asked),
        name => Ok(name.to_owned()),
    });
    Ok(each.collect::<Result<Vec<String>, ReadError>>()?.join("/"))
}

/// An id as a segment of a path. Dots alone would lead to another path, and nothing has such an id.
pub(super) fn segment(id: &str) -> Result<String, ReadError> {
    if id.len() > ID_BYTES_MAX || id.chars().all(|c| c == '.') {
        return Err(Error::new(ErrorKind::NotFound, "there is no object with this id").into());
    }
    Ok(api::encoded(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &[&str], expected: Option<&str>) {
        let path: Vec<String> = path.iter().map(|&segment| segment.to_owned()).collect();
        let shown = HubTarget::of(&path)
            .ok()
            .map(|place| format!("{} {}", if place.is_object { "object" } else { "list" }, place.path));
        assert_eq!(shown.as_deref(), expected, "{path:?}");
    }

    #[test]
    fn paths_of_the_hub_have_one_at_the_provider() {
        check(&["messages"], Some("list messages"));
        check(&["changed-messages"], Some("list messages"));
        check(&["messages", "A/b+c="], Some("object messages/A%2Fb%2Bc%3D"));
        check(&["messages", "A", "attachments"], Some("list messages/A/attachments"));
        check(&["folders"], Some("list mailFolders"));
        check(&["folders", "inbox"], Some("object mailFolders/inbox"));
        check(&["folders", "inbox", "folders"], Some("list mailFolders/inbox/childFolders"));
        check(&["folders", "inbox", "messages"], Some("list mailFolders/inbox/messages"));
        check(&["calendars", "C", "events"], Some("list calendars/C/events"));
        check(&["events", "E", "attachments"], Some("list events/E/attachments"));
        check(&["messages", "A", "attachments", "B/"], Some("object messages/A/attachments/B%2F"));
    }

    #[test]
    fn what_leads_nowhere_is_not_asked_for() {
        check(&["nothing"], None);
        check(&["messages/{id}/attachments"], None);
        check(&["messages/{id}/attachments", "A"], None);
        check(&["messages", "A", "nothing"], None);
        check(&["messages", "A", "attachments", ".."], None);
        check(&["contacts", "A", "attachments", "B"], None);
        check(&["messages", ".."], None);
        check(&["messages", "..", "attachments"], None);
        check(&["contacts", &"x".repeat(2000)], None);
    }
}
