//! The demo as a client of the public API.

use anyhow::{Context as _, bail};
use app::admin::Admitted;
use connectors::{Http as _, HttpRequest, Method, Route};
use doubles::{Application, Double};
use serde_json::Value;
use system::{CallbackAddresses, Egress};

/// What notifications of the demo are signed with.
pub(super) const SIGNATURE_KEY: &str = "demo-signature-key";
/// Longest answer read, bytes, and longest wait, ms.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
const TIMEOUT_MS: u64 = 30_000;

pub(super) struct Client {
    http: Egress,
    base: String,
    authorization: String,
}

impl Client {
    pub(super) fn new(base: &str, user: &Admitted) -> anyhow::Result<Self> {
        Ok(Client {
            http: Egress::new(CallbackAddresses::All),
            base: base.to_owned(),
            authorization: user.authorization(),
        })
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn authorization(&self) -> String {
        format!("Authorization: {}", self.authorization)
    }

    /// Creates an instance with the body that the connector's documentation shows, polled for one resource more, where there is one.
    pub(super) async fn create(
        &self,
        double: &dyn Double,
        code: &str,
        callback: &str,
        push: &[(&str, String)],
    ) -> anyhow::Result<u64> {
        let connector = double.connector();
        let (_, metadata) = self.call(Method::Get, &format!("/elements/{connector}/metadata"), None).await?;
        let application = Application {
            callback,
            signature_key: SIGNATURE_KEY,
            interval_min: 1,
            name: &format!("Demo {connector}"),
            tag: "Demo",
        };
        let mut body = application.body(double, code);
        for (item, value) in push {
            body["configuration"][item] = value.as_str().into();
        }
        if let Some(resource) = double.beside() {
            body["configuration"]["event.poller.configuration"][resource] =
                metadata["events"]["polling"]["resources"][resource].clone();
        }
        let (status, reply) = self.call(Method::Post, "/instances", Some(&body)).await?;
        if status != 200 {
            bail!("creating the instance answered {status}: {reply}");
        }
        reply["id"].as_u64().context("the reply has no id")
    }

    /// Polls now; being asked to wait is fine. False where it is not polled: whoever looks at the demo may have
    /// disabled or deleted it.
    pub(super) async fn poll(&self, instance: u64) -> anyhow::Result<bool> {
        let (status, reply) = self.call(Method::Post, &format!("/instances/{instance}/poll"), None).await?;
        match status {
            200 | 429 => Ok(true),
            404 | 409 => Ok(false),
            status => bail!("a poll answered {status}: {reply}"),
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<(u16, Value)> {
        let request = HttpRequest {
            method,
            url: format!("{}{}{path}", self.base, app::api::BASE_PATH),
            headers: vec![
                ("authorization", self.authorization.clone()),
                ("content-type", "application/json".to_owned()),
            ],
            body: body.map(Value::to_string).unwrap_or_default().into(),
            timeout_ms: TIMEOUT_MS,
            answer_bytes_max: ANSWER_BYTES_MAX,
            route: Route::Provider,
        };
        let response = self.http.send(request).await?;
        let reply: Value = serde_json::from_slice(&response.body).context("the reply is not JSON")?;
        Ok((response.status, reply))
    }
}
