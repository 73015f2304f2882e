//! Push by Graph's change notifications: a subscription for each collection that is polled.
//!
//! <https://learn.microsoft.com/en-us/graph/api/resources/change-notifications-api-overview>

use super::Outlook;
use super::api::{encoded, read, request};
use super::error::classify;
use crate::error::{Error, ErrorKind};
use crate::http::Method;
use crate::push::{Addressee, Arrival, Notice, NoticeKind, Proof, Push, PushRequest, WatchRequest};
use crate::{Call, values};
use async_trait::async_trait;
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use domain::invalid::Invalid;
use domain::push::{Demand, Target, Watch};
use domain::resource::ResourceConfig;
use domain::settings::PushSettings;
use serde::Deserialize;
use serde_json::{Value, json};

/// Life of a subscription, minutes: Graph takes at most 10,080 for what Outlook has,
/// <https://learn.microsoft.com/en-us/graph/api/resources/subscription#subscription-lifetime>. Less by an hour, since
/// clocks differ and a refused request is a lost one.
const LIFE_MIN: i64 = 10_080 - 60;
const CHANGE_TYPES: &str = "created,updated,deleted";
/// Pages read of our application's subscriptions.
const LIST_PAGES_MAX: usize = 10;
/// Letters of a text that a handshake wants back: Graph's have some two hundred.
const HANDSHAKE_BYTES_MAX: usize = 4 * 1024;

#[async_trait]
impl Push for Outlook {
    fn check(&self, settings: &PushSettings, key: Option<&str>) -> Vec<Invalid> {
        let given = [
            ("event.vendor.push.topic", settings.topic.is_some()),
            ("event.vendor.push.subscription", settings.subscription.is_some()),
            ("event.vendor.push.account", settings.account.is_some()),
            ("event.vendor.push.key", key.is_some()),
        ];
        let rule = "has no effect: Microsoft sends its notices to Carillon directly";
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(key, _)| Invalid::new(key, rule)).collect()
    }

    fn targets(&self, _settings: &PushSettings, resources: &[ResourceConfig]) -> Result<Vec<Target>, String> {
        let mut targets: Vec<Target> = Vec::new();
        for name in resources.iter().flat_map(collections) {
            if targets.iter().all(|known| known.name != name) {
                targets.push(Target { name, parts: [].into() });
            }
        }
        match targets.is_empty() {
            true => {
                Err("Microsoft has notices of messages, contacts and events only, and none of them is polled"
                    .to_owned())
            }
            false => Ok(targets),
        }
    }

    fn needs_public_url(&self, _settings: &PushSettings) -> bool {
        true
    }

    async fn watch(&self, call: &Call<'_>, request: &WatchRequest<'_>) -> Result<Watch, Error> {
        if let Some(known) = request.known
            && let Some(watch) = renewed(call, known).await?
        {
            return Ok(watch);
        }
        match created(call, request).await? {
            Some(watch) => Ok(watch),
            None => replaced(call, request).await,
        }
    }

    fn ends_with_token(&self) -> bool {
        true
    }

    async fn unwatch(&self, call: &Call<'_>, watch: &Watch) -> Result<(), Error> {
        unwatched(call, watch).await
    }

    fn read(&self, request: &PushRequest<'_>) -> Arrival {
        let mut query = url::form_urlencoded::parse(request.query.as_bytes());
        if let Some((_, token)) = query.find(|(name, _)| name == "validationToken") {
            return match token.len() {
                1..=HANDSHAKE_BYTES_MAX => Arrival::Handshake(token.into_owned()),
                _ => Arrival::Unreadable,
            };
        }
        match serde_json::from_slice::<Notices>(request.body) {
            Ok(notices) => Arrival::Notices(notices.value.into_iter().filter_map(notice).collect()),
            Err(_) => Arrival::Unreadable,
        }
    }
}

/// What Graph is to watch for a resource: the one folder that its condition names, or all of them.
fn collections(resource: &ResourceConfig) -> Vec<String> {
    let never = DateTime::UNIX_EPOCH;
    let Ok(read) = resource.read_at(never, never) else { return Vec::new() };
    let folders = values::required(&read.conditions, "parentFolderId");
    match super::descriptor::DESCRIPTOR.resource(&read.resource).map(|found| found.name) {
        Some("messages") => match folders.as_slice() {
            [folder] if !folder.contains(['\'', '/']) => vec![format!("me/mailFolders('{folder}')/messages")],
            _ => vec!["me/messages".to_owned()],
        },
        Some("contacts") => vec!["me/contacts".to_owned()],
        Some("events") => vec!["me/events".to_owned()],
        _ => Vec::new(),
    }
}

