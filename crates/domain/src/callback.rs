//! What a callback carries beside the notification, because its owner says so: a name and a password, and headers.

use crate::invalid::Invalid;
use crate::setting_keys::{BASIC_PASSWORD, BASIC_USERNAME, CALLBACK_HEADERS, CALLBACK_URL, Items, given};
use crate::{address, json_text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Maximum headers of a callback that its owner adds: servers refuse requests with many.
const HEADERS_COUNT_MAX: usize = 20;
/// All their names and values, bytes: half of what common servers read.
const HEADERS_BYTES_MAX: usize = 8 * 1024;
/// A user name or a password, bytes.
const BASIC_BYTES_MAX: usize = 1024;
/// Headers that the way of sending decides, and the ones that say what is sent.
const OURS: [&str; 12] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
];
/// Beginnings of names that mark what we say of a notification.
const OUR_PREFIXES: [&str; 2] = ["elements-", "webhook-"];
const AUTHORIZATION: &str = "authorization";

/// The address with any credentials for basic authentication in it: then it is a secret, and what is stored beside the
/// vault is masked.
fn full_address<'a>(plain: &'a Items, secrets: &'a Items) -> &'a str {
    given(secrets, CALLBACK_URL).or_else(|| given(plain, CALLBACK_URL)).unwrap_or_default()
}

/// Where notifications are posted: the address without credentials, which go in a header.
pub fn target(plain: &Items, secrets: &Items) -> String {
    address::bare(full_address(plain, secrets))
}

/// The headers that go with each callback, names in lower case.
///
/// What was saved keeps the rules of [`check`]; what does not is left out.
pub fn headers(plain: &Items, secrets: &Items) -> Vec<(String, String)> {
    let mut headers = secrets.get(CALLBACK_HEADERS).and_then(|text| parse(text).ok()).unwrap_or_default();
    if let Some((name, password)) = basic(plain, secrets) {
        headers.retain(|(name, _)| name != AUTHORIZATION);
        let credentials = STANDARD.encode(format!("{name}:{password}"));
        headers.push((AUTHORIZATION.to_owned(), format!("Basic {credentials}")));
    }
    headers
}

/// What is wrong with these items. No rule shows a value.
pub(crate) fn check(plain: &Items, secrets: &Items) -> Vec<Invalid> {
    let mut errors = Vec::new();
    let full = full_address(plain, secrets);
    if let Some(unusable) =
        Some(full).filter(|full| !full.is_empty()).and_then(|full| address::parse(full).err())
    {
        errors.push(Invalid::new(CALLBACK_URL, unusable.to_string()));
    }
    if is_basic(plain, secrets) && address::credentials(full).is_some() {
        let rule = format!("must not have a user name beside `{BASIC_USERNAME}` or `{BASIC_PASSWORD}`");
        errors.push(Invalid::new(CALLBACK_URL, rule));
    }
    let is_text = |text: &str| text.len() <= BASIC_BYTES_MAX && !text.contains(char::is_control);
    // The first colon ends the name.
    if given(plain, BASIC_USERNAME).is_some_and(|name| !is_text(name) || name.contains(':')) {
        let rule = format!("must have at most {BASIC_BYTES_MAX} bytes, no colon and no control character");
        errors.push(Invalid::new(BASIC_USERNAME, rule));
    }
    if secrets.get(BASIC_PASSWORD).is_some_and(|password| !is_text(password)) {
        let rule = format!("must have at most {BASIC_BYTES_MAX} bytes and no control character");
        errors.push(Invalid::new(BASIC_PASSWORD, rule));
    }
    match secrets.get(CALLBACK_HEADERS).map(|text| parse(text)) {
        Some(Err(rule)) => errors.push(Invalid::new(CALLBACK_HEADERS, rule)),
        Some(Ok(headers))
            if basic(plain, secrets).is_some() && headers.iter().any(|(name, _)| name == AUTHORIZATION) =>
        {
            let rule = format!("must not have `{AUTHORIZATION}` beside a user name or a password");
            errors.push(Invalid::new(CALLBACK_HEADERS, rule));
        }
        _ => {}
    }
    errors
}

