//! Looking for what no delta will tell: a folder is gone with all that it held, or its delta had to begin anew. What the
//! event log holds of it is in doubt.

use super::known::Known;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// Folders looked for one by one; of more, everything that was reported is in doubt.
const FOLDERS_COUNT_MAX: usize = 100;

/// A way through the event log, the newest first, over as many steps as it takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sweep {
    /// The folders; none is all.
    folders: BTreeSet<String>,
    /// What was reported before this place is still to be read; `None` is the log's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<u64>,
}

impl Sweep {
    /// Of everything.
    pub(crate) fn whole() -> Self {
        Sweep { folders: BTreeSet::new(), before: None }
    }

    /// Of this folder as well as what is looked for already: it begins again.
    pub(crate) fn with(under_way: Option<Self>, folder: &str) -> Self {
        let mut folders = match under_way {
            Some(Sweep { folders, .. }) if folders.is_empty() => return Sweep::whole(),
            Some(Sweep { folders, .. }) => folders,
            None => BTreeSet::new(),
        };
        folders.insert(folder.to_owned());
        if folders.len() > FOLDERS_COUNT_MAX {
            folders.clear();
        }
        Sweep { folders, before: None }
    }

    /// What is left of it.
    pub(crate) fn on(self, before: u64) -> Self {
        Sweep { before: Some(before), ..self }
    }

    /// Those of these records that were reported from there, and not as deleted.
    pub(crate) fn of<'a>(&'a self, records: &'a [Value], known: &'a Known) -> impl Iterator<Item = &'a str> {
        let is_meant = |record: &&Value| {
            let folder = record.get("ParentFolderId").and_then(Value::as_str);
            self.folders.is_empty() || folder.is_some_and(|folder| self.folders.contains(folder))
        };
        let ids = records.iter().filter(is_meant).filter_map(|record| record.get("Id")?.as_str());
        ids.filter(|id| known.contains(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_reported_of_a_folder_is_found() {
        let mut known = Known::of(Default::default());
        ["a", "b"].iter().for_each(|id| known.insert(id));
        let records = [
            json!({ "Id": "a", "ParentFolderId": "f" }),
            json!({ "Id": "b", "ParentFolderId": "g" }),
            json!({ "Id": "told as deleted", "ParentFolderId": "f" }),
            json!({ "Id": "b" }),
        ];
        let of = |sweep: &Sweep| sweep.of(&records, &known).map(str::to_owned).collect::<Vec<_>>();
        let one = Sweep::with(None, "f");
        assert_eq!(of(&one), ["a"]);
        assert_eq!(of(&Sweep::with(Some(Sweep { before: Some(7), ..one }), "g")), ["a", "b"]);
        assert_eq!(of(&Sweep::with(Some(Sweep::whole()), "f")), ["a", "b", "b"]);
        let many =
            (0..=FOLDERS_COUNT_MAX).fold(None, |sweep, number| Some(Sweep::with(sweep, &number.to_string())));
        assert_eq!(many, Some(Sweep::whole()));
    }
}
