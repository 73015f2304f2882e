//! The configuration of an instance, split into what is stored and what is secret, and checked.

use super::Refusal;
use super::stored::settings;
use crate::clients::Client;
use crate::context::Context;
use crate::ports::Secrets;
use chrono::{DateTime, Utc};
use connectors::Connector;
use domain::address;
use domain::instance::Instance;
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use domain::settings::{
    BASIC_PASSWORD, BASIC_USERNAME, CALLBACK_HEADERS, CALLBACK_URL, EVENT_BUS, Items, MASK,
    OAUTH_APPLICATION, OAUTH_CALLBACK_URL, POLLER_CONFIGURATION, POLLER_URLS, PUSH_KEY, SIGNATURE_KEY,
    SIGNATURE_PREVIOUS_KEY, SIGNATURE_PREVIOUS_UNTIL, Settings, given, is_secret,
};
use domain::signature::rotation_until;
use std::sync::Arc;

/// What is stored of a configuration, plain and secret. What counts as a secret by now may have been stored as plain
/// before.
pub(super) fn sorted(stored: &Items, secrets: &Secrets) -> (Items, Secrets) {
    let mut plain = Items::new();
    let mut known = secrets.clone();
    for (key, value) in stored {
        let masked = address::masked(value);
        if is_secret(key) || masked.as_ref().is_some_and(|masked| masked != value) {
            known.entry(key.clone()).or_insert_with(|| value.clone());
        }
        if !is_secret(key) {
            plain.insert(key.clone(), masked.unwrap_or_else(|| value.clone()));
        }
    }
    (plain, known)
}

/// Puts the secret items aside, and whole addresses with credentials in them, of which the masked form is plain. A
/// masked value means "unchanged": what was there before stays. A signature key that
/// is replaced goes on to sign for a while, unless the items say otherwise: `signed_with` is the one from before the
/// request, whatever an earlier try of it has stored since.
pub(super) fn split(
    items: Items,
    before: &Secrets,
    signed_with: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(Items, Secrets), Refusal> {
    let says_otherwise = items.get(SIGNATURE_PREVIOUS_KEY).is_some_and(|key| key != MASK);
    let mut plain = Items::new();
    let mut secrets = before.clone();
    let mut errors = Vec::new();
    let led_to = given(&items, OAUTH_CALLBACK_URL).map(address::check_led_to);
    errors
        .extend(led_to.and_then(Result::err).map(|rule| Invalid::new(OAUTH_CALLBACK_URL, rule.to_string())));
    for (key, value) in items {
        if !is_secret(&key) {
            match shown_and_full(&key, value, before) {
                Ok((shown, full)) => {
                    // An empty text is none.
                    secrets.insert(key.clone(), full.unwrap_or_default());
                    plain.insert(key, shown);
                }
                Err(invalid) => errors.push(invalid),
            }
        } else if value != MASK {
            secrets.insert(key, value);
        } else if !before.contains_key(&key) {
            errors.push(Invalid::new(key, "is masked, but there is no earlier value"));
        }
    }
    secrets.retain(|_, value| !value.is_empty());
    if !says_otherwise {
        rotate(&mut plain, &mut secrets, signed_with, now);
    }
    if errors.is_empty() { Ok((plain, secrets)) } else { Err(Refusal::Invalid(errors)) }
}

/// A plain value as it may be shown; the whole of it beside that, where it is an address with credentials.
fn shown_and_full(key: &str, value: String, before: &Secrets) -> Result<(String, Option<String>), Invalid> {
    match address::masked(&value) {
        None => Ok((value, None)),
        Some(masked) if masked != value => Ok((masked, Some(value))),
        Some(masked) => match before.get(key).and_then(|stored| address::unmasked(&value, stored)) {
            Some(full) => Ok((masked, Some(full))),
            None => {
                Err(Invalid::new(key, "is masked, but there is no earlier value of the same origin and user"))
            }
        },
    }
}

/// What a callback is sent with belongs to the origin that it was given for: who may change the address may not read the
/// secrets by having them sent elsewhere. A mask says "unchanged", which is not enough here. The signature key is kept:
/// it is never sent, and what it signs tells nothing of it.
pub(super) fn check_origin(
    before: &Items,
    asked: &Items,
    plain: &Items,
    secrets: &Secrets,
) -> Result<(), Refusal> {
    let origin = |items: &Items| given(items, CALLBACK_URL).and_then(address::origin);
    let after = origin(plain);
    if after.is_none() || after == origin(before) {
        return Ok(());
    }
    let is_kept = |key: &str| asked.get(key).is_none_or(|value| value == MASK);
    // A name beside a password says little; alone it is a token, as a rule.
    let is_token = !secrets.contains_key(BASIC_PASSWORD) && given(plain, BASIC_USERNAME).is_some();
    let kept = [
        (BASIC_USERNAME, is_token),
        (BASIC_PASSWORD, secrets.contains_key(BASIC_PASSWORD)),
        (CALLBACK_HEADERS, secrets.contains_key(CALLBACK_HEADERS)),
    ];
    let rule = "must be given again, or removed with an empty text: the callback goes to another origin";
    let errors: Vec<Invalid> = kept
        .into_iter()
        .filter(|(key, is_there)| *is_there && is_kept(key))
        .map(|(key, _)| Invalid::new(key, rule))
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(Refusal::Invalid(errors)) }
}

