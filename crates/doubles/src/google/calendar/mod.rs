//! Google Calendar: the primary calendar's events, by sync tokens.

mod double;
mod events;
mod store;

pub use double::GoogleCalendar;
pub(super) use store::Calendar;

use http::Method;
use serde_json::json;

use super::{Google, World, error, partial_response};
use crate::call::Call;
use crate::oauth::Consent;
use crate::reply::Reply;

impl Google {
    /// Answers a call below `/calendar/v3`.
    pub(super) fn calendar(&self, path: &[&str], call: &Call) -> Reply {
        let World { grants, calendars, .. } = &mut *self.world();
        let now_us = self.0.front.clock.now_us();
        let Some(consent) = grants.access(call.bearer(), now_us) else { return error::unauthorized() };
        if call.method != Method::GET {
            return error::no_such_path();
        }
        if !may_read(consent) {
            return error::forbidden("Request had insufficient authentication scopes.");
        }
        let calendar = calendars.entry(consent.account.clone()).or_default();
        partial_response::masked(call, || match path {
            ["calendars", id, rest @ ..] if *id == "primary" || id.eq_ignore_ascii_case(&consent.account) => {
                match rest {
                    [] => Reply::json(200, &json!({ "kind": "calendar#calendar", "id": consent.account })),
                    ["events"] => events::list(calendar, call),
                    ["events", id] => events::get(calendar, id),
                    _ => error::no_such_path(),
                }
            }
            _ => error::not_found(),
        })
    }
}

fn may_read(consent: &Consent) -> bool {
    consent.scope.split(' ').any(|scope| scope.contains("/auth/calendar"))
}
