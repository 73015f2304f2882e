//! Going down from a folder to those below it, where no one list shows them all.

use serde::{Deserialize, Serialize};

/// Levels of folders at the most: as many as Exchange lets anybody make.
const DEPTH_MAX: u16 = 300;
/// Pages of one folder's list at the most: more than all folders that are followed would fill.
const PAGES_COUNT_MAX: u16 = 250;

/// What is directly below a folder is still to be listed.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Descent {
    /// Folders above this one.
    #[serde(default)]
    above: u16,
    /// Pages that were read.
    #[serde(default)]
    pages: u16,
    /// Where the list goes on; `None` is where it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
}

impl Descent {
    /// From a folder that this one's list shows. `None`: that is too deep.
    pub(super) fn below(&self) -> Option<Self> {
        let above = self.above + 1;
        (above < DEPTH_MAX).then(|| Descent { above, ..Descent::default() })
    }

    /// After a page, with the next. `None`: it is over, or does not end.
    pub(super) fn after_page(&self, next: Option<String>) -> Option<Self> {
        let pages = self.pages + 1;
        let link = next.filter(|_| pages < PAGES_COUNT_MAX)?;
        Some(Descent { pages, link: Some(link), ..self.clone() })
    }

    /// The same list from its beginning: its token is too old.
    pub(super) fn anew(&self) -> Self {
        Descent { above: self.above, ..Descent::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_as_deep_as_folders_can_be_and_comes_to_an_end() {
        let levels = std::iter::successors(Some(Descent::default()), Descent::below);
        assert_eq!(levels.count(), usize::from(DEPTH_MAX));
        let next = |at: &Descent| at.after_page(Some("/me/next".to_owned()));
        let pages = std::iter::successors(Some(Descent::default()), next);
        assert_eq!(pages.count(), usize::from(PAGES_COUNT_MAX));
        assert_eq!(Descent::default().after_page(None), None);
    }
}
