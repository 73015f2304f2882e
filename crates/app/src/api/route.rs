//! A route: its handler, and what the description of the interface says of it. Both come from one entry, so that
//! neither has what the other lacks. The table is read for each apart: a host that keeps the description as a text has
//! nothing of what makes it.

use super::error::ApiError;
use super::handled::{Describes, Handled};
use crate::context::Context;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Everything of the dialect is below this path.
pub const BASE_PATH: &str = "/elements/api-v2";

/// An operation, and what it is called.
pub(super) struct Operation {
    pub(super) method: Method,
    /// Below the base path, as the router takes it: `{id}` is one segment, `{*rest}` all that follow.
    pub(super) path: &'static str,
    /// What generated clients call it: a verb and its object.
    pub(super) id: &'static str,
    /// What it does, in one sentence without a full stop.
    pub(super) summary: &'static str,
}

/// A method that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// One for each method.
macro_rules! constructors {
    ($($name:ident $method:ident),+) => {$(
        fn $name<H: Describes<T>, T: 'static>(
            id: &'static str,
            path: &'static str,
            handler: H,
            summary: &'static str,
        ) -> Self {
            Self::of(Operation { method: Method::$method, path, id, summary }, handler)
        }
    )+};
}

/// What is made of an entry of the table.
pub(super) trait Entry: Sized {
    fn of<H: Describes<T>, T: 'static>(operation: Operation, handler: H) -> Self;

    /// Unless it is a user.
    fn by(self, caller: CallerKind) -> Self;

    fn with(self, parameters: &[&'static Parameter]) -> Self;

    /// What its work can end in, beside what its arguments can.
    fn or(self, failures: &'static [u16]) -> Self;

    constructors!(get Get, post Post, put Put, patch Patch, delete Delete);
}

/// What serves one method of one path.
pub(super) struct Served {
    pub(super) path: &'static str,
    pub(super) handler: MethodRouter<Arc<Context>>,
}

impl Entry for Served {
    fn of<H: Describes<T>, T: 'static>(operation: Operation, handler: H) -> Self {
        let Operation { method, path, .. } = operation;
        let filter = match method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Put => MethodFilter::PUT,
            Method::Patch => MethodFilter::PATCH,
            Method::Delete => MethodFilter::DELETE,
        };
        let handler = on(filter, AnyHandler::of(handler));
        // Whatever may change something, so that no handler has to think of it.
        let handler = if method == Method::Get {
            handler
        } else {
            handler.route_layer(middleware::from_fn(to_its_end))
        };
        Served { path, handler }
    }

    fn by(self, _: CallerKind) -> Self {
        self
    }

    fn with(self, _: &[&'static Parameter]) -> Self {
        self
    }

    fn or(self, _: &'static [u16]) -> Self {
        self
    }
}

/// What is said of one method of one path.
pub(super) struct Described {
    pub(super) operation: Operation,
    pub(super) caller: CallerKind,
    pub(super) parameters: Vec<&'static Parameter>,
    /// What the handler's signature says.
    pub(super) handled: Handled,
    /// Statuses that its work can end in, beside those of its arguments.
    pub(super) failures: &'static [u16],
}

impl Entry for Described {
    fn of<H: Describes<T>, T: 'static>(operation: Operation, _: H) -> Self {
        let caller = CallerKind::User;
        Described { operation, caller, parameters: Vec::new(), handled: H::handled(), failures: &[] }
    }

    fn by(self, caller: CallerKind) -> Self {
        Described { caller, ..self }
    }

    fn with(mut self, parameters: &[&'static Parameter]) -> Self {
        self.parameters.extend(parameters);
        self
    }

    fn or(self, failures: &'static [u16]) -> Self {
        Described { failures, ..self }
    }
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

/// A handler of whatever signature, as one type: what the router does with each is compiled once.
#[derive(Clone)]
struct AnyHandler(Arc<dyn Fn(Request, Arc<Context>) -> BoxFuture<'static, Response> + Send + Sync>);

impl AnyHandler {
    fn of<H: Describes<T>, T: 'static>(handler: H) -> Self {
        AnyHandler(Arc::new(move |request, app| Box::pin(handler.clone().call(request, app))))
    }
}

impl Handler<(AnyHandler,), Arc<Context>> for AnyHandler {
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: Request, app: Arc<Context>) -> Self::Future {
        (self.0)(request, app)
    }
}

/// On a task of its own: a client that goes away does not stop what it began half-way.
async fn to_its_end(request: Request, next: Next) -> Response {
    tokio::spawn(next.run(request)).await.unwrap_or_else(|_| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        ApiError::new(status, "internal error; check what was done before trying again").into_response()
    })
}
