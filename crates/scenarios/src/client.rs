//! An application: it calls the interface and nothing else.

use crate::callback::Callback;
use crate::document::{BASE_PATH, Document};
use crate::mailbox::Mailbox;
use doubles::Application;
use http::HeaderMap;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Above the longest work in a request.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Pages of one list at the most: a list that does not end is wrong.
const PAGES_COUNT_MAX: usize = 100;

/// Somebody who may call.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    authorization: String,
    document: Arc<OnceCell<Document>>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: HeaderMap,
    /// Body as JSON; null where it has none.
    pub body: Value,
}

impl Reply {
    /// A response header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Refused in the documented shape: an id of 24 hexadecimal digits, also in the header, and a message, which
    /// comes back.
    #[track_caller]
    pub fn refused(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.body);
        let request_id = self.body["requestId"].as_str().unwrap_or("no body in the documented shape");
        assert!(request_id.len() == 24 && request_id.chars().all(|c| c.is_ascii_hexdigit()), "{request_id}");
        assert_eq!(self.header("elements-request-id"), Some(request_id));
        let message = self.body["message"].as_str().unwrap();
        assert!(!message.is_empty());
        message
    }
}

/// A file that was answered.
#[derive(Debug)]
pub struct Download {
    /// Response headers.
    pub headers: HeaderMap,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl Download {
    /// The same as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }
}

/// A connected mailbox.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Id of the instance.
    pub id: u64,
    /// Its Element token.
    pub token: String,
}

impl Client {
    /// `base` is the address without the dialect's path.
    pub fn new(base: &str, user_secret: &str, organization_secret: &str) -> Self {
        // Already installed is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT);
        let http = http.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Client {
            http,
            base: base.trim_end_matches('/').to_owned(),
            authorization: format!("User {user_secret}, Organization {organization_secret}"),
            document: Arc::default(),
        }
    }

    /// The same address with other credentials.
    pub fn authorized(&self, authorization: &str) -> Self {
        Client { authorization: authorization.to_owned(), ..self.clone() }
    }

    /// The same user with the instance's token instead of the organization's secret.
    pub fn of(&self, instance: &Instance) -> Self {
        let user = self.authorization.split(',').next().unwrap();
        self.authorized(&format!("{user}, Element {}", instance.token))
    }

    /// The `Authorization` header that calls carry.
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// How the interface describes itself.
    pub async fn document(&self) -> &Document {
        let served = async || {
            let request = self.http.get(format!("{}/openapi.json", self.base));
            let text = request.send().await.unwrap().text().await.unwrap();
            Document::new(serde_json::from_str(&text).unwrap())
        };
        self.document.get_or_init(served).await
    }

    /// A user's browser goes to an address, and is sent on to another.
    pub async fn visit(&self, url: &str) -> Option<String> {
        let response = self.http.get(url).send().await.unwrap();
        response.headers().get("location").map(|value| value.to_str().unwrap().to_owned())
    }

    /// One call; `None` if there was no answer.
    pub async fn try_call(&self, method: &str, path: &str, body: Option<String>) -> Option<Reply> {
        self.send(method, &format!("{BASE_PATH}{path}"), body).await
    }

    async fn send(&self, method: &str, path: &str, body: Option<String>) -> Option<Reply> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .header("content-type", "application/json")
            .body(body.unwrap_or_default());
        if !self.authorization.is_empty() {
            request = request.header("authorization", &self.authorization);
        }
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.ok()?;
        Some(Reply { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// Posts a text to a path from the root, which may be none of the documented ones.
    pub async fn post_at(&self, path: &str, text: &str) -> Reply {
        let reply = self.send("POST", path, Some(text.to_owned())).await;
        reply.unwrap_or_else(|| panic!("POST {path} was not answered"))
    }

    /// One call that is answered, and as it is documented.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.call_at(method, &format!("{BASE_PATH}{path}"), body).await
    }

    /// The same for a path from the root.
    pub async fn call_at(&self, method: &str, path: &str, body: &Value) -> Reply {
        let text = (!body.is_null()).then(|| body.to_string());
        let reply = self.send(method, path, text).await;
        let reply = reply.unwrap_or_else(|| panic!("{method} {path} was not answered"));
        if let Some(amiss) = self.document().await.amiss(method, path, &reply) {
            panic!("{method} {path} is not as documented: {amiss}");
        }
        reply
    }

    /// A call that must be done, and what came back.
    pub async fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let reply = self.call(method, path, body).await;
        assert!((200..300).contains(&reply.status), "{method} {path}: {} {}", reply.status, reply.body);
        reply.body
    }

