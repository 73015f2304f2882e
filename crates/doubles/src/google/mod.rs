//! Google: consent page, token endpoint and Gmail API.

mod api;
mod batch;
mod calendar;
mod double;
mod error;
mod history;
mod labels;
mod mailbox;
mod messages;
mod operations;
mod page;
mod partial_response;
mod pubsub;
mod push;
mod push_operations;
mod query;
#[cfg(test)]
mod tests;
mod threads;
mod watch;

pub use calendar::GoogleCalendar;
pub use operations::{MessageSnapshot, SavedDraft};

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, VARY};
use serde_json::json;

use crate::call::{Call, find};
use crate::clock::Clock;
use crate::fault::{FaultKind, Route};
use crate::front::{self, BatchPart, Front, Provider};
use crate::oauth::{self, Grants, Issued};
use crate::reply::Reply;
use calendar::Calendar;
use history::Options;
use mailbox::{Lag, Mailbox};
use push::Push;

/// Others measured a wall somewhere between 4×25 requests that passed and 60 at once that did not; ten is on
/// the safe side of it.
const IN_FLIGHT_MAX: usize = 10;

/// The Google double. Cloning gives another handle on the same one.
#[derive(Clone)]
pub struct Google(Arc<Inner>);

struct Inner {
    front: Front,
    state: Mutex<World>,
}

struct World {
    rng: fastrand::Rng,
    grants: Grants,
    mailboxes: BTreeMap<String, Mailbox>,
    calendars: BTreeMap<String, Calendar>,
    options: Options,
    lag: Lag,
    push: Push,
}

front::controls!(Google);

impl Google {
    /// A Google without accounts.
    pub fn new(clock: Clock, seed: u64) -> Self {
        let style = oauth::Style {
            code_prefix: "4/0A",
            access_prefix: "ya29.a0",
            access_length: 220,
            refresh_prefix: "1//0",
            rotates: false,
            refresh_tokens_max: 100,
            lifetime_s: 3599,
        };
        let world = World {
            rng: fastrand::Rng::with_seed(seed),
            grants: Grants::new(style),
            mailboxes: BTreeMap::new(),
            calendars: BTreeMap::new(),
            options: Options { empty_pages: false, labels: true, old_records: false },
            lag: Lag::default(),
            // Numbers of its own, so that a seed gives the same mailboxes with and without push.
            push: Push::new(seed.wrapping_add(2)),
        };
        let front = Front::new(clock, seed.wrapping_add(1), IN_FLIGHT_MAX);
        Self(Arc::new(Inner { front, state: Mutex::new(world) }))
    }

    /// The routes to serve.
    pub fn router(&self) -> Router {
        Router::new().fallback(front::handle::<Self>).with_state(self.clone())
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn authorize(&self, call: &Call) -> Reply {
        let world = &mut *self.world();
        let desk = oauth::Desk {
            name: "Google",
            accounts: world.mailboxes.keys().cloned().collect(),
            grants: &mut world.grants,
            now_us: self.0.front.clock.now_us(),
            rng: &mut world.rng,
            // A refresh token comes with the first consent only, unless consent is asked for again.
            offline: |call, grants, account| {
                call.param("access_type") == Some("offline")
                    && (call.param("prompt").is_some_and(|prompt| prompt.contains("consent"))
                        || !grants.has_refresh_token(account))
            },
        };
        oauth::authorize(desk, call)
    }

    fn token(&self, call: &Call) -> Reply {
        let now_us = self.0.front.clock.now_us();
        let World { grants, rng, push, .. } = &mut *self.world();
        let form = call.form();
        if find(&form, "grant_type") == Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
            return push.exchange(&form, &format!("{}/token", call.origin()), now_us);
        }
        match grants.token(call, now_us, rng) {
            Ok(issued) => token_reply(issued),
            Err(refusal) => error::token_refused(refusal),
        }
    }

    fn revoke_token(&self, call: &Call) -> Reply {
        let form = call.form();
        let token = call.param("token").or_else(|| find(&form, "token")).unwrap_or_default();
        let mut world = self.world();
        let Some(account) = world.grants.owner(token) else {
            return Reply::json(
                400,
                &json!({"error": "invalid_token", "error_description": "Token expired or revoked"}),
            );
        };
        world.grants.revoke(&account);
        Reply::json(200, &json!({}))
    }

