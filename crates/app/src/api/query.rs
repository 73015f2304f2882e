//! Parameters of a query, read by hand: every error names the parameter and the rule.

use super::error::ApiError;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use domain::date_pattern::{Zone, parse_rfc3339};
use domain::invalid::text_boolean;

/// Maximum parameters of one request.
const PARAMETERS_COUNT_MAX: usize = 100;

/// Times that can be asked for: from 1970 on, before the year 3000. Whoever reckons with them stays in range.
const TIMES_S: std::ops::Range<i64> = 0..32_503_680_000;
/// Parameters that may be given more than once, also without `[]` behind them.
const LISTS: [&str; 3] = ["tags", "topics", "accountIds"];

/// The query of a request, decoded, in its order.
#[derive(Debug, Clone, Default)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn parse(query: &str) -> Result<Self, ApiError> {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let pairs: Vec<(String, String)> = pairs.into_owned().take(PARAMETERS_COUNT_MAX + 1).collect();
        if pairs.len() > PARAMETERS_COUNT_MAX {
            return Err(ApiError::bad(format!("the query has more than {PARAMETERS_COUNT_MAX} parameters")));
        }
        let params = Params(pairs);
        match params.repeated() {
            Some(name) => Err(ApiError::rule(name, "is given more than once")),
            None => Ok(params),
        }
    }

    /// A parameter that occurs twice, although it is not a list.
    fn repeated(&self) -> Option<&str> {
        let mut names = std::collections::HashSet::new();
        let single = self.0.iter().map(|(name, _)| name.as_str());
        let mut single = single.filter(|name| !name.ends_with("[]") && !LISTS.contains(name));
        single.find(|name| !names.insert(*name))
    }

    /// A parameter's value, where it is given and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    /// All values of a parameter that are not empty; `tags[]` is `tags` as well.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let is_it = move |key: &str| key == name || key.strip_suffix("[]") == Some(name);
        self.0
            .iter()
            .filter(move |(key, value)| is_it(key) && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// A whole number within these limits.
    pub(super) fn number(&self, name: &str, min: u64, max: u64) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if (min..=max).contains(&number) => Ok(Some(number)),
            _ => Err(ApiError::rule(name, &format!("must be a number from {min} to {max}"))),
        }
    }

    /// Yes or no; no where it is not given.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        let Some(text) = self.text(name) else { return Ok(false) };
        text_boolean(text).ok_or_else(|| ApiError::rule(name, "must be true or false"))
    }

    /// A time: RFC 3339, or milliseconds since the Unix epoch.
    pub(super) fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
        self.text(name).map(|text| time(name, text)).transpose()
    }

    /// What is none of the dialect's parameters.
    pub(super) fn others(&self, known: &[&str]) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| !known.contains(&name.as_str())).cloned().collect()
    }
}

/// Reads a time of parameters and bodies.
pub(super) fn time(name: &str, text: &str) -> Result<DateTime<Utc>, ApiError> {
    let in_ms = || DateTime::from_timestamp_millis(text.parse().ok()?);
    let at = parse_rfc3339(text, Zone::UTC).or_else(in_ms).filter(|at| TIMES_S.contains(&at.timestamp()));
    at.ok_or_else(|| {
        ApiError::rule(
            name,
            "must be a time from 1970 to 2999, as 2026-11-22T11:40:00Z, or milliseconds since the Unix epoch",
        )
    })
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        Params::parse(parts.uri.query().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_repeat_and_have_limits() {
        let params = Params::parse("tags[]=a&tags%5B%5D=b&tags=c&x=&n=7").unwrap_or_default();
        assert_eq!(params.texts("tags").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(params.text("x"), None);
        assert_eq!(params.number("n", 1, 7).ok(), Some(Some(7)));
        assert!(params.number("n", 1, 6).is_err());
        assert!(Params::parse("n=7&n=7").is_err());
        assert!(time("from", "9999-01-01T00:00:00Z").is_err() && time("from", "-1").is_err());
        assert!(time("from", "2999-12-31T23:59:59Z").is_ok() && time("from", "0").is_ok());
        assert!(Params::parse(&"a[]=b&".repeat(101)).is_err());
    }
}
