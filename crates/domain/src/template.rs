//! Date templates in a poller's url: `${gmtDate:yyyy-MM-dd}`, `${epoch:s}` and their kin.
//!
//! A url is expanded before anything else reads it, so a template may stand anywhere, also inside the quotes of
//! a `where` value. The expanded text is not percent-encoded.

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::date_pattern::{DatePattern, PatternError, Zone, ZoneError, is_pattern_letter};

/// Longest url accepted, in bytes.
pub const TEMPLATE_BYTES_MAX: usize = 8 * 1024;
/// Most templates one url may hold.
pub const TEMPLATE_STAMPS_MAX: usize = 64;

/// The words a template may begin with.
const DESCRIPTORS: [&str; 7] =
    ["gmtDate", "dateTimeZone", "DateTimeZone", "date", "nowTimeZone", "epoch", "milliseconds"];

/// A url with its date templates found and checked.
///
/// Forms: `${gmtDate:FORMAT}`, `${date:FORMAT}` (both in GMT), `${date}` (the default format),
/// `${dateTimeZone:ZONE:FORMAT}` (also `DateTimeZone`), `${nowTimeZone:ZONE:FORMAT}`, `${epoch}`, `${epoch:ms}`,
/// `${epoch:s}`, `${epoch:0}` (seconds too), `${epoch:us}`, `${milliseconds}`. A template ends at the first `}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<TemplatePart>,
}

/// What the templates of a url are filled with.
#[derive(Clone, Copy, Debug)]
pub struct Times<'a> {
    /// The time from which on changes are asked for; all forms but `nowTimeZone` print it.
    pub since: DateTime<Utc>,
    /// The present; `nowTimeZone` prints it.
    pub now: DateTime<Utc>,
    /// The format of a bare `${date}`, printed in GMT; without one it is RFC 3339 in whole seconds.
    pub default_format: Option<&'a DatePattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    Since(DatePattern, Zone),
    Now(DatePattern, Zone),
    /// Since, in the default format.
    SinceDefault,
    /// Since, as a number.
    Epoch(Unit),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
}

/// Why a url cannot be expanded. Positions are byte offsets of the `$` or `{` that begins the template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// More than [`TEMPLATE_BYTES_MAX`] bytes.
    #[error("the url has at most {TEMPLATE_BYTES_MAX} bytes, this one has {length}")]
    TooLong {
        /// Bytes given.
        length: usize,
    },
    /// More than [`TEMPLATE_STAMPS_MAX`] templates.
    #[error("the url holds at most {TEMPLATE_STAMPS_MAX} templates; one more begins at byte {position}")]
    TooMany {
        /// Where the first template too many begins.
        position: usize,
    },
    /// A `${` without a `}` after it.
    #[error("the template at byte {position} must be closed by `}}`")]
    Unclosed {
        /// Where the template begins.
        position: usize,
    },
    /// A word that stands for no date.
    #[error(
        "the template at byte {position} begins with `{descriptor}`; it must be one of gmtDate, date, dateTimeZone, nowTimeZone, epoch, milliseconds"
    )]
    UnknownDescriptor {
        /// Where the template begins.
        position: usize,
        /// The text before the first colon.
        descriptor: String,
    },
    /// A known word with the wrong number of parts after it.
    #[error("the template at byte {position} must have the form {form}")]
    Form {
        /// Where the template begins.
        position: usize,
        /// The form its first word asks for.
        form: &'static str,
    },
    /// The zone is none.
    #[error("in the template at byte {position}: {error}")]
    Zone {
        /// Where the template begins.
        position: usize,
        /// What is wrong with the zone.
        error: ZoneError,
    },
    /// The format is not a date pattern.
    #[error("in the format of the template at byte {position}: {error}")]
    Format {
        /// Where the template begins.
        position: usize,
        /// What is wrong with the format; its positions count from the format's beginning.
        error: PatternError,
    },
    /// A `$` followed by a format or a known word without the brace between them.
    #[error("the template at byte {position} must open with `${{`, not with `$` alone")]
    MissingBrace {
        /// Where the `$` stands.
        position: usize,
    },
    /// A `{name}` that the user has to replace.
    #[error("the placeholder `{{{name}}}` at byte {position} must be replaced by a value")]
    Placeholder {
        /// Where the placeholder begins.
        position: usize,
        /// The name between the braces.
        name: String,
    },
}

