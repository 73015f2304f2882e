//! An application: it calls the interface and nothing else.

use crate::callback::Callback;
use crate::mailbox::Mailbox;
use doubles::Application;
use http::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;

/// Everything of the dialect is below this path.
const BASE_PATH: &str = "/elements/api-v2";
/// Above the longest work in a request.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Somebody who may call.
pub struct Client {
    http: reqwest::Client,
    base: String,
    authorization: String,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

/// A connected mailbox.
#[derive(Debug, Clone)]
pub struct Instance {
    pub id: u64,
    pub token: String,
}

impl Client {
    /// `base` is the address without the dialect's path.
    pub fn new(base: &str, user_secret: &str, organization_secret: &str) -> Self {
        // Already installed is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client {
            http: reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().unwrap(),
            base: base.trim_end_matches('/').to_owned(),
            authorization: format!("User {user_secret}, Organization {organization_secret}"),
        }
    }

    /// The same address with other credentials.
    pub fn authorized(&self, authorization: &str) -> Self {
        Client { http: self.http.clone(), base: self.base.clone(), authorization: authorization.to_owned() }
    }

    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// One call; `None` if there was no answer.
    pub async fn try_call(&self, method: &str, path: &str, body: Option<String>) -> Option<Reply> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self
            .http
            .request(method, format!("{}{BASE_PATH}{path}", self.base))
            .header("authorization", &self.authorization)
            .header("content-type", "application/json")
            .body(body.unwrap_or_default());
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.ok()?;
        Some(Reply { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// One call that is answered.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Reply {
        let text = (!body.is_null()).then(|| body.to_string());
        let reply = self.try_call(method, path, text).await;
        reply.unwrap_or_else(|| panic!("{method} {path} was not answered"))
    }

    /// Reads what must be there.
    pub async fn get(&self, path: &str) -> Value {
        let reply = self.call("GET", path, &Value::Null).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }

    /// Connects a mailbox with the [`body`] of its documentation.
    pub async fn connect(&self, mailbox: &Mailbox, callback: &Callback) -> Instance {
        self.create(&body(mailbox, callback)).await
    }

    /// Creates an instance that must be accepted.
    pub async fn create(&self, body: &Value) -> Instance {
        let reply = self.call("POST", "/instances", body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let token = reply.body["token"].as_str().unwrap().to_owned();
        Instance { id: reply.body["id"].as_u64().unwrap(), token }
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

/// The body that connects a mailbox as its documentation shows, polled every minute.
pub fn body(mailbox: &Mailbox, callback: &Callback) -> Value {
    let application = Application {
        callback: callback.url(),
        signature_key: callback.signature_key(),
        interval_min: 1,
        name: "Scenario",
        tag: "Docs",
    };
    application.body(mailbox.connector(), &mailbox.code())
}