fn expiration(now: DateTime<Utc>) -> String {
    (now + Duration::minutes(LIFE_MIN)).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The address of a subscription.
fn of(call: &Call<'_>, watch: &Watch) -> Result<String, Error> {
    let id = watch.state["id"].as_str();
    let id = id.ok_or_else(|| Error::malformed("stored subscription", "it has no id"))?;
    Ok(format!("{}/subscriptions/{}", call.api_url, encoded(id)))
}

/// Ends a subscription.
async fn unwatched(call: &Call<'_>, watch: &Watch) -> Result<(), Error> {
    let response = request(call, Method::Delete, &of(call, watch)?, None).await?;
    match response.status {
        200..=299 | 404 | 410 => Ok(()),
        _ => Err(classify(&response, call.now)),
    }
}

/// Renews a subscription with the grant behind it; `None`: there is none any more.
///
/// `/reauthorize` would renew the grant alone, but Graph takes no PATCH within ten minutes of it, nor the reverse, and a
/// request whose answer got lost may have been either. So it is always this one:
/// <https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events#responding-to-reauthorizationrequired-notifications>
async fn renewed(call: &Call<'_>, known: &Watch) -> Result<Option<Watch>, Error> {
    let body = json!({ "expirationDateTime": expiration(call.now) });
    let response = request(call, Method::Patch, &of(call, known)?, Some(&body)).await?;
    match response.status {
        200..=299 => watch_of(&read(&response)?).map(Some),
        404 | 410 => Ok(None),
        _ => Err(classify(&response, call.now)),
    }
}

/// Makes a subscription; `None`: our application has one of this collection.
async fn created(call: &Call<'_>, wanted: &WatchRequest<'_>) -> Result<Option<Watch>, Error> {
    let address = address(wanted)?;
    let body = json!({
        "changeType": CHANGE_TYPES,
        "notificationUrl": address,
        "lifecycleNotificationUrl": address,
        "resource": wanted.target,
        "expirationDateTime": expiration(call.now),
        "clientState": wanted.secret,
    });
    let url = format!("{}/subscriptions", call.api_url);
    let response = request(call, Method::Post, &url, Some(&body)).await?;
    match response.status {
        200..=299 => watch_of(&read(&response)?).map(Some),
        409 => Ok(None),
        _ => Err(classify(&response, call.now)),
    }
}

fn address<'a>(wanted: &WatchRequest<'a>) -> Result<&'a str, Error> {
    wanted.address.ok_or_else(|| Error::new(ErrorKind::Rejected, "there is no public address for notices"))
}

