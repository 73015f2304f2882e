//! What a handler's own signature says of it: what it takes, how that can fail, and what it answers. The description of
//! the interface is made of this, so that it can't say anything else.

use super::answer::{Answer, Answered, Paging};
use super::auth::{Administrator, Caller, Own, Platform};
use super::body::Body;
use super::query::Params;
use super::requests::Request;
use super::visitor::Visitor;
use crate::context::Context;
use axum::extract::{Path, RawPathParams, State};
use axum::http::HeaderMap;
use axum::{Extension, handler::Handler};
use schemars::{Schema, SchemaGenerator};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A handler's signature, as the description of the interface needs it.
#[derive(Debug, Clone)]
pub(super) struct Handled {
    /// When all is well.
    pub(super) status: u16,
    pub(super) page: Paging,
    pub(super) media_type: &'static str,
    pub(super) answer: fn(&mut SchemaGenerator) -> Option<Schema>,
    pub(super) failure: fn(&mut SchemaGenerator) -> Option<Schema>,
    pub(super) body: Option<RequestBody>,
    /// Statuses that what it takes can end in.
    pub(super) failures: BTreeSet<u16>,
}

/// A request's body.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestBody {
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
    /// It may be left out.
    pub(super) is_optional: bool,
}

/// One argument of a handler.
pub(super) trait Argument {
    /// Statuses that reading it can end in.
    const FAILURES: &'static [u16];
    const BODY: Option<RequestBody> = None;
}

impl Argument for State<Arc<Context>> {
    const FAILURES: &'static [u16] = &[500];
}

impl<T> Argument for Extension<T> {
    const FAILURES: &'static [u16] = &[];
}

impl Argument for HeaderMap {
    const FAILURES: &'static [u16] = &[];
}

impl Argument for Params {
    const FAILURES: &'static [u16] = &[400];
}

impl<T> Argument for Path<T> {
    const FAILURES: &'static [u16] = &[400, 404];
}

impl Argument for RawPathParams {
    const FAILURES: &'static [u16] = &[400, 404];
}

impl Argument for Caller {
    const FAILURES: &'static [u16] = &[401, 429];
}

impl Argument for Platform {
    const FAILURES: &'static [u16] = &[401, 403, 429];
}

impl Argument for Administrator {
    const FAILURES: &'static [u16] = &[401, 403, 429];
}

impl Argument for Own {
    const FAILURES: &'static [u16] = &[400, 401, 404, 429];
}

impl Argument for Visitor {
    const FAILURES: &'static [u16] = &[429];
}

impl<T: Request> Argument for Body<T> {
    const FAILURES: &'static [u16] = &[400, 413, 415];
    const BODY: Option<RequestBody> =
        Some(RequestBody { schema: |schemas| schemas.subschema_for::<T>(), is_optional: T::IS_OPTIONAL });
}

/// Whatever arrives passes by unread.
impl Argument for axum::body::Body {
    const FAILURES: &'static [u16] = &[400, 413];
}

/// A function whose signature says all of this.
pub(super) trait Describes<T>: Handler<T, Arc<Context>> {
    fn handled() -> Handled;
}

fn handled<A: Answer>(arguments: &[(&[u16], Option<RequestBody>)]) -> Handled {
    Handled {
        status: A::STATUS,
        page: A::PAGE,
        media_type: A::MEDIA_TYPE,
        answer: A::schema,
        failure: A::failure,
        body: arguments.iter().find_map(|(_, body)| *body),
        failures: arguments.iter().flat_map(|(failures, _)| failures.iter().copied()).collect(),
    }
}

impl<F, R, A> Describes<((),)> for F
where
    F: Handler<((),), Arc<Context>> + Fn() -> R,
    R: Future<Output = Answered<A>>,
    A: Answer,
{
    fn handled() -> Handled {
        handled::<A>(&[])
    }
}

/// One for each number of arguments: functions have no other way to say it of any number.
macro_rules! describes {
    ($($argument:ident),+) => {
        impl<F, R, A, M, $($argument),+> Describes<(M, $($argument,)+)> for F
        where
            F: Handler<(M, $($argument,)+), Arc<Context>> + Fn($($argument),+) -> R,
            R: Future<Output = Answered<A>>,
            A: Answer,
            $($argument: Argument),+
        {
            fn handled() -> Handled {
                handled::<A>(&[$(($argument::FAILURES, $argument::BODY)),+])
            }
        }
    };
}

describes!(T1);
describes!(T1, T2);
describes!(T1, T2, T3);
describes!(T1, T2, T3, T4);
describes!(T1, T2, T3, T4, T5);