/// Keeps a signature key that was replaced by another one, and says until when it signs.
fn rotate(plain: &mut Items, secrets: &mut Secrets, signed_with: Option<&str>, now: DateTime<Utc>) {
    let Some(former) = signed_with else { return };
    match secrets.get(SIGNATURE_KEY) {
        Some(key) if key == former => {}
        Some(_) => {
            secrets.insert(SIGNATURE_PREVIOUS_KEY.to_owned(), former.to_owned());
            plain.entry(SIGNATURE_PREVIOUS_UNTIL.to_owned()).or_insert_with(|| rotation_until(now));
        }
        // Nothing is signed any more.
        None => drop(secrets.remove(SIGNATURE_PREVIOUS_KEY)),
    }
}

/// Items of one configuration, plain and secret.
const ITEMS_COUNT_MAX: usize = 100;
/// A key, bytes.
const KEY_BYTES_MAX: usize = 256;
/// Plain items with their keys, bytes: with everything else of an instance they have to go into one row of 400 kB,
/// before and after a change into one entry of the audit record, and into a page of a list.
const PLAIN_BYTES_MAX: usize = 128 * 1024;
/// Secrets with their keys, bytes: sealed they have to go into what a host keeps for one secret, 64 kB.
const SECRETS_BYTES_MAX: usize = 32 * 1024;