impl Template {
    /// Finds and checks the templates of a url.
    ///
    /// # Errors
    /// [`TemplateError`] says which template is broken, where, and by which rule.
    pub fn parse(url: &str) -> Result<Self, TemplateError> {
        if url.len() > TEMPLATE_BYTES_MAX {
            return Err(TemplateError::TooLong { length: url.len() });
        }
        let mut parts = Vec::new();
        let mut stamp_count = 0;
        let mut at = 0;
        while let Some((position, body)) = next_stamp(url, at)? {
            if stamp_count == TEMPLATE_STAMPS_MAX {
                return Err(TemplateError::TooMany { position });
            }
            push_text(&mut parts, url.get(at..position));
            parts.push(stamp(body, position)?);
            stamp_count += 1;
            at = position + "${".len() + body.len() + "}".len();
        }
        push_text(&mut parts, url.get(at..));
        Ok(Self { parts })
    }

    /// The url with each template replaced by its date.
    pub fn expand(&self, times: &Times<'_>) -> String {
        self.parts.iter().map(|part| part.expand(times, None)).collect()
    }

    /// The same as if each template printed UTC: another text for the same time, where a template prints a local one.
    pub fn expand_as_utc(&self, times: &Times<'_>) -> String {
        self.parts.iter().map(|part| part.expand(times, Some(Zone::UTC))).collect()
    }
}

impl TemplatePart {
    /// In its own zone, or in this one.
    fn expand(&self, times: &Times<'_>, in_zone: Option<Zone>) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Since(pattern, zone) => pattern.format(times.since, in_zone.unwrap_or(*zone)),
            Self::Now(pattern, zone) => pattern.format(times.now, in_zone.unwrap_or(*zone)),
            Self::SinceDefault => match times.default_format {
                Some(pattern) => pattern.format(times.since, Zone::GMT),
                None => times.since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            },
            Self::Epoch(Unit::Seconds) => times.since.timestamp().to_string(),
            Self::Epoch(Unit::Milliseconds) => times.since.timestamp_millis().to_string(),
            Self::Epoch(Unit::Microseconds) => times.since.timestamp_micros().to_string(),
        }
    }
}

fn push_text(parts: &mut Vec<TemplatePart>, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        parts.push(TemplatePart::Text(text.to_owned()));
    }
}

/// The next template from `from` on: where its `$` stands and the text between its braces.
fn next_stamp(url: &str, from: usize) -> Result<Option<(usize, &str)>, TemplateError> {
    let tail = url.get(from..).unwrap_or_default();
    for (offset, _) in tail.match_indices(['$', '{']) {
        let position = from + offset;
        let rest = tail.get(offset..).unwrap_or_default();
        if let Some(inner) = rest.strip_prefix("${") {
            let (body, _) = inner.split_once('}').ok_or(TemplateError::Unclosed { position })?;
            return Ok(Some((position, body)));
        }
        if rest.strip_prefix('$').is_some_and(lacks_brace) {
            return Err(TemplateError::MissingBrace { position });
        }
        if let Some(name) = rest.strip_prefix('{').and_then(placeholder) {
            return Err(TemplateError::Placeholder { position, name: name.to_owned() });
        }
    }
    Ok(None)
}

/// Whether what follows a `$` looks like a template without its opening brace. A `}` must come before the next
/// `{`, so that a query option such as `$select=id` may stand before a real template.
fn lacks_brace(after: &str) -> bool {
    let begins =
        after.starts_with(is_pattern_letter) || DESCRIPTORS.iter().any(|word| after.starts_with(word));
    begins
        && after
            .find(['{', '}'])
            .is_some_and(|at| after.get(at..).is_some_and(|brace| brace.starts_with('}')))
}

/// The name of a placeholder whose `{` was just read; other braces are plain text.
fn placeholder(after: &str) -> Option<&str> {
    let (name, _) = after.split_once('}')?;
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(word);
    is_name.then_some(name)
}

