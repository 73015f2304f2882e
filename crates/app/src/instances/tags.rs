//! What becomes of an instance's tags.

use domain::instance::without_markup;

/// What becomes of an instance's tags.
#[derive(Clone)]
pub(crate) enum TagChange {
    /// These, and no others.
    All(Vec<String>),
    /// The others stay.
    Some { add: Vec<String>, remove: Vec<String> },
}

impl TagChange {
    /// The tags after it.
    pub(crate) fn applied(&self, before: &[String]) -> Vec<String> {
        let plain = |tags: &[String]| -> Vec<String> {
            tags.iter().map(|tag| without_markup(tag)).filter(|tag| !tag.is_empty()).collect()
        };
        match self {
            TagChange::All(tags) => plain(tags),
            TagChange::Some { add, remove } => {
                let remove = plain(remove);
                let mut tags: Vec<String> =
                    before.iter().filter(|tag| !remove.contains(tag)).cloned().collect();
                for tag in plain(add) {
                    if !tags.contains(&tag) {
                        tags.push(tag);
                    }
                }
                tags
            }
        }
    }
}