/// Limits of a configuration as a whole, whatever requests it was put together by.
fn limits(plain: &Items, secrets: &Secrets) -> Vec<Invalid> {
    let bytes = |items: &Items| items.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
    let whole = |is_broken: bool, rule: String| is_broken.then(|| Invalid::new("configuration", rule));
    let count = plain.len() + secrets.len();
    let mut errors: Vec<Invalid> = [
        whole(
            count > ITEMS_COUNT_MAX,
            format!("has more than {ITEMS_COUNT_MAX} items: an empty text removes one"),
        ),
        whole(
            bytes(plain) > PLAIN_BYTES_MAX,
            format!("has items of more than {PLAIN_BYTES_MAX} bytes in all"),
        ),
        whole(
            bytes(secrets) > SECRETS_BYTES_MAX,
            format!("has secrets of more than {SECRETS_BYTES_MAX} bytes in all"),
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    let is_key = |key: &str| (1..=KEY_BYTES_MAX).contains(&key.len());
    if plain.keys().chain(secrets.keys()).any(|key| !is_key(key)) {
        let rule = format!("has a key that is empty or longer than {KEY_BYTES_MAX} bytes");
        errors.push(Invalid::new("configuration", rule));
    }
    errors
}

/// Checks everything about a configuration that can be checked without the provider.
pub(super) fn check(
    app: &Context,
    connector: &Arc<dyn Connector>,
    plain: &Items,
    secrets: &Secrets,
) -> Result<Settings, Refusal> {
    checked(app, connector, (plain, secrets), true)
}

/// The same of a change. What was to be polled before is no reason to refuse what has nothing to do with it: a rule may be
/// newer than the row.
pub(super) fn check_change(
    app: &Context,
    connector: &Arc<dyn Connector>,
    before: &Instance,
    (plain, secrets): (&Items, &Secrets),
) -> Result<Settings, Refusal> {
    let is_other = |key: &&str| given(&before.configuration, key) != given(plain, key);
    let polls_otherwise = [POLLER_CONFIGURATION, POLLER_URLS].iter().any(is_other);
    checked(app, connector, (plain, secrets), polls_otherwise)
}

fn checked(
    app: &Context,
    connector: &Arc<dyn Connector>,
    (plain, secrets): (&Items, &Secrets),
    polls_otherwise: bool,
) -> Result<Settings, Refusal> {
    let mut errors = limits(plain, secrets);
    errors.extend(application_errors(connector, plain, secrets));
    errors.extend(domain::settings::check(plain, secrets));
    let settings = match settings(connector, plain) {
        Ok(settings) => Some(settings),
        Err(more) => {
            errors.extend(more);
            None
        }
    };
    if app.config.require_https_callbacks && given(plain, CALLBACK_URL).is_some_and(address::is_plain_http) {
        errors.push(Invalid::new(CALLBACK_URL, "must be an https address"));
    }
    if settings.as_ref().is_some_and(|settings| settings.bus) && app.ports.bus.is_none() {
        errors.push(Invalid::new(EVENT_BUS, "must be false: there is no event bus here"));
    }
    let resources: &[ResourceConfig] = settings.as_ref().map_or(&[], |settings| &settings.resources);
    let resources = resources.iter().filter(|_| polls_otherwise);
    errors.extend(resources.filter_map(|resource| connector.check(resource).err()));
    if let (Some(push), Some(way)) = (settings.as_ref().and_then(|one| one.push.as_ref()), connector.push()) {
        errors.extend(way.check(push, secrets.get(PUSH_KEY).map(String::as_str)));
    }
    match settings {
        Some(settings) if errors.is_empty() => Ok(settings),
        _ => Err(Refusal::Invalid(errors)),
    }
}

/// An id and secret of its own, or a stored application: one of both.
fn application_errors(connector: &Arc<dyn Connector>, plain: &Items, secrets: &Secrets) -> Vec<Invalid> {
    let authentication = &connector.descriptor().authentication;
    let own = authentication.secrets().iter();
    if given(plain, OAUTH_APPLICATION).is_none() {
        let missing = own.filter(|key| !secrets.contains_key(**key));
        return missing.map(|key| Invalid::new(*key, "is required")).collect();
    }
    if !authentication.has_application() {
        let rule = "means nothing to this connector, which signs in with a key";
        return vec![Invalid::new(OAUTH_APPLICATION, rule)];
    }
    let rule = "must not be given beside `oauth.application`, which has its own";
    own.filter(|key| secrets.contains_key(**key)).map(|key| Invalid::new(*key, rule)).collect()
}

/// What a checked configuration signs in with, as it is stored now.
pub(super) async fn client(
    app: &Context,
    organization_id: u32,
    connector: &Arc<dyn Connector>,
    (plain, secrets): (&Items, &Secrets),
) -> Result<Client, Refusal> {
    let client = app.clients.now(organization_id, plain, secrets).await?;
    let client = client.ok_or_else(no_application)?;
    match &client.stored {
        Some(stored) if stored.connector != connector.descriptor().key => {
            let rule = format!("is an application of the connector `{}`", stored.connector);
            Err(Refusal::rule(OAUTH_APPLICATION, rule))
        }
        _ => Ok(client),
    }
}

/// There is none of that name.
pub(super) fn no_application() -> Refusal {
    Refusal::rule(OAUTH_APPLICATION, "is not the name of a stored application")
}

/// What a user was sent back with. No `Debug`: it is secret.
#[derive(Clone)]
pub(crate) struct SignInCode {
    pub(crate) code: String,
    /// PKCE's, where the address of the sign-in had a challenge.
    pub(crate) verifier: Option<String>,
    /// What counts once in the organization, such as the state of the sign-in.
    pub(crate) once: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::settings::CALLBACK_HEADERS;

    fn items(pairs: &[(&str, &str)]) -> Items {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800, 0).unwrap()
    }

    #[track_caller]
    fn check(
        before: &[(&str, &str)],
        change: &[(&str, &str)],
        plain: &[(&str, &str)],
        after: &[(&str, &str)],
    ) {
        let before = items(before);
        let signed_with = before.get(SIGNATURE_KEY).map(String::as_str);
        let split = split(items(change), &before, signed_with, now()).unwrap();
        assert_eq!(split, (items(plain), items(after)));
    }

    #[test]
    fn a_replaced_signature_key_signs_for_another_day() {
        check(
            &[(SIGNATURE_KEY, "old")],
            &[(SIGNATURE_KEY, "new")],
            &[(SIGNATURE_PREVIOUS_UNTIL, "2026-11-23T12:00:00Z")],
            &[(SIGNATURE_KEY, "new"), (SIGNATURE_PREVIOUS_KEY, "old")],
        );
        check(
            &[(SIGNATURE_KEY, "old"), (SIGNATURE_PREVIOUS_KEY, "older")],
            &[
                (SIGNATURE_KEY, "new"),
                (SIGNATURE_PREVIOUS_KEY, MASK),
                (SIGNATURE_PREVIOUS_UNTIL, "2026-11-22T12:00:00Z"),
            ],
            &[(SIGNATURE_PREVIOUS_UNTIL, "2026-11-22T12:00:00Z")],
            &[(SIGNATURE_KEY, "new"), (SIGNATURE_PREVIOUS_KEY, "old")],
        );
        let chosen = [(SIGNATURE_KEY, "new"), (SIGNATURE_PREVIOUS_KEY, "chosen")];
        check(&[(SIGNATURE_KEY, "old")], &chosen, &[], &chosen);
    }

    #[test]
    fn a_signature_key_that_stays_or_goes_leaves_no_former_one() {
        let old = [(SIGNATURE_KEY, "old")];
        check(&old, &[(SIGNATURE_KEY, MASK)], &[], &old);
        check(&old, &[(SIGNATURE_KEY, "old")], &[], &old);
        check(&[], &old, &[], &old);
        check(&[(SIGNATURE_KEY, "old"), (SIGNATURE_PREVIOUS_KEY, "older")], &[(SIGNATURE_KEY, "")], &[], &[]);
    }

    #[test]
    fn a_configuration_has_limits_as_a_whole() {
        let many = |count: usize, bytes: usize| -> Items {
            (0..count).map(|number| (format!("key-{number:03}"), "x".repeat(bytes - 7))).collect()
        };
        let none = Items::new();
        assert!(limits(&many(50, 100), &many(50, 100)).is_empty());
        assert_eq!(limits(&many(50, 100), &many(51, 100)).len(), 1);
        assert!(limits(&many(2, 64 * 1024), &many(1, 32 * 1024)).is_empty());
        assert_eq!(limits(&many(2, 64 * 1024 + 1), &none).len(), 1);
        assert_eq!(limits(&none, &many(1, 32 * 1024 + 1)).len(), 1);
        for key in [String::new(), "k".repeat(257)] {
            assert_eq!(limits(&Items::from([(key, "x".to_owned())]), &none).len(), 1);
        }
    }

    #[test]
    fn callback_headers_are_secret() {
        let headers = [(CALLBACK_HEADERS, "X-Key: 1")];
        check(&[], &headers, &[], &headers);
        assert!(split(items(&[(CALLBACK_HEADERS, MASK)]), &Secrets::new(), None, now()).is_err());
    }
}
