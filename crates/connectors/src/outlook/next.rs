//! Where the next page of a list begins, as clients keep it: the query of the provider's link. Host and path are
//! never taken from there.

use super::api::encoded;
use super::entity::Entity;
use super::fields::PAGE_SIZE_MAX;
use crate::error::{Error, Kind};
use crate::hub::ReadError;
use serde_json::Value;

/// Longest query, bytes: above a filter as long as a `where` may be, percent-encoded.
const QUERY_BYTES_MAX: usize = 32 * 1024;
/// Parameters that links of lists have.
const KNOWN: [&str; 8] =
    ["$filter", "$orderby", "$top", "$skip", "$skiptoken", "$select", "$count", "includeHiddenFolders"];

/// From a link of the provider; one that leaves out the selection gets it again.
pub(super) fn of(link: &str, select: &str) -> Result<Value, Error> {
    let mut query = link.split_once('?').map_or("", |(_, query)| query).to_owned();
    if !url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "$select") {
        query.push_str(&format!("&$select={}", encoded(select)));
    }
    if query.len() > QUERY_BYTES_MAX {
        return Err(Error::new(Kind::Malformed, "the provider's next link is too long"));
    }
    Ok(Value::from(query))
}

/// Back to a request. It went through a client's hands, so it is checked as one of theirs.
pub(super) fn request(entity: &Entity, value: &Value) -> Result<Vec<(String, String)>, ReadError> {
    let foreign = || ReadError::rule("nextPage", "is not one that a page of this list came with");
    let query = value.as_str().filter(|query| query.len() <= QUERY_BYTES_MAX).ok_or_else(foreign)?;
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let is_ours = |(name, value): &(String, String)| match name.as_str() {
        "$select" => value.split(',').all(|field| entity.field(field.trim()).is_some()),
        "$top" => value.parse().is_ok_and(|top: usize| (1..=PAGE_SIZE_MAX).contains(&top)),
        name => KNOWN.contains(&name),
    };
    // Without a selection, everything would come.
    let is_selected = pairs.iter().any(|(name, _)| name == "$select");
    if is_selected && pairs.iter().all(is_ours) { Ok(pairs) } else { Err(foreign()) }
}

#[cfg(test)]
mod tests {
    use super::super::entity::ATTACHMENT;
    use super::*;

    #[test]
    fn only_the_query_of_a_link_is_kept() {
        let next =
            of("https://elsewhere.example/v1.0/me/other?%24select=id%2Cname&$skip=100", "id").ok().unwrap();
        assert_eq!(next, "%24select=id%2Cname&$skip=100");
        assert_eq!(of("https://graph/?$skip=1", "id").ok().unwrap(), "$skip=1&$select=id");
        let pairs = request(&ATTACHMENT, &next).ok().unwrap();
        assert_eq!(
            pairs,
            [("$select".to_owned(), "id,name".to_owned()), ("$skip".to_owned(), "100".to_owned())]
        );
    }

    #[test]
    fn what_a_client_made_up_is_refused() {
        for query in
            ["", "$skip=1", "$select=contentBytes", "$select=id&$expand=attachments", "$select=id&$top=5000"]
        {
            assert!(request(&ATTACHMENT, &Value::from(query)).is_err(), "{query}");
        }
        assert!(request(&ATTACHMENT, &Value::from(7)).is_err());
    }
}