/// User name and password of basic authentication.
fn basic(plain: &Items, secrets: &Items) -> Option<(String, String)> {
    if is_basic(plain, secrets) {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let password = secrets.get(BASIC_PASSWORD).map(String::as_str);
        return Some((text(given(plain, BASIC_USERNAME)), text(password)));
    }
    address::credentials(full_address(plain, secrets))
}

fn is_basic(plain: &Items, secrets: &Items) -> bool {
    given(plain, BASIC_USERNAME).is_some() || secrets.contains_key(BASIC_PASSWORD)
}

/// Reads a JSON object of texts, or a line `Name: value` each.
fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let pairs = if text.trim_start().starts_with('{') { from_object(text)? } else { from_lines(text)? };
    if pairs.len() > HEADERS_COUNT_MAX {
        return Err(format!("must have at most {HEADERS_COUNT_MAX} headers"));
    }
    if pairs.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > HEADERS_BYTES_MAX {
        return Err(format!("must have at most {HEADERS_BYTES_MAX} bytes"));
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    for (index, (name, value)) in pairs.into_iter().enumerate() {
        let (number, name) = (index + 1, name.trim().to_ascii_lowercase());
        check_name(number, &name)?;
        // A broken name could be a secret in the wrong place, so it is not shown; a good one helps.
        if headers.iter().any(|(other, _)| *other == name) {
            return Err(format!("must have `{name}` only once"));
        }
        let value = value.trim();
        if !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
            return Err(format!("has a value of `{name}` with characters beyond visible ASCII"));
        }
        headers.push((name, value.to_owned()));
    }
    Ok(headers)
}

fn from_object(text: &str) -> Result<Vec<(String, String)>, String> {
    // The parser's own words show what it found.
    let Ok(Value::Object(object)) = json_text::parse(text) else {
        return Err("must be a JSON object of strings, or a line `Name: value` for each header".to_owned());
    };
    let pair = |(name, value): (String, Value)| match value {
        Value::String(value) => Some((name, value)),
        _ => None,
    };
    let pairs: Option<Vec<_>> = object.into_iter().map(pair).collect();
    pairs.ok_or_else(|| "must have strings as the values of its JSON object".to_owned())
}

fn from_lines(text: &str) -> Result<Vec<(String, String)>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let pair = |(index, line): (usize, &str)| {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("must be lines `Name: value`; line {} has no colon", index + 1))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    lines.map(pair).collect()
}

