//! The world's public API, called as a client does.

use super::{AUTHORIZATION, CALLBACK, SIGNATURE_KEY, World};
use app::ports::Accounts as _;
use app::sealing::Lookup;
use app::{App, Config, Downloads};
use axum::body::Body;
use axum::response::Response;
use domain::ids::InstanceId;
use doubles::Application;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

pub(crate) const GMAIL_USER: &str = "ada@example.com";
pub(crate) const OUTLOOK_USER: &str = "grace@example.com";

/// An answer of the API.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    /// The instance that a successful reply shows.
    #[track_caller]
    pub(crate) fn instance_id(&self) -> InstanceId {
        assert_eq!(self.status, 200, "{}", self.body);
        InstanceId::parse(&self.body["id"].to_string()).unwrap()
    }

    /// Refused in the documented shape: an id of 24 hexadecimal digits, also in the header, and a message.
    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.body);
        let request_id = self.body["requestId"].as_str().unwrap_or("no body in the documented shape");
        assert!(request_id.len() == 24 && request_id.chars().all(|c| c.is_ascii_hexdigit()), "{request_id}");
        assert_eq!(self.headers["elements-request-id"], request_id);
        assert!(!self.body["message"].as_str().unwrap().is_empty());
        assert!(self.headers["content-type"].to_str().unwrap().starts_with("application/json"));
    }
}

impl World {
    /// Calls the API with these credentials.
    pub(crate) async fn call_as(&self, authorization: &str, method: &str, path: &str, body: &str) -> Reply {
        call(&self.app, authorization, method, path, body).await
    }

    /// Changes something on another process.
    pub(crate) async fn patch_on(&self, app: &app::App, path: &str, body: &Value) -> Reply {
        call(app, AUTHORIZATION, "PATCH", path, &body.to_string()).await
    }

    /// Calls the API of another process.
    pub(crate) async fn call_on(&self, app: &app::App, method: &str, path: &str) -> Reply {
        call(app, AUTHORIZATION, method, path, "").await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> Reply {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.call_as(AUTHORIZATION, method, path, &text).await
    }

    /// Lets in a user of another organization with these secrets.
    pub(crate) async fn admit_another(&self, user: &str, organization: &str) {
        let user = self.sealer.lookup_hash(Lookup::User, user);
        let organization = self.sealer.lookup_hash(Lookup::Organization, organization);
        self.store.add_organization(&organization, &user).await.unwrap();
    }

    /// The number of one series, as `name{label="value"}`; a series that is not there is a mistake of the test.
    pub(crate) async fn number(&self, series: &str) -> f64 {
        let text = self.metrics().text().await.unwrap();
        let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
    }

    /// Reads what must be there.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let reply = self.call("GET", path, &Value::Null).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }

    /// The instance, as the API shows it.
    pub(crate) async fn shown(&self, id: InstanceId) -> Value {
        self.get(&format!("/instances/{id}")).await
    }

    /// Changes an instance; the change must be accepted.
    pub(crate) async fn patch(&self, id: InstanceId, body: &Value) -> Value {
        let reply = self.call("PATCH", &format!("/instances/{id}"), body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        self.run_until_idle().await;
        reply.body
    }

    /// Creates an instance that must be accepted.
    pub(crate) async fn create(&self, body: &Value) -> InstanceId {
        let reply = self.call("POST", "/instances", body).await;
        let id = reply.instance_id();
        self.run_until_idle().await;
        id
    }

    pub(crate) async fn create_gmail(&self) -> InstanceId {
        self.create(&gmail_body(&self.google.new_code(GMAIL_USER))).await
    }

    pub(crate) async fn create_outlook(&self) -> InstanceId {
        self.create(&outlook_body(&self.microsoft.new_code(OUTLOOK_USER))).await
    }

    /// A refresh token, got from the provider as another program would.
    pub(crate) async fn refresh_token(&self) -> String {
        self.google_tokens().await["refresh_token"].as_str().unwrap().to_owned()
    }

    /// What Google's token endpoint gives another program.
    pub(crate) async fn google_tokens(&self) -> Value {
        let code = self.google.new_code(GMAIL_USER);
        let form = format!(
            "grant_type=authorization_code&code={}&redirect_uri=x&client_id={}&client_secret={}",
            code.replace('/', "%2F"),
            doubles::CLIENT_ID,
            doubles::CLIENT_SECRET
        );
        let request = http::Request::post("http://google.test/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        let response = self.google.router().oneshot(request).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The events that arrived since the last look: (type, object id), in the order of arrival.
    pub(crate) fn arrived(&self) -> Vec<(String, String)> {
        let mut events = Vec::new();
        for received in self.receiver.take().iter().filter(|received| received.answered == 200) {
            assert!(self.receiver.verify(SIGNATURE_KEY.as_bytes(), received), "a signature is wrong");
            let body: Value = serde_json::from_slice(&received.body).unwrap();
            for event in body["message"]["events"].as_array().unwrap() {
                let text = |key: &str| event[key].as_str().unwrap().to_owned();
                events.push((text("eventType"), text("objectId")));
            }
        }
        events
    }
}

const APPLICATION: Application<'static> = Application {
    callback: CALLBACK,
    signature_key: SIGNATURE_KEY,
    interval_min: 15,
    name: "API Instance with Polling",
    tag: "Docs",
};

/// The Gmail sample, filled in.
pub(crate) fn gmail_body(code: &str) -> Value {
    body_of("gmail", code)
}

/// The Outlook sample, filled in.
pub(crate) fn outlook_body(code: &str) -> Value {
    body_of("outlookemail", code)
}

/// The sample of a connector, filled in.
pub(crate) fn body_of(connector: &str, code: &str) -> Value {
    let nowhere = doubles::Providers::new(&doubles::Clock::new(|| 0), 0);
    APPLICATION.body(nowhere.double(connector).as_ref(), code)
}

impl World {
    /// An answer as it comes.
    pub(crate) async fn open_as(&self, authorization: &str, path: &str) -> Response {
        send(&self.app, authorization, "GET", path, "").await
    }

    /// The same of another process.
    pub(crate) async fn open_on(&self, app: &App, authorization: &str, path: &str) -> Response {
        send(app, authorization, "GET", path, "").await
    }

    /// Another process, whose answers have to be held whole.
    pub(crate) fn another_process_holding(&self, bytes_max: usize, longer_at: Option<&str>) -> App {
        let parts = self.assembly(&self.gate);
        let downloads = Downloads::Held { bytes_max, longer_at: longer_at.map(str::to_owned) };
        App::new(parts.ports(), self.sealer.clone(), Config { downloads, ..parts.config() })
    }
}

async fn call(app: &app::App, authorization: &str, method: &str, path: &str, body: &str) -> Reply {
    let (parts, body) = send(app, authorization, method, path, body).await.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Reply { status: parts.status.as_u16(), headers: parts.headers, body }
}

async fn send(app: &app::App, authorization: &str, method: &str, path: &str, body: &str) -> Response {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("http://carillon.test{}{path}", ::app::api::BASE_PATH))
        .header("authorization", authorization)
        .header("content-type", "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap();
    app.router().oneshot(request).await.unwrap()
}
