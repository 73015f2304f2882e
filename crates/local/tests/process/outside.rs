//! Everything outside of the process: providers, a receiver, and a client of the public API.

use connectors::{Http as _, HttpRequest, Method, Route};
use doubles::{Clock, Google, Microsoft, Receiver};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use system::{CallbackAddresses, Egress};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

pub(crate) const GMAIL_USER: &str = "ada@example.com";
pub(crate) const OUTLOOK_USER: &str = "grace@example.com";
pub(crate) const SIGNATURE_KEY: &str = "process-signature-key";
pub(crate) const USER_SECRET: &str = "process-user-secret";
pub(crate) const ORGANIZATION_SECRET: &str = "process-organization-secret";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Outside {
    pub(crate) google: Google,
    pub(crate) microsoft: Microsoft,
    pub(crate) receiver: Receiver,
    variables: Vec<(&'static str, String)>,
    callback: String,
}

/// One event that arrived.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) kind: String,
    pub(crate) object: String,
}

impl Outside {
    pub(crate) async fn start() -> Self {
        #[allow(clippy::disallowed_methods)] // the doubles live in real time here
        let clock = Clock::new(|| chrono::Utc::now().timestamp_micros());
        let (google, microsoft) = (Google::new(clock.clone(), 1), Microsoft::new(clock.clone(), 2));
        let receiver = Receiver::new(clock);
        google.add_account(GMAIL_USER);
        microsoft.add_account(OUTLOOK_USER);
        let at_google = serve(google.router()).await;
        let at_microsoft = serve(microsoft.router()).await;
        let callback = format!("{}/hook", serve(receiver.router()).await);
        let variables = vec![
            ("CARILLON_GOOGLE_AUTH_URL", format!("{at_google}/o/oauth2/v2/auth")),
            ("CARILLON_GOOGLE_TOKEN_URL", format!("{at_google}/token")),
            ("CARILLON_GMAIL_API_URL", at_google),
            ("CARILLON_MICROSOFT_AUTH_URL", format!("{at_microsoft}/common/oauth2/v2.0/authorize")),
            ("CARILLON_MICROSOFT_TOKEN_URL", format!("{at_microsoft}/common/oauth2/v2.0/token")),
            ("CARILLON_GRAPH_API_URL", format!("{at_microsoft}/v1.0")),
            ("CARILLON_USER_SECRET", USER_SECRET.to_owned()),
            ("CARILLON_ORGANIZATION_SECRET", ORGANIZATION_SECRET.to_owned()),
            ("CARILLON_RETRY_DELAYS", "1,1,1,1,1,1,1,1".to_owned()),
        ];
        Outside { google, microsoft, receiver, variables, callback }
    }

    /// Polls until each of these objects was told of; returns everything that was told, each event once.
    pub(crate) async fn wait_for_all(
        &self,
        process: &Process,
        instances: &[u64],
        gmail: &BTreeSet<String>,
        outlook: &BTreeSet<String>,
    ) -> Vec<Told> {
        let began = Instant::now();
        loop {
            for id in instances {
                process.poll_until_read(*id).await;
            }
            let told = self.told();
            let objects: BTreeSet<&String> = told.iter().map(|one| &one.object).collect();
            if gmail.iter().chain(outlook).all(|id| objects.contains(id)) {
                return told;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "some are still missing: {} of {} told",
                objects.len(),
                gmail.len() + outlook.len()
            );
        }
    }

    /// Waits until so many callbacks came.
    pub(crate) async fn wait_for_callbacks(&self, count: usize) {
        tokio::time::timeout(PATIENCE, self.receiver.wait_for(count)).await.unwrap();
    }

    /// What was taken, checked on the way: signatures, names, and that no event is in two notifications.
    fn told(&self) -> Vec<Told> {
        assert_eq!(self.receiver.dropped_count(), 0);
        let mut holders = std::collections::BTreeMap::new();
        let mut told = Vec::new();
        for received in self.receiver.received() {
            assert!(self.receiver.verify(SIGNATURE_KEY.as_bytes(), &received), "a signature is wrong");
            let body: Value = serde_json::from_slice(&received.body).unwrap();
            let name = body["message"]["eventId"].as_str().unwrap().to_owned();
            assert_eq!(received.headers["elements-webhook-id"], name.as_str());
            for event in body["message"]["events"].as_array().unwrap() {
                let id = event["id"].as_str().unwrap().to_owned();
                let (holder, is_taken) = holders.entry(id).or_insert_with(|| (name.clone(), false));
                assert_eq!(*holder, name, "an event is in two notifications");
                if received.answered == 200 && !*is_taken {
                    *is_taken = true;
                    let text = |key: &str| event[key].as_str().unwrap().to_owned();
                    told.push(Told { kind: text("eventType"), object: text("objectId") });
                }
            }
        }
        told
    }
}

