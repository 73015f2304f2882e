//! What reads headers and queries of strangers, for the fuzzers.

use super::auth::HeaderParts;
use super::paging::PageRequest;
use super::query::Params;

/// The parts of an `Authorization` header.
pub fn authorization(header: &str) -> Vec<&str> {
    let given = HeaderParts::read(header);
    let parts = [given.user, given.organization, given.element, given.admin, given.session];
    parts.into_iter().flatten().collect()
}

/// How long the page is that a query asks for, if it can be read with its token.
pub fn page(query: &str) -> Option<usize> {
    let request = PageRequest::of(&Params::parse(query).ok()?).ok()?;
    let _ = (request.after_instance(), request.place());
    Some(request.size)
}
