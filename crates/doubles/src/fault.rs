//! Failures to order: queued ones, seeded random ones, and which request each one fits.

use std::collections::{BTreeMap, VecDeque};

/// What a request asks for, as far as faults tell requests apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Every request.
    Any,
    /// The consent page.
    Authorize,
    /// The token endpoint.
    Token,
    /// Gmail's history; Graph's delta.
    History,
    /// A list of messages.
    List,
    /// One message; of Graph's, also one folder.
    Get,
    /// Gmail's profile; Graph's `/me`.
    Profile,
    /// What sets push up and takes it down, and what Pub/Sub is asked.
    Push,
    /// Labels, threads, drafts, folders.
    Other,
}

/// A way to fail. Each provider renders it in its own shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// 429, with `Retry-After` when given.
    RateLimited {
        /// Seconds to wait.
        retry_after_s: Option<u32>,
    },
    /// The other face of a rate limit: Gmail's 403 `rateLimitExceeded`, Graph's 503 `ErrorServerBusy`.
    ForbiddenLimit,
    /// 403 for lack of permission; waiting does not help.
    Forbidden,
    /// 500 or 503 with the provider's JSON.
    ServerError {
        /// The status to answer.
        status: u16,
    },
    /// Out of service until then: 503 with a `Retry-After` that is a date, the same for everybody.
    Down {
        /// Seconds since the Unix epoch.
        until_s: i64,
    },
    /// 502 with a page of HTML.
    BadGatewayHtml,
    /// The true answer, cut in the middle; the length header agrees with the cut body.
    Truncated,
    /// What is asked for is refused, and nothing else: Gmail's 400 `failedPrecondition` and 403 `forbidden`, Graph's
    /// `ErrorInvalidRequest` and `ErrorAccessDenied`.
    Refused {
        /// 400 or 403.
        status: u16,
    },
    /// 401 although the token may be good.
    Unauthorized,
    /// 404.
    NotFound,
    /// Token endpoint only: the grant is dead.
    InvalidGrant,
    /// Token endpoint only: the application's own credentials are wrong.
    InvalidClient,
    /// Token endpoint only: the true answer without its `refresh_token`.
    MissingRefreshToken,
    /// The true answer, later.
    Slow {
        /// Milliseconds of delay.
        ms: u64,
    },
}

/// A failure to serve to the next `times` requests that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which requests it waits for.
    pub on: Route,
    /// What they get.
    pub kind: FaultKind,
    /// How many of them get it.
    pub times: u32,
}

impl FaultKind {
    /// As a `Retry-After` says a time.
    pub(crate) fn date(at_s: i64) -> String {
        let at = chrono::DateTime::from_timestamp(at_s, 0).unwrap_or_default();
        at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// Token endpoint and API fail in different ways; a fault waits for a request it makes sense for.
    fn fits(self, route: Route) -> bool {
        match self {
            Self::InvalidGrant | Self::InvalidClient | Self::MissingRefreshToken => route == Route::Token,
            Self::ForbiddenLimit
            | Self::Forbidden
            | Self::Refused { .. }
            | Self::Unauthorized
            | Self::NotFound => !matches!(route, Route::Token | Route::Authorize),
            _ => true,
        }
    }
}

#[derive(Debug)]
pub(crate) struct FaultPlan {
    queue: VecDeque<Fault>,
    accounts: BTreeMap<String, FaultKind>,
    probability: f64,
    kinds: Vec<FaultKind>,
    /// Requests that random failures are for.
    random_on: Route,
    rng: fastrand::Rng,
}

impl FaultPlan {
    pub(crate) fn new(seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        Self {
            queue: VecDeque::new(),
            accounts: BTreeMap::new(),
            probability: 0.0,
            kinds: Vec::new(),
            random_on: Route::Any,
            rng,
        }
    }

    pub(crate) fn push(&mut self, fault: Fault) {
        if fault.times > 0 {
            self.queue.push_back(fault);
        }
    }

    pub(crate) fn set_rate(&mut self, on: Route, probability: f64, kinds: Vec<FaultKind>) {
        self.random_on = on;
        self.probability = probability;
        self.kinds = kinds;
    }

    pub(crate) fn fail_account(&mut self, account: &str, kind: FaultKind) {
        self.accounts.insert(account.to_owned(), kind);
    }

    pub(crate) fn heal_account(&mut self, account: &str) {
        self.accounts.remove(account);
    }

    /// The failure that every request of the account gets.
    pub(crate) fn of_account(&self, account: &str, route: Route) -> Option<FaultKind> {
        self.accounts.get(account).copied().filter(|kind| kind.fits(route))
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.accounts.clear();
        self.set_rate(Route::Any, 0.0, Vec::new());
    }

    /// The fault for a request: the first queued one that fits, else perhaps a random one.
    pub(crate) fn draw(&mut self, route: Route) -> Option<FaultKind> {
        self.draw_queued(route).or_else(|| self.draw_random(route))
    }

    fn draw_queued(&mut self, route: Route) -> Option<FaultKind> {
        let fits = |fault: &Fault| (fault.on == Route::Any || fault.on == route) && fault.kind.fits(route);
        let index = self.queue.iter().position(fits)?;
        let fault = self.queue.get_mut(index)?;
        let kind = fault.kind;
        fault.times -= 1;
        if fault.times == 0 {
            self.queue.remove(index);
        }
        Some(kind)
    }

    fn draw_random(&mut self, route: Route) -> Option<FaultKind> {
        // A browser would show the failure to a person, who tries again; there is nothing to test in that.
        let is_meant = self.random_on == Route::Any || self.random_on == route;
        if route == Route::Authorize || !is_meant || self.rng.f64() >= self.probability {
            return None;
        }
        let kinds: Vec<_> = self.kinds.iter().copied().filter(|kind| kind.fits(route)).collect();
        self.rng.choice(kinds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queued_faults_wait_for_a_request_that_fits() {
        let mut plan = FaultPlan::new(1);
        plan.push(Fault { on: Route::Any, kind: FaultKind::InvalidGrant, times: 1 });
        plan.push(Fault { on: Route::Get, kind: FaultKind::NotFound, times: 2 });
        plan.push(Fault { on: Route::Any, kind: FaultKind::Truncated, times: 0 });
        assert_eq!(plan.draw(Route::List), None);
        assert_eq!(plan.draw(Route::Get), Some(FaultKind::NotFound));
        assert_eq!(plan.draw(Route::Token), Some(FaultKind::InvalidGrant));
        assert_eq!(plan.draw(Route::Token), None);
        assert_eq!(plan.draw(Route::Get), Some(FaultKind::NotFound));
        assert_eq!(plan.draw(Route::Get), None);
    }

    #[test]
    fn random_faults_repeat_with_the_seed() {
        let kinds = vec![FaultKind::BadGatewayHtml, FaultKind::MissingRefreshToken];
        let run = |seed| {
            let mut plan = FaultPlan::new(seed);
            plan.set_rate(Route::Any, 0.5, kinds.clone());
            (0..200).map(|_| plan.draw(Route::List)).collect::<Vec<_>>()
        };
        let drawn = run(7);
        assert_eq!(drawn, run(7));
        assert_ne!(drawn, run(8));
        assert!(drawn.iter().flatten().all(|kind| *kind == FaultKind::BadGatewayHtml));
        let count = drawn.iter().flatten().count();
        assert!((60..140).contains(&count), "{count} of 200 at one half");
    }
}
