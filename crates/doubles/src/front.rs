//! What both providers do around every request: log, limit, fail to order, date.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use http::header::DATE;
use serde_json::json;

use crate::call::Call;
use crate::clock::{Clock, http_date};
use crate::fault::{FaultKind, FaultPlan, Route};
use crate::odd::DateHeader;
use crate::reply::Reply;
use crate::request_log::RequestLog;
use crate::wall::{InFlight, Wall};

/// A part of a batch whose turn was to come behind one that failed.
const FAILED_DEPENDENCY: u16 = 424;

pub(crate) struct Front {
    pub(crate) clock: Clock,
    pub(crate) wall: Wall,
    faults: Mutex<FaultPlan>,
    date: Mutex<DateHeader>,
    log: Mutex<RequestLog>,
}

/// The provider-shaped part of a double.
pub(crate) trait Provider: Clone + Send + Sync + 'static {
    fn front(&self) -> &Front;
    fn route(&self, call: &Call) -> Route;
    /// The account whose good access token the call carries.
    fn account(&self, call: &Call) -> Option<String>;
    /// The failure fixed to the message the call asks for.
    fn poison(&self, call: &Call, account: &str) -> Option<FaultKind>;
    /// What takes time before the true answer can be given; a reply is given in the answer's place.
    fn prepare(&self, call: &Call) -> impl Future<Output = Option<Reply>> + Send;
    /// The true answer.
    fn answer(&self, call: &Call) -> Reply;
    /// A failure in the provider's shape.
    fn fail(&self, kind: FaultKind, route: Route) -> Reply;
    /// The answer to a request too many.
    fn refuse(&self) -> Reply;
    /// The requests inside a batch; `None` when the call is no batch.
    fn parts(&self, call: &Call) -> Option<Result<Vec<BatchPart>, Reply>>;
    /// Whether the parts of a batch run at once, and so count as that many requests in flight.
    const PARTS_AT_ONCE: bool;
    /// One answer made of the answers to the parts.
    fn join(&self, parts: Vec<(BatchPart, Reply)>) -> Reply;
    /// Last touch to an answer that goes out.
    fn finish(&self, call: &Call, reply: Reply) -> Reply;
}

/// One request inside a batch, with the id that ties its answer to it.
pub(crate) struct BatchPart {
    pub(crate) id: String,
    pub(crate) call: Call,
    /// Those before it that it is not made without.
    pub(crate) after: Vec<String>,
}

impl Front {
    pub(crate) fn new(clock: Clock, seed: u64, in_flight_max: usize) -> Self {
        let faults = Mutex::new(FaultPlan::new(seed));
        let date = Mutex::new(DateHeader::True);
        Self { clock, wall: Wall::new(in_flight_max), faults, date, log: Mutex::default() }
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultPlan> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn date(&self) -> MutexGuard<'_, DateHeader> {
        self.date.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, RequestLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) async fn handle<P: Provider>(State(provider): State<P>, request: Request) -> Response {
    let front = provider.front();
    let call = match Call::read(request).await {
        Ok(call) => call,
        Err(reply) => return reply.into_response(),
    };
    let parts = provider.parts(&call);
    let inside = parts.iter().flatten().flatten().map(|part| part.call.target()).collect();
    let number = front.log().begin(call.method.to_string(), call.target(), front.clock.now_us(), inside);
    let reply = match parts {
        None => attend(&provider, &call).await,
        Some(Ok(parts)) => attend_parts(&provider, parts).await,
        Some(Err(reply)) => reply,
    };
    let reply = dated(front, provider.finish(&call, reply));
    front.log().finish(number, reply.status);
    reply.into_response()
}

fn dated(front: &Front, reply: Reply) -> Reply {
    match front.date().at_us(front.clock.now_us()) {
        Some(at_us) => reply.with_header(DATE, http_date(at_us)),
        None => reply,
    }
}

/// A request that was let in, and whose it is.
struct Entered {
    account: Option<String>,
    _in_flight: Option<InFlight>,
}

/// `None` when the account has too many requests in flight. Requests of nobody are not limited.
fn enter<P: Provider>(provider: &P, call: &Call) -> Option<Entered> {
    let Some(account) = provider.account(call) else {
        return Some(Entered { account: None, _in_flight: None });
    };
    let in_flight = provider.front().wall.enter(&account, provider.route(call))?;
    Some(Entered { account: Some(account), _in_flight: Some(in_flight) })
}

async fn attend<P: Provider>(provider: &P, call: &Call) -> Reply {
    match enter(provider, call) {
        Some(entered) => serve(provider, call, &entered).await,
        None => provider.refuse(),
    }
}

async fn attend_parts<P: Provider>(provider: &P, parts: Vec<BatchPart>) -> Reply {
    // Parts that run at once all take their place before the first is answered; they are answered one after
    // another all the same, so that a run can be repeated.
    let mut entered: Vec<_> = if P::PARTS_AT_ONCE {
        parts.iter().map(|part| enter(provider, &part.call)).collect()
    } else {
        vec![]
    };
    let mut answered = Vec::with_capacity(parts.len());
    for (index, part) in parts.into_iter().enumerate() {
        let failed =
            |(other, reply): &(BatchPart, Reply)| reply.status >= 300 && part.after.contains(&other.id);
        let reply = match entered.get(index) {
            _ if answered.iter().any(failed) => Reply::json(FAILED_DEPENDENCY, &json!({})),
            Some(Some(entered)) => serve(provider, &part.call, entered).await,
            Some(None) => provider.refuse(),
            None => attend(provider, &part.call).await,
        };
        answered.push((part, reply));
    }
    entered.clear();
    provider.join(answered)
}

async fn serve<P: Provider>(provider: &P, call: &Call, entered: &Entered) -> Reply {
    let route = provider.route(call);
    let fixed = entered.account.as_deref().and_then(|account| {
        let poison = provider.poison(call, account);
        poison.or_else(|| provider.front().faults().of_account(account, route))
    });
    let fault = fixed.or_else(|| provider.front().faults().draw(route));
    // Without a pause every in-process request would end before the next begins, and none would overlap.
    tokio::task::yield_now().await;
    match fault {
        None => truth(provider, call).await,
        Some(FaultKind::Slow { ms }) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            truth(provider, call).await
        }
        Some(FaultKind::Truncated) => truth(provider, call).await.truncated(),
        Some(FaultKind::MissingRefreshToken) => truth(provider, call).await.without("refresh_token"),
        Some(kind) => provider.fail(kind, route),
    }
}

