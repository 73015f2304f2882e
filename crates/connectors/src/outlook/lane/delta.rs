//! A page of a folder's delta, as a hint: what left the folder may have moved, and may even be there still.

use serde_json::Value;

/// Where a delta goes on, without the provider's address.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Onward {
    /// There is another page.
    Page(String),
    /// The round is over; the next begins here.
    Round(String),
}

/// One page of a round. Rows may be repeated and in any order.
#[derive(Debug, PartialEq)]
pub(crate) struct DeltaPage<'a> {
    /// The ids of what left.
    pub(crate) gone: Vec<&'a str>,
    /// What is there.
    pub(crate) present: Vec<&'a Value>,
    pub(crate) onward: Onward,
}

impl<'a> DeltaPage<'a> {
    /// `None`: it is no page, or leads to another host, to which the token must not go.
    pub(crate) fn of(page: &'a Value, api_url: &str) -> Option<Self> {
        let link = |name: &str| Some(below(page.get(name)?.as_str()?, api_url)?.to_owned());
        let next = link("@odata.nextLink").map(Onward::Page);
        let onward = next.or_else(|| link("@odata.deltaLink").map(Onward::Round))?;
        let is_gone = |row: &&Value| row.get("@removed").is_some();
        let (gone, present): (Vec<&Value>, Vec<&Value>) =
            page.get("value")?.as_array()?.iter().partition(is_gone);
        let gone = gone.into_iter().filter_map(|row| row.get("id")?.as_str()).collect();
        Some(DeltaPage { gone, present, onward })
    }
}

pub(crate) fn below<'a>(link: &'a str, api_url: &str) -> Option<&'a str> {
    link.strip_prefix(api_url).filter(|path| path.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const API: &str = "https://graph.test/v1.0";

    #[test]
    fn a_page_says_what_left_what_is_there_and_where_it_goes_on() {
        let first = json!({
            "value": [{"id": "moved", "@removed": {"reason": "changed"}}, {"id": "here"}, {"subject": "no id"}],
            "@odata.nextLink": "https://graph.test/v1.0/me/next",
        });
        let page = DeltaPage::of(&first, API).unwrap();
        assert_eq!((page.gone, page.present.len()), (vec!["moved"], 2));
        assert_eq!(page.onward, Onward::Page("/me/next".to_owned()));
        let last = json!({"value": [], "@odata.deltaLink": "https://graph.test/v1.0/me/later"});
        assert_eq!(DeltaPage::of(&last, API).unwrap().onward, Onward::Round("/me/later".to_owned()));
    }

    #[test]
    fn a_link_to_another_host_is_not_followed() {
        for link in ["https://elsewhere.test/v1.0/me", "https://graph.test/v1.0.elsewhere.test/me"] {
            let page = json!({"value": [], "@odata.deltaLink": link});
            assert_eq!(DeltaPage::of(&page, API), None, "{link}");
        }
        assert_eq!(DeltaPage::of(&json!({"error": {}}), API), None);
    }
}