fn authorization() -> String {
    format!("User {USER_SECRET}, Organization {ORGANIZATION_SECRET}")
}

async fn serve(router: axum::Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(doubles::serve(listener, router));
    format!("http://{address}")
}

/// A running `carillon serve`.
pub(crate) struct Process {
    child: Child,
    base: String,
    http: Egress,
}

impl Process {
    fn command(outside: &Outside, folder: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carillon"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder);
        command.envs(outside.variables.iter().map(|(name, value)| (*name, value.as_str())));
        command.env("CARILLON_LOG", "error").stdout(Stdio::piped()).kill_on_drop(true);
        command
    }

    pub(crate) async fn start(outside: &Outside, folder: &Path) -> Self {
        let mut child = Self::command(outside, folder).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let base = line.strip_prefix("carillon listening on ").unwrap().to_owned();
        Process { child, base, http: Egress::new(CallbackAddresses::All).unwrap() }
    }

    /// What a second process on the same folder says.
    pub(crate) async fn refuses(outside: &Outside, folder: &Path) -> String {
        let mut command = Self::command(outside, folder);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let status = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
        assert!(!status.success());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
        said
    }

    /// The process's id, for those who look at what it costs.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// As `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// As `kill`: it must end by itself, with 0, within its ten seconds.
    pub(crate) async fn terminate(mut self) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        let status = tokio::time::timeout(Duration::from_secs(15), self.child.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0));
    }

    pub(crate) async fn create(&self, connector: &str, outside: &Outside) -> u64 {
        self.create_reply(connector, outside).await["id"].as_u64().unwrap()
    }

    pub(crate) async fn create_reply(&self, connector: &str, outside: &Outside) -> Value {
        let (code, resource) = match connector {
            "gmail" => (outside.google.new_code(GMAIL_USER), "changed-messages"),
            _ => (outside.microsoft.new_code(OUTLOOK_USER), "messages"),
        };
        let body = json!({
            "element": { "key": connector },
            "providerData": { "code": code },
            "configuration": {
                "oauth.api.key": doubles::CLIENT_ID,
                "oauth.api.secret": doubles::CLIENT_SECRET,
                "oauth.callback.url": "https://app.example/oauth",
                "event.notification.enabled": true,
                "event.notification.callback.url": outside.callback,
                "event.notification.signature.key": SIGNATURE_KEY,
                "event.poller.refresh_interval": "1",
                "event.poller.configuration": { resource: { "url": format!("/hubs/general/{resource}") } }
            },
            "name": "Process"
        });
        let (status, reply) = self.post("/instances", &body).await.unwrap();
        assert_eq!(status, 200, "{reply}");
        reply
    }

    /// Polls until the provider was read; a process that is being killed just does not answer.
    pub(crate) async fn poll_until_read(&self, instance: u64) {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            match self.post(&format!("/instances/{instance}/poll"), &json!({})).await {
                Some((200, reply)) if reply["more"] != true => return,
                Some(_) => {}
                None => return,
            }
        }
    }

    /// An answer to somebody else.
    pub(crate) async fn get_as(&self, authorization: &str, path: &str) -> (u16, Value) {
        let request = HttpRequest {
            method: Method::Get,
            url: format!("{}{}{path}", self.base, app::api::BASE_PATH),
            headers: vec![("authorization", authorization.to_owned())],
            body: Default::default(),
            timeout_ms: 30_000,
            answer_bytes_max: 1 << 22,
            route: Route::Provider,
        };
        let response = self.http.send(request).await.unwrap();
        (response.status, serde_json::from_slice(&response.body).unwrap_or(Value::Null))
    }

    /// Reads the event log until everything in it is delivered.
    pub(crate) async fn wait_until_delivered(&self, instance: u64) {
        let began = Instant::now();
        loop {
            let (_, log) = self.get_as(&authorization(), &format!("/instances/{instance}/events")).await;
            if log.as_array().unwrap().iter().all(|one| one["delivery"] == "delivered") {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "something is not delivered");
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let request = HttpRequest {
            method: Method::Post,
            url: format!("{}{}{path}", self.base, app::api::BASE_PATH),
            headers: vec![
                ("authorization", authorization()),
                ("content-type", "application/json".to_owned()),
            ],
            body: body.to_string().into(),
            timeout_ms: 30_000,
            answer_bytes_max: 1 << 22,
            route: Route::Provider,
        };
        let response = self.http.send(request).await.ok()?;
        Some((response.status, serde_json::from_slice(&response.body).unwrap_or(Value::Null)))
    }
}
