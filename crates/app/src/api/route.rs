//! A route: its handler, and what the description of the interface says of it. Both come from one entry, so that
//! neither has what the other lacks.

use super::error::ApiError;
use super::handled::{Describes, Handled};
use crate::context::Context;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{self, MethodRouter};
use std::sync::Arc;

/// Everything of the dialect is below this path.
pub const BASE_PATH: &str = "/elements/api-v2";

/// One method of one path.
pub(super) struct Route {
    pub(super) method: &'static str,
    /// Below the base path, as the router takes it: `{id}` is one segment, `{*rest}` all that follow.
    pub(super) path: &'static str,
    pub(super) handler: MethodRouter<Arc<Context>>,
    /// What generated clients call it: a verb and its object.
    pub(super) id: &'static str,
    /// What it does, in one sentence without a full stop.
    pub(super) summary: &'static str,
    pub(super) caller: CallerKind,
    pub(super) parameters: Vec<&'static Parameter>,
    /// What the handler's signature says.
    pub(super) handled: Handled,
    /// Statuses that its work can end in, beside those of its arguments.
    pub(super) failures: &'static [u16],
}

/// What the `Authorization` header has to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallerKind {
    /// A user, with the organization's secret or an instance's token.
    User,
    /// A user, with the organization's secret.
    Organization,
    /// A user, with an instance's token.
    Element,
    /// The administrator's key, or a user who sees all of the organization.
    Administrator,
    /// Nothing.
    Anybody,
}

/// A parameter of the query.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: ParameterKind,
    pub(super) is_required: bool,
    /// Meaning, units, default, limits.
    pub(super) description: &'static str,
    pub(super) example: &'static str,
}

/// What a parameter's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterKind {
    Text,
    /// A whole number within these limits.
    Number(u64, u64),
    Flag,
    /// A text that may be given more than once.
    Texts,
    OneOf(&'static [&'static str]),
}

pub(super) fn get<H: Describes<T>, T: 'static>(
    id: &'static str,
    path: &'static str,
    handler: H,
    summary: &'static str,
) -> Route {
    route("get", path, id, summary, (H::handled(), routing::get(handler)))
}

pub(super) fn post<H: Describes<T>, T: 'static>(
    id: &'static str,
    path: &'static str,
    handler: H,
    summary: &'static str,
) -> Route {
    route("post", path, id, summary, (H::handled(), routing::post(handler)))
}

pub(super) fn put<H: Describes<T>, T: 'static>(
    id: &'static str,
    path: &'static str,
    handler: H,
    summary: &'static str,
) -> Route {
    route("put", path, id, summary, (H::handled(), routing::put(handler)))
}

pub(super) fn patch<H: Describes<T>, T: 'static>(
    id: &'static str,
    path: &'static str,
    handler: H,
    summary: &'static str,
) -> Route {
    route("patch", path, id, summary, (H::handled(), routing::patch(handler)))
}

pub(super) fn delete<H: Describes<T>, T: 'static>(
    id: &'static str,
    path: &'static str,
    handler: H,
    summary: &'static str,
) -> Route {
    route("delete", path, id, summary, (H::handled(), routing::delete(handler)))
}

fn route(
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    (handled, handler): (Handled, MethodRouter<Arc<Context>>),
) -> Route {
    // Whatever may change something, so that no handler has to think of it.
    let handler =
        if method == "get" { handler } else { handler.route_layer(middleware::from_fn(to_its_end)) };
    let caller = CallerKind::User;
    Route { method, path, handler, id, summary, caller, parameters: Vec::new(), handled, failures: &[] }
}

/// On a task of its own: a client that goes away does not stop what it began half-way.
async fn to_its_end(request: Request, next: Next) -> Response {
    tokio::spawn(next.run(request)).await.unwrap_or_else(|_| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        ApiError::new(status, "internal error; check what was done before trying again").into_response()
    })
}

impl Route {
    pub(super) fn by(self, caller: CallerKind) -> Self {
        Route { caller, ..self }
    }

    pub(super) fn with(mut self, parameters: &[&'static Parameter]) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// What its work can end in, beside what its arguments can.
    pub(super) fn or(self, failures: &'static [u16]) -> Self {
        Route { failures, ..self }
    }
}