    /// A call that must be refused so, and the words.
    pub async fn refused(&self, method: &str, path: &str, body: &Value, status: u16) -> String {
        self.call(method, path, body).await.refused(status).to_owned()
    }

    /// Reads what must be there.
    pub async fn get(&self, path: &str) -> Value {
        self.done("GET", path, &Value::Null).await
    }

    /// Reads a file that must be there.
    pub async fn download(&self, path: &str) -> Download {
        let request = self.http.get(format!("{}{BASE_PATH}{path}", self.base));
        let mut response = request.header("authorization", &self.authorization).send().await.unwrap();
        if response.status() == 307 {
            let link = self.reachable(response.headers()["location"].to_str().unwrap());
            response = self.http.get(link).send().await.unwrap();
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap().to_vec();
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&bytes[..bytes.len().min(500)]));
        Download { headers, bytes }
    }

    /// Where an address is reached from here. On an emulator a function's own is a path.
    fn reachable(&self, url: &str) -> String {
        let id = url.strip_prefix("https://").and_then(|rest| rest.split_once(".lambda-url."));
        match id.and_then(|(id, rest)| Some((id, rest.split_once('/')?.1))) {
            None => url.to_owned(),
            Some((id, path)) => {
                let origin: Vec<&str> = self.base.splitn(4, '/').take(3).collect();
                format!("{}/_aws/lambda-url/{id}/{path}", origin.join("/"))
            }
        }
    }

    /// All of a list, page by page.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut token = None::<String>;
        for _ in 0..PAGES_COUNT_MAX {
            let mark = if path.contains('?') { '&' } else { '?' };
            let next = token.map(|token| format!("{mark}nextPage={token}")).unwrap_or_default();
            let reply = self.call("GET", &format!("{path}{next}"), &Value::Null).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.body);
            all.extend(reply.body.as_array().unwrap().iter().cloned());
            token = reply.header("elements-next-page-token").map(str::to_owned);
            if token.is_none() {
                return all;
            }
        }
        panic!("{path} has more than {PAGES_COUNT_MAX} pages");
    }

    /// Connects a mailbox with the [`body`] of its documentation.
    pub async fn connect(&self, mailbox: &Mailbox, callback: &Callback) -> Instance {
        self.create(&body(mailbox, callback)).await
    }

    /// Creates an instance that must be accepted.
    pub async fn create(&self, body: &Value) -> Instance {
        Instance::of(&self.done("POST", "/instances", body).await)
    }

    /// Polls now.
    pub async fn poll(&self, instance: u64) -> Reply {
        self.call("POST", &format!("/instances/{instance}/poll"), &json!({})).await
    }

    /// Polls, and the provider must be read.
    pub async fn poll_well(&self, instance: u64) -> Value {
        let reply = self.poll(instance).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }
}

impl Instance {
    /// As a creation answered.
    pub fn of(created: &Value) -> Self {
        let token = created["token"].as_str().unwrap().to_owned();
        Instance { id: created["id"].as_u64().unwrap(), token }
    }
}

/// The body that connects a mailbox as its documentation shows, polled every minute.
pub fn body(mailbox: &Mailbox, callback: &Callback) -> Value {
    let application = Application {
        callback: callback.url(),
        signature_key: callback.signature_key(),
        interval_min: 1,
        name: "Scenario",
        tag: "Docs",
    };
    application.body(mailbox.double(), &mailbox.code())
}

/// A path with a query of these.
pub fn with(path: &str, query: &[(&str, &str)]) -> String {
    let encoded = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    format!("{path}?{}", pairs.join("&"))
}