fn check_name(number: usize, name: &str) -> Result<(), String> {
    let is_token_letter = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token_letter) {
        return Err(format!("has no valid HTTP name for header {number}"));
    }
    if OURS.contains(&name) || OUR_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(format!("must not have `{name}`: Carillon sets it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check_all(plain: &[(&str, &str)], secrets: &[(&str, &str)], expect: Expect) {
        let items = |pairs: &[(&str, &str)]| -> Items {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let (plain, secrets) = (items(plain), items(secrets));
        let errors = check(&plain, &secrets);
        let shown: Vec<String> = match errors.is_empty() {
            true => {
                headers(&plain, &secrets).iter().map(|(name, value)| format!("{name}: {value}")).collect()
            }
            false => errors.iter().map(ToString::to_string).collect(),
        };
        expect.assert_eq(&shown.join("\n"));
    }

    #[track_caller]
    fn check_headers(text: &str, expect: Expect) {
        check_all(&[], &[(CALLBACK_HEADERS, text)], expect);
    }

    #[test]
    fn an_object_and_lines_are_the_same() {
        check_headers(
            r#"{"X-Tenant": "seven", "Authorization":"Bearer a:b"}"#,
            expect![[r#"
            x-tenant: seven
            authorization: Bearer a:b"#]],
        );
        check_headers(
            "X-Tenant: seven\n\n  Authorization :Bearer a:b\r\n",
            expect![[r#"
            x-tenant: seven
            authorization: Bearer a:b"#]],
        );
        check_headers("", expect![[r#""#]]);
    }

    #[test]
    fn a_name_and_a_password_are_basic_authentication() {
        let password = [(BASIC_PASSWORD, "open sesame")];
        check_all(
            &[(BASIC_USERNAME, "Aladdin")],
            &password,
            expect!["authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
        );
        check_all(&[], &password, expect!["authorization: Basic Om9wZW4gc2VzYW1l"]);
        check_all(&[(BASIC_USERNAME, " ")], &[], expect![[r#""#]]);
    }

    #[test]
    fn an_address_may_have_them_too() {
        let shown = [(CALLBACK_URL, "https://Aladdin:********@app.example/cb")];
        let full = [(CALLBACK_URL, "https://Aladdin:open%20sesame@app.example/cb")];
        for (plain, secrets) in [(&shown[..], &full[..]), (&full[..], &[])] {
            check_all(plain, secrets, expect!["authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]);
        }
        check_all(
            &[shown[0], (BASIC_USERNAME, "a")],
            &[full[0], (CALLBACK_HEADERS, "Authorization: Bearer x")],
            expect![[r#"
                `event.notification.callback.url`: must not have a user name beside `event.notification.basic.username` or `event.notification.basic.password`
                `event.notification.callback.headers`: must not have `authorization` beside a user name or a password"#]],
        );
        let items = |pairs: [(&str, &str); 1]| {
            Items::from(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())))
        };
        assert_eq!(target(&items(shown), &items(full)), "https://app.example/cb");
        assert_eq!(
            target(&items([(CALLBACK_URL, "https://app.example/?a@b")]), &Items::new()),
            "https://app.example/?a@b"
        );
    }

    #[test]
    fn what_is_wrong_is_said_without_values() {
        check_headers(
            "X-One: 1\nsecret",
            expect![
                "`event.notification.callback.headers`: must be lines `Name: value`; line 2 has no colon"
            ],
        );
        check_headers(
            "my secret: 1",
            expect!["`event.notification.callback.headers`: has no valid HTTP name for header 1"],
        );
        check_headers(
            "X-One: 1\nx-one: 2",
            expect!["`event.notification.callback.headers`: must have `x-one` only once"],
        );
        check_headers(
            "X-One: é",
            expect![
                "`event.notification.callback.headers`: has a value of `x-one` with characters beyond visible ASCII"
            ],
        );
        check_headers(
            "Content-Length: 7",
            expect![
                "`event.notification.callback.headers`: must not have `content-length`: Carillon sets it"
            ],
        );
        check_headers(
            "Webhook-Id: 7",
            expect!["`event.notification.callback.headers`: must not have `webhook-id`: Carillon sets it"],
        );
        check_headers(
            "{\"a\": 7}",
            expect![
                "`event.notification.callback.headers`: must have strings as the values of its JSON object"
            ],
        );
        check_headers(
            "{\"a\"",
            expect![
                "`event.notification.callback.headers`: must be a JSON object of strings, or a line `Name: value` for each header"
            ],
        );
        check_headers(
            &(0..21).map(|n| format!("a{n}: 1\n")).collect::<String>(),
            expect!["`event.notification.callback.headers`: must have at most 20 headers"],
        );
        check_headers(
            &format!("a: {}", "b".repeat(8192)),
            expect!["`event.notification.callback.headers`: must have at most 8192 bytes"],
        );
        check_all(
            &[(BASIC_USERNAME, "a:b")],
            &[(BASIC_PASSWORD, "a\nb"), (CALLBACK_HEADERS, "Authorization: Bearer x")],
            expect![[r#"
                `event.notification.basic.username`: must have at most 1024 bytes, no colon and no control character
                `event.notification.basic.password`: must have at most 1024 bytes and no control character
                `event.notification.callback.headers`: must not have `authorization` beside a user name or a password"#]],
        );
    }
}
