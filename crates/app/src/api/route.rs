//! A route: its handler, and what the description of the interface says of it. Both come from one entry, so that
//! neither has what the other lacks.

use super::error::ApiError;
use crate::context::Context;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{self, MethodRouter};
use std::sync::Arc;

/// One method of one path.
pub(super) struct Route {
    pub(super) method: &'static str,
    /// Below the base path, as the router takes it: `{id}` is one segment, `{*rest}` all that follow.
    pub(super) path: &'static str,
    pub(super) handler: MethodRouter<Arc<Context>>,
    /// What it does, in one sentence without a full stop.
    pub(super) summary: &'static str,
    pub(super) caller: CallerKind,
    pub(super) parameters: Vec<&'static Parameter>,
    /// Schema of the request's body.
    pub(super) body: Option<&'static str>,
    /// Whether it may be left out.
    pub(super) is_body_optional: bool,
    /// Status and schema of what comes back when all is well.
    pub(super) answer: (u16, Shape),
    /// Schema of what may come back in the place of an error where the provider failed or has to be left alone.
    pub(super) provider_failure: Option<&'static str>,
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

/// What an answer's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One of a schema.
    One(&'static str),
    /// A list of a schema.
    Many(&'static str),
    /// A page of a list, with the headers of one.
    Page(&'static str),
    /// One of a schema that may be a page, with the headers of one.
    OnePage(&'static str),
    Empty,
}

/// A parameter of the query.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
    /// Meaning, units, default, limits.
    pub(super) description: &'static str,
    pub(super) example: &'static str,
}

/// What a parameter's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A whole number within these limits.
    Number(u64, u64),
    Flag,
    /// A text that may be given more than once.
    Texts,
    OneOf(&'static [&'static str]),
}

pub(super) fn get<H: Handler<T, Arc<Context>>, T: 'static>(
    path: &'static str,
    handler: H,
    summary: &'static str,
) -> Route {
    route("get", path, routing::get(handler), summary)
}

pub(super) fn post<H: Handler<T, Arc<Context>>, T: 'static>(
    path: &'static str,
    handler: H,
    summary: &'static str,
) -> Route {
    route("post", path, routing::post(handler), summary)
}

pub(super) fn put<H: Handler<T, Arc<Context>>, T: 'static>(
    path: &'static str,
    handler: H,
    summary: &'static str,
) -> Route {
    route("put", path, routing::put(handler), summary)
}

pub(super) fn patch<H: Handler<T, Arc<Context>>, T: 'static>(
    path: &'static str,
    handler: H,
    summary: &'static str,
) -> Route {
    route("patch", path, routing::patch(handler), summary)
}

pub(super) fn delete<H: Handler<T, Arc<Context>>, T: 'static>(
    path: &'static str,
    handler: H,
    summary: &'static str,
) -> Route {
    route("delete", path, routing::delete(handler), summary)
}

fn route(
    method: &'static str,
    path: &'static str,
    handler: MethodRouter<Arc<Context>>,
    summary: &'static str,
) -> Route {
    // Whatever may change something, so that no handler has to think of it.
    let handler =
        if method == "get" { handler } else { handler.route_layer(middleware::from_fn(to_its_end)) };
    Route {
        method,
        path,
        handler,
        summary,
        caller: CallerKind::User,
        parameters: Vec::new(),
        body: None,
        is_body_optional: false,
        answer: (200, Shape::Empty),
        provider_failure: None,
    }
}

/// On a task of its own: a client that goes away does not stop what it began half-way.
async fn to_its_end(request: Request, next: Next) -> Response {
    tokio::spawn(next.run(request)).await.unwrap_or_else(|_| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        ApiError::new(status, "something failed inside; look before trying again").into_response()
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

    pub(super) fn body(self, schema: &'static str) -> Self {
        Route { body: Some(schema), ..self }
    }

    pub(super) fn optional_body(self, schema: &'static str) -> Self {
        Route { is_body_optional: true, ..self.body(schema) }
    }

    pub(super) fn one(self, schema: &'static str) -> Self {
        Route { answer: (200, Shape::One(schema)), ..self }
    }

    pub(super) fn many(self, schema: &'static str) -> Self {
        Route { answer: (200, Shape::Many(schema)), ..self }
    }

    pub(super) fn page(self, schema: &'static str) -> Self {
        Route { answer: (200, Shape::Page(schema)), ..self }
    }

    /// What reports the provider's failure, beside an error.
    pub(super) fn or_failed(self, schema: &'static str) -> Self {
        Route { provider_failure: Some(schema), ..self }
    }

    pub(super) fn one_page(self, schema: &'static str) -> Self {
        Route { answer: (200, Shape::OnePage(schema)), ..self }
    }

    /// The answer comes with this status.
    pub(super) fn status(self, status: u16) -> Self {
        Route { answer: (status, self.answer.1), ..self }
    }
}