async fn truth<P: Provider>(provider: &P, call: &Call) -> Reply {
    match provider.prepare(call).await {
        Some(reply) => reply,
        None => provider.answer(call),
    }
}

/// The methods every provider double has for faults, the log and the limit.
macro_rules! controls {
    ($double:ident) => {
        impl $double {
            /// Queues a failure; it is served to the next requests it fits.
            pub fn push_fault(&self, fault: $crate::Fault) {
                self.0.front.faults().push(fault);
            }

            /// Makes each request fail with the given probability (0 to 1), in one of the ways that fit it.
            pub fn set_fault_rate(&self, probability: f64, kinds: Vec<$crate::FaultKind>) {
                self.set_fault_rate_on($crate::Route::Any, probability, kinds);
            }

            /// The same for one kind of request only: a provider of which a part is out of order.
            pub fn set_fault_rate_on(
                &self,
                on: $crate::Route,
                probability: f64,
                kinds: Vec<$crate::FaultKind>,
            ) {
                self.0.front.faults().set_rate(on, probability, kinds);
            }

            /// Makes every request of one account fail in the same way, where it fits; the others go on.
            pub fn fail_account(&self, email: &str, kind: $crate::FaultKind) {
                self.0.front.faults().fail_account(email, kind);
            }

            /// Ends the failures of one account.
            pub fn heal_account(&self, email: &str) {
                self.0.front.faults().heal_account(email);
            }

            /// Drops every failure, queued or of an account, and sets the rate to zero. Poisoned messages stay so.
            pub fn clear_faults(&self) {
                self.0.front.faults().clear();
            }

            /// Sets what the `Date` header of answers says; the time at first.
            pub fn set_date_header(&self, date: $crate::DateHeader) {
                *self.0.front.date() = date;
            }

            /// The last 10,000 requests, oldest first. A batch is one of them, and names those in it.
            pub fn requests(&self) -> Vec<$crate::RequestLine> {
                self.0.front.log().lines()
            }

            /// Forgets the requests so far.
            pub fn clear_requests(&self) {
                self.0.front.log().clear();
            }

            /// Sets how many requests one account may have in flight; those above get a 429.
            pub fn set_in_flight_max(&self, in_flight_max: usize) {
                self.0.front.wall.set_max(in_flight_max);
            }

            /// How an account used the API so far.
            pub fn usage(&self, email: &str) -> $crate::Usage {
                self.0.front.wall.usage(email)
            }
        }
    };
}
pub(crate) use controls;
