//! `carillon demo`: the product against stand-in providers, driven through its public API, with every change
//! and the notification that arrived for it shown on the terminal.

mod client;
mod inbox;
mod mailbox;
mod pushing;

use crate::config::Config;
use crate::host::{Host, remove_data};
use crate::serve;
use anyhow::Context as _;
use app::Endpoints;
use chrono::Utc;
use client::Client;
use console::Arrived;
use domain::settings::{CALLBACK_URL, OAUTH_API_KEY, OAUTH_API_SECRET, REFRESH_INTERVAL, SIGNATURE_KEY};
use doubles::{CLIENT_ID, CLIENT_SECRET, Clock, Providers};
use inbox::Inbox;
use mailbox::{Expected, Mailboxes};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use system::SystemClock;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Between two changes, s.
const PACE_S: u64 = 3;
/// A change that nobody told of for so long is polled for, s: of some the providers tell nothing.
const PUSH_S: u64 = 8;
/// A notification that takes longer is missing, s.
const PATIENCE_S: u64 = 20;
/// Mail becomes readable up to this much after its timestamp, us: as real mailboxes have it.
const LAG_MAX_US: i64 = 2_000_000;

/// Runs the demo until it is stopped. `say` shows a line.
pub async fn run(
    config: &Config,
    mut stop: watch::Receiver<bool>,
    say: fn(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let stage = Stage::set(config, stop.clone()).await?;
    say(&format!("carillon listening on {}", stage.client.base()))?;
    say(&stage.link_line)?;
    say(
        "Stand-in providers and a callback receiver run beside it: the console shows what arrived, at /inspector. Ctrl-C ends the demo.",
    )?;
    say(&stage.client.authorization())?;
    let mut mailboxes = Mailboxes::new(&stage.providers, config.mail_dir.as_deref())?;
    for mailbox in mailboxes.each() {
        let double = mailbox.double();
        let push = pushing::settings(&stage.providers, double);
        let id = stage.client.create(double, &mailbox.code(), &stage.callback, &push).await?;
        // The first poll asks for notices.
        stage.client.poll(id).await?;
        let rings = if push.is_empty() { "" } else { ", told by push" };
        let beside = double.beside().map(|resource| format!(", polled for {resource}, too"));
        say(&format!(
            "connected {} as instance {id}{rings}{}",
            double.connector(),
            beside.unwrap_or_default()
        ))?;
        mailbox.connected(id, !push.is_empty());
    }
    say("")?;
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(PACE_S)) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        let seen = stage.inbox.count();
        let Some(expected) = mailboxes.change() else { break };
        say(&format!("{}  {:<12}  {}", stamp(), expected.connector, expected.what))?;
        tokio::select! {
            arrived = arrival(&stage, &expected, seen) => say(&arrived?)?,
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    stage.serving.await.context("the server ended")?
}

/// Everything that runs beside the show.
struct Stage {
    providers: Providers,
    inbox: Inbox,
    callback: String,
    client: Client,
    link_line: String,
    serving: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Stage {
    async fn set(config: &Config, stop: watch::Receiver<bool>) -> anyhow::Result<Self> {
        // Before an earlier demo's data goes: it may be running.
        let listener = serve::bind(config.listen).await?;
        let clock = Clock::new(now_us);
        let providers = Providers::new(&clock, 1);
        providers.microsoft.set_lag(0, LAG_MAX_US);
        let inbox = Inbox::new(now_us);
        let mut servers = HashMap::new();
        for (server, router) in providers.servers() {
            servers.insert(server, start(router).await?);
        }
        let callback = format!("{}/events", start(inbox.router()).await?);
        let variables: HashMap<&str, String> =
            providers.variables(|server| servers[server].clone()).into_iter().collect();
        let endpoints = Endpoints::read(|variable| variables.get(variable).cloned())?;
        // The stand-ins forget everything when they end, so the demo begins anew each time.
        let data = config.data.join("demo");
        remove_data(&data).context("removing an earlier demo's data")?;
        pushing::set_up(&providers, listener.local_addr()?);
        let app = app::Config { endpoints, push_url: Some(pushing::address()), ..config.app.clone() };
        let host = Host::open(&Config { data, app, ..config.clone() }, Arc::new(SystemClock))
            .await?
            .inspected(Arc::new(inbox.clone()))
            .beginning_with(beginning(&providers, &callback));
        let user = host.new_account().await?;
        let address = listener.local_addr()?;
        let client = Client::new(&format!("http://{address}"), &user)?;
        let link_line = host.link_line(&user.account, &config.console_url_at(address)).await?;
        let serving = tokio::spawn(serve::serve(host, listener, None, stop));
        Ok(Stage { providers, inbox, callback, client, link_line, serving })
    }
}

/// What a form needs for a mailbox of the stand-ins, so that nothing has to be looked up.
fn beginning(providers: &Providers, callback: &str) -> console::Defaults {
    let values = [
        (OAUTH_API_KEY, CLIENT_ID),
        (OAUTH_API_SECRET, CLIENT_SECRET),
        (CALLBACK_URL, callback),
        (SIGNATURE_KEY, client::SIGNATURE_KEY),
        (REFRESH_INTERVAL, "1"),
    ];
    let values = values.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let doubles = providers.doubles().into_iter();
    doubles.map(|double| (double.connector().to_owned(), values.clone().into())).collect()
}

async fn start(router: axum::Router) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(doubles::serve(listener, router));
    Ok(format!("http://{address}"))
}

/// Waits until the notification is there; says what arrived, and when. What no notice told of is polled for.
async fn arrival(stage: &Stage, expected: &Expected, mut seen: u64) -> anyhow::Result<String> {
    let began = tokio::time::Instant::now();
    let mut way = if expected.is_told { FoundBy::Push } else { FoundBy::Poll };
    while began.elapsed() < Duration::from_secs(PATIENCE_S) {
        if began.elapsed() >= Duration::from_secs(PUSH_S) {
            way = FoundBy::Poll;
        }
        if way == FoundBy::Poll && !stage.client.poll(expected.instance).await? {
            return Ok(format!("{}  {:<12}  └ instance {} is not polled", stamp(), "", expected.instance));
        }
        // A notification may need another poll: mail becomes readable late.
        let _ = tokio::time::timeout(Duration::from_millis(500), stage.inbox.next()).await;
        let (arrived, count) = stage.inbox.after(seen);
        seen = count;
        for one in arrived {
            let body: Value = serde_json::from_str(&one.body).context("a callback's body")?;
            let events = body["message"]["events"].as_array().into_iter().flatten();
            let mut ours = events.filter(|event| event["objectId"] == expected.object_id.as_str());
            if let Some(event) = ours.next() {
                let kind = event["eventType"].as_str().unwrap_or_default();
                return Ok(told(&one, kind, expected, (began.elapsed(), way)));
            }
        }
    }
    Ok(format!("{}  {:<12}  └ nothing arrived within {PATIENCE_S} s", stamp(), ""))
}

/// What a change was found by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FoundBy {
    Push,
    Poll,
}

fn told(one: &Arrived, kind: &str, expected: &Expected, (took, way): (Duration, FoundBy)) -> String {
    format!(
        "{}  {:<12}  └ {kind} {} in notification {} after {:.1} s by {}, signature {}{}",
        stamp(),
        "",
        shortened(&expected.object_id),
        one.event_id,
        took.as_secs_f64(),
        if way == FoundBy::Push { "push" } else { "a poll" },
        if one.is_signed { "valid" } else { "NOT VALID" },
        if one.answered == 200 { "" } else { "; refused once, on purpose: it is tried again" },
    )
}

fn shortened(id: &str) -> String {
    let last: Vec<char> = id.chars().rev().take(10).collect();
    last.into_iter().rev().collect()
}

fn stamp() -> String {
    chrono::DateTime::from_timestamp_micros(now_us()).unwrap_or_default().format("%H:%M:%S%.3f").to_string()
}

/// The stand-ins' clock.
#[allow(clippy::disallowed_methods)] // the demo is a host: its clock is the system's
fn now_us() -> i64 {
    Utc::now().timestamp_micros()
}