/// Reads the text between the braces.
fn stamp(body: &str, position: usize) -> Result<TemplatePart, TemplateError> {
    let (descriptor, argument) = match body.split_once(':') {
        Some((descriptor, argument)) => (descriptor, Some(argument)),
        None => (body, None),
    };
    let form = |form| TemplateError::Form { position, form };
    match (descriptor, argument) {
        ("date", None) => Ok(TemplatePart::SinceDefault),
        ("gmtDate", Some(format)) => Ok(TemplatePart::Since(pattern(format, position)?, Zone::GMT)),
        ("date", Some(format)) => Ok(TemplatePart::Since(pattern(format, position)?, Zone::GMT)),
        ("gmtDate", None) => Err(form("${gmtDate:FORMAT}")),
        ("dateTimeZone" | "DateTimeZone", argument) => {
            let (zone, format) = argument.and_then(split_zone).ok_or(form("${dateTimeZone:ZONE:FORMAT}"))?;
            Ok(TemplatePart::Since(pattern(format, position)?, zone_at(zone, position)?))
        }
        ("nowTimeZone", argument) => {
            let (zone, format) = argument.and_then(split_zone).ok_or(form("${nowTimeZone:ZONE:FORMAT}"))?;
            Ok(TemplatePart::Now(pattern(format, position)?, zone_at(zone, position)?))
        }
        ("epoch", None | Some("ms")) | ("milliseconds", None) => Ok(TemplatePart::Epoch(Unit::Milliseconds)),
        ("epoch", Some("s" | "0")) => Ok(TemplatePart::Epoch(Unit::Seconds)),
        ("epoch", Some("us")) => Ok(TemplatePart::Epoch(Unit::Microseconds)),
        ("epoch", Some(_)) => Err(form("${epoch}, ${epoch:ms}, ${epoch:s} or ${epoch:us}")),
        ("milliseconds", Some(_)) => Err(form("${milliseconds}")),
        _ => {
            // Enough of it to recognise; an unclosed template can swallow half the url.
            let descriptor = descriptor.chars().take(32).collect();
            Err(TemplateError::UnknownDescriptor { position, descriptor })
        }
    }
}

/// Splits `ZONE:FORMAT`. A zone may hold one colon (`-8:00`), so the longer reading is tried first; where neither
/// is a zone, the text before the first colon is what the error will name.
fn split_zone(argument: &str) -> Option<(&str, &str)> {
    let short = argument.split_once(':')?;
    let long = short.1.find(':').and_then(|colon| {
        let (zone, rest) = argument.split_at_checked(short.0.len() + 1 + colon)?;
        Some((zone, rest.strip_prefix(':')?))
    });
    Some(long.filter(|(zone, _)| Zone::parse(zone).is_ok()).unwrap_or(short))
}

fn pattern(format: &str, position: usize) -> Result<DatePattern, TemplateError> {
    DatePattern::parse(format).map_err(|error| TemplateError::Format { position, error })
}

