//! Where the next page of a list begins, as clients keep it: the query of the provider's link. Host and path are
//! never taken from there.
//!
//! A query that is too long for that, because its filter is, is kept without filter and selection: the client sends both
//! again with the next page, and a digest shows whether the filter is the same.

use crate::error::{Error, ErrorKind};
use crate::hub::ReadError;
use crate::outlook::api::encoded;
use crate::outlook::normalise::entity::Entity;
use crate::outlook::normalise::selection::PAGE_SIZE_MAX;
use domain::ids::digest64;
use serde_json::{Value, json};

/// Longest query kept, bytes: encoded once more it stands in a header of an answer, of which gateways take ten
/// kilobytes in all.
const QUERY_BYTES_MAX: usize = 5 * 1024;
/// Parameters that links of lists have.
const KNOWN: [&str; 8] =
    ["$filter", "$orderby", "$top", "$skip", "$skiptoken", "$select", "$count", "includeHiddenFolders"];

/// The parts of a request that its client repeats with each page.
pub(crate) struct Repeated<'a> {
    pub(crate) select: &'a str,
    pub(crate) filter: Option<&'a str>,
}

/// From a link of the provider; one that leaves out the selection gets it again.
pub(crate) fn of(link: &str, repeated: &Repeated<'_>) -> Result<Value, Error> {
    let mut query = link.split_once('?').map_or("", |(_, query)| query).to_owned();
    if !url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "$select") {
        query.push_str(&format!("&$select={}", encoded(repeated.select)));
    }
    if query.len() <= QUERY_BYTES_MAX {
        return Ok(Value::from(query));
    }
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let rest = pairs.filter(|(name, _)| name != "$filter" && name != "$select");
    let rest = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish();
    match rest.len() {
        0..=QUERY_BYTES_MAX => Ok(json!({ "rest": rest, "filter": digest(repeated.filter) })),
        _ => Err(Error::new(ErrorKind::Malformed, "the provider's next link is too long")),
    }
}

/// Back to a request. It went through a client's hands, so it is checked as one of theirs.
pub(crate) fn request(
    entity: &Entity,
    value: &Value,
    repeated: &Repeated<'_>,
) -> Result<Vec<(String, String)>, ReadError> {
    let foreign = || ReadError::rule("nextPage", "is not a token issued by a page of this list");
    let kept = value.as_str().or_else(|| value["rest"].as_str());
    let query = kept.filter(|query| query.len() <= QUERY_BYTES_MAX).ok_or_else(foreign)?;
    let mut pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if value.is_object() {
        if value["filter"] != digest(repeated.filter) {
            let rule = "must be sent again with this `nextPage`, as for the first page";
            return Err(ReadError::rule("where", rule));
        }
        pairs.retain(|(name, _)| name != "$filter" && name != "$select");
        pairs.push(("$select".to_owned(), repeated.select.to_owned()));
        pairs.extend(repeated.filter.map(|filter| ("$filter".to_owned(), filter.to_owned())));
    }
    let is_ours = |(name, value): &(String, String)| match name.as_str() {
        "$select" => value.split(',').all(|field| entity.field(field.trim()).is_some()),
        "$top" => value.parse().is_ok_and(|top: usize| (1..=PAGE_SIZE_MAX).contains(&top)),
        name => KNOWN.contains(&name),
    };
    // Without a selection, everything would come.
    let is_selected = pairs.iter().any(|(name, _)| name == "$select");
    if is_selected && pairs.iter().all(is_ours) { Ok(pairs) } else { Err(foreign()) }
}

fn digest(filter: Option<&str>) -> String {
    format!("{:016x}", digest64(&[filter.unwrap_or_default().as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlook::normalise::entity::ATTACHMENT;

    const REPEATED: Repeated<'_> = Repeated { select: "id", filter: None };

    #[test]
    fn only_the_query_of_a_link_is_kept() {
        let next = of("https://elsewhere.example/v1.0/me/other?%24select=id%2Cname&$skip=100", &REPEATED)
            .ok()
            .unwrap();
        assert_eq!(next, "%24select=id%2Cname&$skip=100");
        assert_eq!(of("https://graph/?$skip=1", &REPEATED).ok().unwrap(), "$skip=1&$select=id");
        let pairs = request(&ATTACHMENT, &next, &REPEATED).ok().unwrap();
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
            assert!(request(&ATTACHMENT, &Value::from(query), &REPEATED).is_err(), "{query}");
        }
        assert!(request(&ATTACHMENT, &Value::from(7), &REPEATED).is_err());
    }

    #[test]
    fn a_long_query_is_kept_without_what_the_client_sends_again() {
        let filter = format!("name eq '{}'", "x y".repeat(4000));
        let link = format!("https://graph/?$filter={}&$select=id&$skiptoken=a%2Fb&$top=9", encoded(&filter));
        let long = Repeated { select: "id,name", filter: Some(&filter) };
        let next = of(&link, &long).ok().unwrap();
        assert!(next.to_string().len() < 200, "{next}");
        let pairs = request(&ATTACHMENT, &next, &long).ok().unwrap();
        let shown: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [("$skiptoken", "a/b"), ("$top", "9"), ("$select", "id,name"), ("$filter", &filter)];
        assert_eq!(shown, expected);
        for other in [None, Some("name eq 'z'")] {
            let error = request(&ATTACHMENT, &next, &Repeated { filter: other, ..long }).err().unwrap();
            assert_eq!(
                error.to_string(),
                "`where`: must be sent again with this `nextPage`, as for the first page"
            );
        }
        let forged = json!({ "rest": "$expand=attachments", "filter": digest(None) });
        assert!(request(&ATTACHMENT, &forged, &REPEATED).is_err());
        let endless = format!("https://graph/?$skiptoken={}", "x".repeat(QUERY_BYTES_MAX));
        assert!(of(&endless, &REPEATED).is_err());
    }
}