/// Replaces the subscription that stood in the way, if its notices come to us: then it is of a creation whose answer got
/// lost, or of an earlier database. Which of them can't be told, since Graph does not show the secret that it brings back,
/// and with another secret its notices would be refused. Another installation's is left alone.
async fn replaced(call: &Call<'_>, wanted: &WatchRequest<'_>) -> Result<Watch, Error> {
    let address = address(wanted)?;
    let mut next = Some(format!("{}/subscriptions", call.api_url));
    for _ in 0..LIST_PAGES_MAX {
        let Some(url) = next else { break };
        let response = request(call, Method::Get, &url, None).await?;
        if response.status != 200 {
            return Err(classify(&response, call.now));
        }
        let page = read(&response)?;
        let rows = page["value"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_ours = |row: &&Value| {
            let resource = row["resource"].as_str().unwrap_or_default().trim_start_matches('/');
            resource.eq_ignore_ascii_case(wanted.target) && row["notificationUrl"] == address
        };
        if let Some(row) = rows.iter().find(is_ours) {
            unwatched(call, &watch_of(row)?).await?;
            let watch = created(call, wanted).await?;
            return watch.ok_or_else(|| Error::new(ErrorKind::Unavailable, "another one was made just now"));
        }
        let own_host = format!("{}/", call.api_url);
        next = page["@odata.nextLink"].as_str().filter(|link| link.starts_with(&own_host)).map(str::to_owned);
    }
    Err(Error::new(
        ErrorKind::Rejected,
        "another installation with the same application has a subscription of this mailbox, and gets its notices",
    ))
}

fn watch_of(row: &Value) -> Result<Watch, Error> {
    let until = row["expirationDateTime"].as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    match (row["id"].as_str(), until) {
        (Some(id), Some(until)) => Ok(Watch { state: json!({ "id": id }), until: until.to_utc() }),
        _ => Err(Error::malformed("subscription", "it has no id or no end")),
    }
}

#[derive(Deserialize)]
struct Notices {
    value: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    subscription_id: String,
    client_state: String,
    #[serde(default)]
    lifecycle_event: Option<String>,
}

/// One entry of a batch; an odd one spoils nothing but itself.
fn notice(value: Value) -> Option<Notice> {
    let raw = Raw::deserialize(value).ok()?;
    let news = match raw.lifecycle_event.as_deref() {
        Some("reauthorizationRequired") => NoticeKind::Demands(Demand::Reauthorize),
        Some("subscriptionRemoved") => NoticeKind::Demands(Demand::Anew),
        // Also `missed`, and what there may be one day.
        _ => NoticeKind::Changed,
    };
    Some(Notice {
        addressee: Addressee::OfSecret,
        proof: Proof::Secret(raw.client_state),
        watch: Some(json!({ "id": raw.subscription_id })),
        news,
        position: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn targets(entries: &[(&str, &str)], expected: Result<&[&str], ()>) {
        let resources: Vec<ResourceConfig> = entries
            .iter()
            .map(|(name, url)| ResourceConfig::parse(name, &json!({ "url": url })).unwrap())
            .collect();
        let targets = Outlook.targets(&PushSettings::default(), &resources);
        let names = targets.map(|targets| targets.into_iter().map(|one| one.name).collect::<Vec<_>>());
        assert_eq!(
            names.map_err(drop),
            expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect())
        );
    }

    #[test]
    fn each_collection_that_graph_can_watch_is_watched_once() {
        targets(&[("messages", "/messages")], Ok(&["me/messages"]));
        targets(&[("a", "/messages"), ("b", "/changed-messages")], Ok(&["me/messages"]));
        targets(&[("contacts", "/contacts"), ("events", "/events")], Ok(&["me/contacts", "me/events"]));
        targets(&[("m", "/messages?where=ParentFolderId='f1'")], Ok(&["me/mailFolders('f1')/messages"]));
        targets(&[("m", "/messages?where=ParentFolderId IN ('f1','f2')")], Ok(&["me/messages"]));
        targets(&[("m", "/messages?where=ParentFolderId='f1' OR IsRead=true")], Ok(&["me/messages"]));
        targets(&[("folders", "/folders"), ("m", "/messages")], Ok(&["me/messages"]));
        targets(&[("folders", "/folders")], Err(()));
    }

    fn arrival(query: &str, body: &str) -> Arrival {
        Outlook.read(&PushRequest { query, authorization: None, body: body.as_bytes() })
    }

    #[test]
    fn a_handshake_is_answered_decoded() {
        let token = "Validation: Testing client application reachability for subscription Request-Id: a+b";
        let query = "validationToken=Validation%3a+Testing+client+application+reachability+for+subscription+Request-Id%3a+a%2bb";
        assert_eq!(arrival(query, ""), Arrival::Handshake(token.to_owned()));
        assert_eq!(arrival("validationToken=", ""), Arrival::Unreadable);
        assert_eq!(arrival(&format!("validationToken={}", "a".repeat(5_000)), ""), Arrival::Unreadable);
    }

    #[test]
    fn a_batch_is_read_entry_by_entry() {
        let body = json!({ "value": [
            { "subscriptionId": "s1", "clientState": "c1", "changeType": "created", "resource": "x" },
            { "subscriptionId": 7 },
            { "subscriptionId": "s2", "clientState": "c2", "lifecycleEvent": "reauthorizationRequired" },
            { "subscriptionId": "s3", "clientState": "c3", "lifecycleEvent": "subscriptionRemoved" },
            { "subscriptionId": "s4", "clientState": "c4", "lifecycleEvent": "missed" },
        ] });
        let Arrival::Notices(notices) = arrival("", &body.to_string()) else { panic!("no notices") };
        let news: Vec<NoticeKind> = notices.iter().map(|notice| notice.news).collect();
        let demands = [Demand::Reauthorize, Demand::Anew].map(NoticeKind::Demands);
        assert_eq!(news, [NoticeKind::Changed, demands[0], demands[1], NoticeKind::Changed]);
        assert!(notices[0].proof == Proof::Secret("c1".to_owned()));
        assert_eq!(arrival("", "{}"), Arrival::Unreadable);
        assert_eq!(arrival("", "<html>"), Arrival::Unreadable);
    }
}
