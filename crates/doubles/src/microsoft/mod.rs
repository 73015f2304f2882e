//! Microsoft: Entra's consent page and token endpoint, and Graph's mail, contacts and calendars.

mod batch;
mod delta;
mod delta_rows;
mod double;
mod error;
mod filter;
mod folder;
mod folders;
mod graph;
mod item;
mod kind;
mod list;
mod mailbox;
mod noticed;
mod odd;
mod odd_operations;
mod operations;
mod property;
mod push;
mod push_operations;
mod record;
mod record_changes;
mod record_operations;
mod row;
mod scalar;
mod store;
mod stored;
mod subscriptions;
#[cfg(test)]
mod tests;
mod token;
mod uuid;

pub use delta_rows::DeltaMoves;
pub use operations::MessageSnapshot;
pub use stored::{Attachment, AttachmentKind};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use http::Method;
use serde_json::json;

use crate::call::Call;
use crate::clock::Clock;
use crate::fault::{FaultKind, Route};
use crate::front::{self, BatchPart, Front, Provider};
use crate::oauth::{self, Grants, Issued};
use crate::reply::Reply;
use delta::DeltaFaults;
use mailbox::Mailbox;
use push::Push;
use uuid::uuid;

/// Documented: four requests at once for an application and a mailbox.
const IN_FLIGHT_MAX: usize = 4;

/// The Microsoft double. Cloning gives another handle on the same one.
#[derive(Clone)]
pub struct Microsoft(Arc<Inner>);

struct Inner {
    front: Front,
    state: Mutex<World>,
}

struct World {
    rng: fastrand::Rng,
    grants: Grants,
    mailboxes: BTreeMap<String, Mailbox>,
    /// Least and most time until lists show a change, for accounts to come.
    lag_us: (i64, i64),
    deltas: DeltaFaults,
    push: Push,
}

front::controls!(Microsoft);

impl Microsoft {
    /// A Microsoft without accounts.
    pub fn new(clock: Clock, seed: u64) -> Self {
        let style = oauth::Style {
            code_prefix: "1.AXkA",
            access_prefix: "EwB4A8l6BAAU",
            access_length: 2_000,
            refresh_prefix: "1.AXkA0",
            rotates: true,
            refresh_tokens_max: 1000,
            lifetime_s: 3599,
        };
        let world = World {
            rng: fastrand::Rng::with_seed(seed),
            grants: Grants::new(style),
            mailboxes: BTreeMap::new(),
            lag_us: (0, 0),
            deltas: DeltaFaults::default(),
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
            name: "Microsoft",
            accounts: world.mailboxes.keys().cloned().collect(),
            grants: &mut world.grants,
            now_us: self.0.front.clock.now_us(),
            rng: &mut world.rng,
            offline: |call, _, _| {
                call.param("scope").unwrap_or_default().split(' ').any(|scope| scope == "offline_access")
            },
        };
        oauth::authorize(desk, call)
    }

    fn token(&self, call: &Call) -> Reply {
        let now_us = self.0.front.clock.now_us();
        let World { grants, rng, .. } = &mut *self.world();
        match grants.token(call, now_us, rng) {
            Ok(issued) => token_reply(issued),
            Err(refusal) => error::token_refused(refusal),
        }
    }

    fn graph(&self, path: &[&str], call: &Call) -> Reply {
        let World { grants, mailboxes, deltas, .. } = &*self.world();
        let now_us = self.0.front.clock.now_us();
        let Some(consent) = grants.access(call.bearer(), now_us) else { return error::unauthorized() };
        let Some(mailbox) = mailboxes.get(&consent.account) else { return error::unauthorized() };
        if call.method != Method::GET {
            return error::error(
                405,
                "BadRequest",
                "Specified HTTP method is not allowed for the request target.",
            );
        }
        if !graph::is_allowed(&consent.scope, path) {
            return error::access_denied();
        }
        graph::Reader { mailbox, now_us, deltas: *deltas }.answer(path, call)
    }
}

fn token_reply(issued: Issued) -> Reply {
    // The scope that brings a refresh token is not among those of the access token.
    let scopes: Vec<_> = issued.consent.scope.split(' ').filter(|scope| *scope != "offline_access").collect();
    let mut body = json!({
        "token_type": "Bearer",
        "scope": scopes.join(" "),
        "expires_in": issued.expires_in_s,
        "ext_expires_in": issued.expires_in_s,
        "access_token": issued.access_token,
    });
    if let Some(refresh_token) = issued.refresh_token {
        body["refresh_token"] = refresh_token.into();
    }
    Reply::json(200, &body)
}

impl Provider for Microsoft {
    const PARTS_AT_ONCE: bool = false;

    fn front(&self) -> &Front {
        &self.0.front
    }

    fn route(&self, call: &Call) -> Route {
        match call.segments().as_slice() {
            [_, "oauth2", "v2.0", "authorize"] => Route::Authorize,
            [_, "oauth2", "v2.0", "token"] => Route::Token,
            [_, "subscriptions", ..] => Route::Push,
            [_, "me"] => Route::Profile,
            [_, "me", .., "delta"] => Route::History,
            [_, "me", "mailFolders" | "contacts" | "contactFolders" | "calendars" | "events"] => Route::List,
            [_, "me", .., "messages" | "childFolders"] => Route::List,
            [_, "me", "calendars", _, "events"] => Route::List,
            [_, "me", .., "messages", _] | [_, "me", "mailFolders", _] => Route::Get,
            _ => Route::Other,
        }
    }

    fn account(&self, call: &Call) -> Option<String> {
        let now_us = self.0.front.clock.now_us();
        self.world().grants.access(call.bearer(), now_us).map(|consent| consent.account.clone())
    }

    fn poison(&self, call: &Call, account: &str) -> Option<FaultKind> {
        match call.segments().as_slice() {
            [_, "me", .., "messages" | "contacts" | "events", id] => {
                let mut world = self.world();
                let mailbox = world.mailboxes.get_mut(account)?;
                let poisoned = mailbox.key(id).and_then(|key| mailbox.poisoned.get(&key)).copied();
                poisoned.or_else(|| mailbox.odd.misses(id).then_some(FaultKind::NotFound))
            }
            [_, "me", "mailFolders"] => self.world().mailboxes.get(account)?.odd.folders,
            _ => None,
        }
    }

    async fn prepare(&self, call: &Call) -> Option<Reply> {
        match call.segments().as_slice() {
            ["v1.0" | "beta", "subscriptions", path @ ..] => self.handshake(path, call).await,
            _ => None,
        }
    }

    fn answer(&self, call: &Call) -> Reply {
        match (call.method.as_str(), call.segments().as_slice()) {
            ("GET", [_, "oauth2", "v2.0", "authorize"]) => self.authorize(call),
            ("POST", [_, "oauth2", "v2.0", "token"]) => self.token(call),
            (_, ["v1.0" | "beta", "subscriptions", path @ ..]) => self.subscriptions(path, call),
            (_, ["v1.0" | "beta", path @ ..]) => self.graph(path, call),
            _ => error::no_such_path(call),
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
            ("POST", [version @ ("v1.0" | "beta"), "$batch"]) => Some(batch::split(call, version)),
            _ => None,
        }
    }

    fn join(&self, parts: Vec<(BatchPart, Reply)>) -> Reply {
        batch::join(parts)
    }

    fn finish(&self, call: &Call, reply: Reply) -> Reply {
        let request_id = uuid(&mut self.world().rng);
        error::complete(reply, call, &request_id, self.0.front.clock.now_us())
    }
}