fn zone_at(id: &str, position: usize) -> Result<Zone, TemplateError> {
    Zone::parse(id).map_err(|error| TemplateError::Zone { position, error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// Expands with since = 2020-07-05 21:04:09.045678 UTC and now = one day later.
    #[track_caller]
    fn check(url: &str, expect: Expect) {
        let default_format = DatePattern::parse("MM/dd/yyyy").unwrap();
        let since = DateTime::from_timestamp_micros(1_593_983_049_045_678).unwrap();
        let times =
            Times { since, now: since + chrono::TimeDelta::days(1), default_format: Some(&default_format) };
        let actual = match Template::parse(url) {
            Ok(template) => template.expand(&times),
            Err(error) => error.to_string(),
        };
        expect.assert_eq(&actual);
    }

    #[test]
    fn forms() {
        check("${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}", expect!["2020-07-05T21:04:09Z"]);
        check("${date:yyyy-MM-dd HH:mm:ss z}", expect!["2020-07-05 21:04:09 GMT"]);
        check("?from=${date}&to=${nowTimeZone:GMT:MM/dd/yyyy}", expect!["?from=07/05/2020&to=07/06/2020"]);
        check("${dateTimeZone:PST:yyyy-MM-dd'T'HH:mm:ssXXX}", expect!["2020-07-05T14:04:09-07:00"]);
        check("${DateTimeZone:America/Denver:HH:mm}", expect!["15:04"]);
        check("${dateTimeZone:-8:00:HH:mm}", expect!["13:04"]);
        check("${dateTimeZone:+6:HH:mm}", expect!["03:04"]);
        check(
            "${epoch} ${epoch:ms} ${epoch:s} ${epoch:0} ${epoch:us} ${milliseconds}",
            expect!["1593983049045 1593983049045 1593983049 1593983049 1593983049045678 1593983049045"],
        );
        check("${date:milliseconds}", expect!["1593983049045"]);
    }

    #[test]
    fn inside_a_url() {
        check(
            "/res?where=when>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'&orderBy=when desc",
            expect!["/res?where=when>='2020-07-05T21:04:09Z'&orderBy=when desc"],
        );
        check(
            "/res?$select=id&$filter=when ge ${gmtDate:yyyy-MM-dd}",
            expect!["/res?$select=id&$filter=when ge 2020-07-05"],
        );
        check("/res?price=$5&set={1,2}&empty={}", expect!["/res?price=$5&set={1,2}&empty={}"]);
        check(" /res", expect![" /res"]);
        check("", expect![]);
    }

    #[test]
    fn without_a_default_format() {
        let since = DateTime::from_timestamp(0, 0).unwrap();
        let times = Times { since, now: since, default_format: None };
        assert_eq!(Template::parse("${date}").unwrap().expand(&times), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn broken_templates() {
        check("a=${gmtDate:yyyy", expect!["the template at byte 2 must be closed by `}`"]);
        check(
            "a=${yyyy-MM-dd'T'HH:mm:ss}",
            expect![
                "the template at byte 2 begins with `yyyy-MM-dd'T'HH`; it must be one of gmtDate, date, dateTimeZone, nowTimeZone, epoch, milliseconds"
            ],
        );
        check(
            "a=${}",
            expect![
                "the template at byte 2 begins with ``; it must be one of gmtDate, date, dateTimeZone, nowTimeZone, epoch, milliseconds"
            ],
        );
        check("a=${gmtDate}", expect!["the template at byte 2 must have the form ${gmtDate:FORMAT}"]);
        check(
            "a=${gmtDate:}",
            expect!["in the format of the template at byte 2: a date pattern must not be empty"],
        );
        check(
            "a=${gmtDate:yyyy-MM-ddTHH}",
            expect![
                "in the format of the template at byte 2: `T` at byte 10 is not a letter of date patterns; put text in single quotes"
            ],
        );
        check(
            "a=${dateTimeZone:PST}",
            expect!["the template at byte 2 must have the form ${dateTimeZone:ZONE:FORMAT}"],
        );
        check(
            "a=${dateTimeZone:Mars:HH:mm}",
            expect![
                "in the template at byte 2: `Mars` is not a time zone: use GMT, a region such as America/Denver, an offset such as -08:00, or a three-letter id such as PST"
            ],
        );
        check(
            "a=${epoch:ns}",
            expect![
                "the template at byte 2 must have the form ${epoch}, ${epoch:ms}, ${epoch:s} or ${epoch:us}"
            ],
        );
        check("a=${milliseconds:s}", expect!["the template at byte 2 must have the form ${milliseconds}"]);
        check(
            "a='$yyyy-MM-dd'T'HH:mm:ss}'",
            expect!["the template at byte 3 must open with `${`, not with `$` alone"],
        );
        check(
            "a='$gmtDate:yyyy}'",
            expect!["the template at byte 3 must open with `${`, not with `$` alone"],
        );
        check(
            "a=$yyyy}&b=${epoch}",
            expect!["the template at byte 2 must open with `${`, not with `$` alone"],
        );
        check(
            "/calendars/{calendarId}/events?a=${epoch}",
            expect!["the placeholder `{calendarId}` at byte 11 must be replaced by a value"],
        );
        check(
            "a=${epoch}&b={updateKey}",
            expect!["the placeholder `{updateKey}` at byte 13 must be replaced by a value"],
        );
        check(
            &"${epoch}".repeat(65),
            expect!["the url holds at most 64 templates; one more begins at byte 512"],
        );
        check(&"a".repeat(8193), expect!["the url has at most 8192 bytes, this one has 8193"]);
    }
}
