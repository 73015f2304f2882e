//! An interface with one connector that nobody has heard of, and a browser that fills in its form.

use super::{Browser, HOSTILE, PageSeen};
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// Where providers lead back to.
pub(super) const BACK: &str = "http://console.example/oauth/callback";
/// By the page itself: a redirect after a form would be held against the policy, at each site on its way.
pub(super) const ON_TO_THE_LOGIN: &str =
    "<meta http-equiv=\"refresh\" content=\"0; url=https://login.example/authorize\">";
pub(super) const POLLER: &str = r#"{"messages":{"url":"/hubs/x/messages","idField":"id","size":7}}"#;

/// The browser, with what the interface was sent, and what it is to refuse.
pub(super) struct Connecting {
    pub(super) browser: Browser,
    pub(super) sent: Arc<Mutex<Vec<(String, Value)>>>,
    pub(super) refusal: Arc<Mutex<Option<(u16, Value)>>>,
}

impl Connecting {
    pub(super) async fn new() -> Self {
        let (sent, refusal) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<Mutex<Option<_>>>::default());
        let (log, refuses) = (sent.clone(), refusal.clone());
        let api = Router::new().fallback(move |request: Request| {
            let (log, refuses) = (log.clone(), refuses.clone());
            async move {
                let (parts, body) = request.into_parts();
                let bytes: Bytes = axum::body::to_bytes(body, 1 << 24).await.unwrap();
                let path = parts.uri.to_string().strip_prefix("/elements/api-v2").unwrap().to_owned();
                let asked = format!("{} {path}", parts.method);
                log.lock().unwrap().push((asked.clone(), serde_json::from_slice(&bytes).unwrap_or_default()));
                answer(&asked, &refuses.lock().unwrap())
            }
        });
        let browser = Browser::on(api, Arc::default(), None);
        assert_eq!(browser.get("/sign-in/once?key=once").await.status, StatusCode::SEE_OTHER);
        sent.lock().unwrap().clear();
        Connecting { browser, sent, refusal }
    }

    /// Bodies of what was sent to an address, and forgets all.
    pub(super) fn sent_to(&self, asked: &str) -> Vec<Value> {
        let all = std::mem::take(&mut *self.sent.lock().unwrap());
        all.into_iter().filter(|(known, _)| known == asked).map(|(_, body)| body).collect()
    }

    /// All of it, and forgets it.
    pub(super) fn all_sent(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }

    pub(super) fn refuse(&self, status: u16, message: &str) {
        self.refuse_with(status, json!({ "message": message }));
    }

    pub(super) fn refuse_with(&self, status: u16, body: Value) {
        *self.refusal.lock().unwrap() = Some((status, body));
    }

    /// Fills in the form at an address as a browser without the script does, with these fields otherwise.
    pub(super) async fn fill(&self, path: &str, others: &[(&str, &str)]) -> PageSeen {
        let form = self.browser.get(path).await;
        let token = form.form_token();
        let mut fields = vec![("form_token", token.as_str()), ("name", "Mine"), ("tags", "a, b")];
        fields.extend([
            ("item.oauth.api.key", "client"),
            ("item.oauth.api.secret", "hush"),
            ("item.event.notification.enabled", "true"),
            ("item.event.notification.callback.url", "https://app.example/events"),
            ("item.event.poller.refresh_interval", "15"),
            ("item.event.poller.configuration", POLLER),
            ("poll.base", POLLER),
            ("poll.0.name", "labels"),
            ("poll.0.entry", r#"{"url":"/hubs/x/labels","idField":"id"}"#),
            ("poll.0.url", "/hubs/x/labels"),
            ("poll.0.idField", "id"),
            ("poll.1.name", "messages"),
            ("poll.1.on", "true"),
            ("poll.1.entry", r#"{"url":"/hubs/x/messages","idField":"id","size":7}"#),
            ("poll.1.url", "/hubs/x/messages"),
            ("poll.1.idField", "id"),
            ("do", "go"),
        ]);
        fields.retain(|(name, _)| !others.iter().any(|(other, _)| other == name));
        fields.extend_from_slice(others);
        self.browser.post(path, &fields).await
    }

    /// Begins a sign-in; gives the state it has.
    pub(super) async fn begin(&self) -> String {
        let begun = self.fill("/connect/pigeon", &[]).await;
        assert!(begun.text.contains("url=https://login.example/authorize"), "{}", begun.text);
        let asked = self.sent_to("POST /elements/pigeon/oauth/url");
        asked.last().unwrap()["state"].as_str().unwrap().to_owned()
    }
}

fn answer(asked: &str, refusal: &Option<(u16, Value)>) -> Response {
    let refused = |body: Value| match refusal {
        Some((status, body)) => (StatusCode::from_u16(*status).unwrap(), Json(body.clone())).into_response(),
        None => Json(body).into_response(),
    };
    let login = json!({ "oauthUrl": "https://login.example/authorize", "element": "pigeon" });
    match asked {
        "POST /sessions/link" | "POST /sessions" => Json(super::session()).into_response(),
        "GET /elements" => Json(json!([
            { "key": "pigeon", "name": "Pigeon", "description": HOSTILE, "hub": "x" }
        ]))
        .into_response(),
        "GET /elements/pigeon/configuration" => Json(items()).into_response(),
        "GET /elements/pigeon/metadata" => Json(metadata()).into_response(),
        "GET /applications?pageSize=200" => Json(json!([])).into_response(),
        "GET /applications?pageSize=40" => Json(json!([stored(2)])).into_response(),
        "GET /applications/lofts" => Json(stored(2)).into_response(),
        // A page may be empty, and lead to another one.
        "GET /instances?application=lofts&pageSize=20" => {
            ([("elements-next-page-token", "on")], Json(json!([]))).into_response()
        }
        "GET /instances?application=lofts&pageSize=20&nextPage=on" => Json(json!([named("Mine", "lofts")])).into_response(),
        "PATCH /applications/lofts" => refused(stored(2)),
        "DELETE /applications/lofts" => StatusCode::OK.into_response(),
        "POST /instances/test-event" => Json(json!({
            "eventId": "test-1", "taken": true, "status": 200, "error": null, "durationMilliseconds": 41, "signed": false
        }))
        .into_response(),
        "GET /instances?pageSize=10&hydrate=false" => Json(json!([])).into_response(),
        "GET /instances/7/events?pageSize=1" => Json(json!([])).into_response(),
        "POST /applications?dryRun=true" => Json(json!({ "name": "lofts" })).into_response(),
        // Else what is refused comes after it.
        "POST /applications" if !matches!(refusal, Some((409, _))) => Json(json!({ "name": "lofts" })).into_response(),
        "POST /applications" => refused(Value::Null),
        "POST /elements/pigeon/oauth/url" => Json(login).into_response(),
        "POST /instances?dryRun=true" => refused(json!({ "dryRun": true, "resources": {} })),
        "POST /instances" => refused(json!({ "id": 7, "trial": { "messages": { "records": 1 } } })),
        "GET /instances/7" => Json(instance()).into_response(),
        "GET /instances/8" => Json(ill("failing")).into_response(),
        "GET /instances/9" => Json(ill("backingOff")).into_response(),
        "PATCH /instances/7?dryRun=true" => Json(json!({
            "resources": { "messages": { "method": "dates", "records": 5, "withId": 4 } }
        }))
        .into_response(),
        "PATCH /instances/7" | "PATCH /instances/7?confirmMailbox=true" => refused(instance()),
        path if path.starts_with("GET /instances/7/oauth/url?") => Json(login).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn stored(instances_count: u64) -> Value {
    json!({
        "name": "lofts", "connector": "pigeon", "apiKey": HOSTILE, "apiSecret": "********", "tenant": HOSTILE,
        "instancesCount": instances_count, "createdDate": "2026-11-22T11:00:00Z", "updatedDate": "2026-11-22T11:00:00Z",
    })
}

fn named(name: &str, application: &str) -> Value {
    json!({ "id": 7, "name": name, "configuration": { "oauth.application": application } })
}

fn items() -> Value {
    let item = |key: &str, name: &str, kind: &str, group: &str, order: u32, more: Value| {
        let mut item = json!({
            "key": key, "name": name, "type": kind, "groupName": group, "displayOrder": order,
            "description": "What it is.", "active": true,
        });
        for (key, value) in more.as_object().unwrap() {
            item[key] = value.clone();
        }
        item
    };
    let (application, optional, events) = ("Authentication", "Optional Fields", "Event Configuration");
    let required = json!({ "required": true });
    // Not in their order: the form has to put them into it.
    json!([
        item(
            "event.poller.configuration",
            "Configure Polling",
            "TEXTAREA",
            events,
            104,
            json!({ "defaultValue": POLLER })
        ),
        item(
            "event.poller.refresh_interval",
            "Event poller refresh interval (mins)",
            "TEXTFIELD_32",
            events,
            103,
            json!({ "defaultValue": "15" })
        ),
        item(
            "event.notification.callback.url",
            "Event Notification Callback URL",
            "TEXTFIELD_1000",
            events,
            102,
            json!({})
        ),
        item(
            "event.notification.enabled",
            "Event Notifications Enabled",
            "BOOLEAN",
            events,
            101,
            json!({ "defaultValue": "false" })
        ),
        item(
            "event.vendor.type",
            "Vendor Event Type",
            "TEXTFIELD_32",
            events,
            100,
            json!({ "hideFromConsole": true })
        ),
        item("event.vendor.push.topic", "Push topic", "TEXTFIELD_1000", events, 107, json!({})),
        item(
            "event.notification.signature.key",
            "Callback Notification Signature Key",
            "PASSWORD",
            optional,
            11,
            json!({})
        ),
        item("loft", HOSTILE, "TEXTFIELD_32", application, 3, required.clone()),
        item("oauth.api.secret", "API Secret", "PASSWORD", application, 2, required.clone()),
        item("oauth.api.key", "API Key", "TEXTFIELD_1000", application, 1, required.clone()),
        item("oauth.application", "Application", "TEXTFIELD_128", application, 6, json!({})),
        item("oauth.scope", "OAuth Scope", "TEXTFIELD_1000", application, 4, json!({})),
        item("oauth.callback.url", "Callback URL", "TEXTFIELD_1000", application, 3, required),
        item("hidden", "Never asked", "TEXTFIELD_32", optional, 12, json!({ "hideFromConsole": true })),
    ])
}

fn metadata() -> Value {
    json!({
        "key": "pigeon", "name": "Pigeon",
        "events": { "methods": ["polling"], "polling": {
            "intervalMinutes": { "minimum": 1, "maximum": 1440 },
            "resources": {
                "labels": { "url": "/hubs/x/labels", "idField": "id" },
                "messages": { "url": "/hubs/x/messages", "idField": "id", "size": 7 },
            },
        } },
        "resources": [
            { "name": "labels", "scopes": ["coo.labels"] }, { "name": "messages", "scopes": ["coo.messages"] },
        ],
        "registration": {
            "address": "https://loft.example", "steps": ["Build a loft."], "consent": "Ask the keeper.",
            "requiredScopes": [], "hasTenants": false,
            "refusals": [{ "code": "no_corn", "cause": "No corn.", "remedy": "Bring corn." }],
        },
    })
}

fn instance() -> Value {
    json!({
        "id": 7, "name": "Mine", "token": "the-token", "element": { "key": "pigeon", "name": "Pigeon" },
        "tags": ["a", "b"], "configuration": {
            "oauth.api.key": "********", "oauth.api.secret": "********",
            "event.notification.enabled": "true", "event.poller.refresh_interval": "15",
            "event.notification.callback.url": "https://app.example/it's",
            "oauth.scope": "coo.attic",
            "event.poller.configuration": POLLER, "oauth.callback.url": "https://other.example/back",
        },
    })
}

/// One whose polls the provider refuses, with this status.
fn ill(status: &str) -> Value {
    json!({
        "id": 8, "name": "Ill", "element": { "key": "pigeon", "name": "Pigeon" }, "tags": [], "configuration": {},
        "valid": true, "disabled": false, "eventsEnabled": true,
        "health": { "status": status, "reason": "the loft answered 403" },
        "resources": [{ "name": "messages", "instanceId": 8, "failures": 12, "error": "the loft answered 403 no_corn" }],
    })
}