    fn api(&self, user: &str, path: &[&str], call: &Call) -> Reply {
        let world = &mut *self.world();
        let now_us = self.0.front.clock.now_us();
        let Some(consent) = world.grants.access(call.bearer(), now_us) else { return error::unauthorized() };
        let Some(mailbox) = world.mailboxes.get_mut(&consent.account) else { return error::unauthorized() };
        if user != "me" && !user.eq_ignore_ascii_case(&mailbox.email) {
            return error::forbidden(&format!("Delegation denied for {}", mailbox.email));
        }
        match (call.method.as_str(), path) {
            ("POST", ["watch"]) => return watch::watch(mailbox, &mut world.push, call, now_us),
            ("POST", ["stop"]) => return watch::stop(mailbox),
            ("GET", _) => {}
            _ => return error::no_such_path(),
        }
        partial_response::masked(call, || api::answer(mailbox, consent, path, call, world.options, now_us))
    }
}

fn token_reply(issued: Issued) -> Reply {
    let mut body = json!({
        "access_token": issued.access_token,
        "expires_in": issued.expires_in_s,
        "scope": issued.consent.scope,
        "token_type": "Bearer",
    });
    if let Some(refresh_token) = issued.refresh_token {
        body["refresh_token"] = refresh_token.into();
    }
    Reply::json(200, &body)
}

impl Provider for Google {
    const PARTS_AT_ONCE: bool = true;

    fn front(&self) -> &Front {
        &self.0.front
    }

    fn route(&self, call: &Call) -> Route {
        match call.segments().as_slice() {
            ["o", ..] => Route::Authorize,
            ["token" | "revoke"] => Route::Token,
            ["gmail", "v1", "users", _, "profile"] => Route::Profile,
            ["gmail", "v1", "users", _, "watch" | "stop"] => Route::Push,
            ["v1", "projects", ..] | ["oauth2", "v3", "certs"] => Route::Push,
            ["gmail", "v1", "users", _, "history"] => Route::History,
            ["gmail", "v1", "users", _, "messages"] => Route::List,
            ["gmail", "v1", "users", _, "messages", _] => Route::Get,
            ["calendar", "v3", "calendars", _, "events"] if call.param("syncToken").is_some() => {
                Route::History
            }
            ["calendar", "v3", "calendars", _, "events"] => Route::List,
            ["calendar", "v3", "calendars", _, "events", _] => Route::Get,
            ["calendar", "v3", "calendars", _] => Route::Profile,
            _ => Route::Other,
        }
    }

    fn account(&self, call: &Call) -> Option<String> {
        let now_us = self.0.front.clock.now_us();
        self.world().grants.access(call.bearer(), now_us).map(|consent| consent.account.clone())
    }

    fn poison(&self, call: &Call, account: &str) -> Option<FaultKind> {
        match call.segments().as_slice() {
            ["gmail", "v1", "users", _, "messages" | "threads", id] => {
                self.world().mailboxes.get(account)?.poisoned.get(*id).copied()
            }
            _ => None,
        }
    }

    async fn prepare(&self, call: &Call) -> Option<Reply> {
        if let ["v1", "projects", _, "subscriptions", _] = call.segments().as_slice() {
            self.wait_for_message(call).await;
        }
        None
    }

    fn answer(&self, call: &Call) -> Reply {
        match (call.method.as_str(), call.segments().as_slice()) {
            ("GET", ["o", "oauth2", "v2", "auth"]) => self.authorize(call),
            ("POST", ["token"]) => self.token(call),
            ("POST", ["revoke"]) => self.revoke_token(call),
            ("GET", ["oauth2", "v3", "certs"]) => self.key_set(),
            (_, ["v1", "projects", _, "subscriptions", _]) => self.pubsub(call),
            (_, ["gmail", "v1", "users", user, path @ ..]) => self.api(user, path, call),
            (_, ["calendar", "v3", path @ ..]) => self.calendar(path, call),
            _ => error::no_such_path(),
        }
    }

    fn fail(&self, kind: FaultKind, route: Route) -> Reply {
        error::fault(kind, route)
    }

    fn refuse(&self) -> Reply {
        error::too_many_in_flight()
    }

    fn parts(&self, call: &Call) -> Option<Result<Vec<BatchPart>, Reply>> {
        match (call.method.as_str(), call.segments().as_slice()) {
            ("POST", ["batch"] | ["batch", "gmail", "v1"]) => Some(batch::split(call)),
            _ => None,
        }
    }

    fn join(&self, parts: Vec<(BatchPart, Reply)>) -> Reply {
        batch::join(parts)
    }

    /// Compresses for callers that say so twice, as Google asks for.
    fn finish(&self, call: &Call, reply: Reply) -> Reply {
        let names_gzip = |name| call.header(name).is_some_and(|value| value.contains("gzip"));
        if !(names_gzip("accept-encoding") && names_gzip("user-agent")) || reply.body.is_empty() {
            return reply;
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        match encoder.write_all(&reply.body).and_then(|()| encoder.finish()) {
            Ok(body) => Reply { body, ..reply }
                .with_header(CONTENT_ENCODING, "gzip")
                .with_header(VARY, "Accept-Encoding"),
            Err(_) => reply,
        }
    }
}
