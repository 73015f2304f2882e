//! What every provider's double can be made to do, for those who do not care which one it is.

use axum::Router;
use serde_json::Value;

use crate::fault::{Fault, FaultKind};
use crate::mail::Mail;
use crate::request_log::RequestLine;
use crate::wall::Usage;

/// What comes with a mail: of a type that browsers run, and as many bytes as take no time.
pub(crate) const FILE_TYPE: &str = "text/html";
pub(crate) const FILE_BYTES: usize = 4_000;

/// Something that happened to an account, and what a poller is expected to tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// In words, for people.
    pub what: &'static str,
    /// `CREATED`, `UPDATED` or `DELETED`.
    pub event: &'static str,
    /// The id of what it happened to.
    pub object_id: String,
}

impl Happening {
    pub(crate) fn new(what: &'static str, event: &'static str, object_id: impl Into<String>) -> Self {
        Self { what, event, object_id: object_id.into() }
    }
}

/// The double of one connector's provider. Operations on an account panic where it was not added.
pub trait Double: Send + Sync {
    /// The key of the connector that it stands against.
    fn connector(&self) -> &'static str;

    /// The server that it is a part of: doubles of one provider share one.
    fn server(&self) -> &'static str;

    /// The server's routes.
    fn router(&self) -> Router;

    /// The addresses that the connector is to use instead of the public ones: variables, and paths on the server.
    fn addresses(&self) -> &'static [(&'static str, &'static str)];

    /// The poller configuration of the documentation's sample.
    fn poller(&self) -> Value;

    /// Adds an account that holds nothing. Adding it again changes nothing.
    fn add_account(&self, email: &str);

    /// A code as if the user had consented to what the sample polls.
    fn new_code(&self, email: &str) -> String;

    /// A code as if the user had consented to all that there is.
    fn new_code_for_all(&self, email: &str) -> String {
        self.new_code(email)
    }

    /// Something comes in.
    fn receive(&self, email: &str, mail: Mail) -> Happening;

    /// The same with a file of this name, where what comes in can have one.
    fn receive_with(&self, email: &str, mail: Mail, _file_name: &str) -> Happening {
        self.receive(email, mail)
    }

    /// The user looks at it.
    fn look_at(&self, email: &str, id: &str) -> Happening;

    /// The user marks it.
    fn mark(&self, email: &str, id: &str) -> Happening;

    /// The user deletes it, as far as polls can tell.
    fn remove(&self, email: &str, id: &str) -> Happening;

    /// It is deleted for good.
    fn remove_for_good(&self, email: &str, id: &str) -> Happening {
        self.remove(email, id)
    }

    /// Something of last year, from before the account was connected.
    fn import_old(&self, email: &str, mail: Mail) -> String;

    /// A resource beside the first one, of which [`Double::add_beside`] makes objects.
    fn beside(&self) -> Option<&'static str> {
        None
    }

    /// Makes the `number`-th object of that resource.
    fn add_beside(&self, _email: &str, _number: usize) -> Option<Happening> {
        None
    }

    /// Begins something that is not finished and is not to be told; gives its id. `None`: there is no such thing.
    fn begin_draft(&self, _email: &str, _mail: Mail) -> Option<String> {
        None
    }

    /// Works on it again.
    fn save_draft(&self, _email: &str, _draft: &str, _mail: Mail) {}

    /// Finishes it.
    fn send_draft(&self, _email: &str, _draft: &str) -> Option<Happening> {
        None
    }

    /// Forgets everything before now: stored positions are worth nothing. False where positions do not end.
    fn expire_positions(&self, _email: &str) -> bool {
        false
    }

    /// Changes show only some time after they were made, up to this long. False where they show at once.
    fn set_lag_us(&self, _longest_us: i64) -> bool {
        false
    }

    /// Reading this object alone fails until it is healed. False where objects are not read alone.
    fn break_object(&self, _email: &str, _id: &str) -> bool {
        false
    }

    /// Ends [`Double::break_object`].
    fn heal_object(&self, _email: &str, _id: &str) {}

    /// Ends all that the account has granted.
    fn revoke(&self, email: &str);

    /// Ends the account's access tokens before their time.
    fn expire_access_tokens(&self, email: &str);

    /// Sets how long new access tokens last.
    fn set_token_lifetime_s(&self, lifetime_s: i64);

    /// Queues a failure.
    fn push_fault(&self, fault: Fault);

    /// Makes each request fail with a probability, in one of the ways that fit it.
    fn set_fault_rate(&self, probability: f64, kinds: Vec<FaultKind>);

    /// Drops every failure.
    fn clear_faults(&self);

    /// Makes every request of one account fail.
    fn fail_account(&self, email: &str, kind: FaultKind);

    /// Ends the failures of one account.
    fn heal_account(&self, email: &str);

    /// How an account used the API so far.
    fn usage(&self, email: &str) -> Usage;

    /// The last requests, oldest first.
    fn requests(&self) -> Vec<RequestLine>;

    /// Forgets the requests so far.
    fn clear_requests(&self);
}

/// The part of [`Double`] that is the same for all, by the server behind it.
macro_rules! served {
    ($server:ident, |$this:ident| $inner:expr) => {
        fn router(&self) -> axum::Router {
            let $this = self;
            $server::router($inner)
        }

        fn add_account(&self, email: &str) {
            let $this = self;
            $server::add_account($inner, email);
        }

        fn revoke(&self, email: &str) {
            let $this = self;
            $server::revoke($inner, email);
        }

        fn expire_access_tokens(&self, email: &str) {
            let $this = self;
            $server::expire_access_tokens($inner, email);
        }

        fn set_token_lifetime_s(&self, lifetime_s: i64) {
            let $this = self;
            $server::set_token_lifetime_s($inner, lifetime_s);
        }

        fn push_fault(&self, fault: $crate::Fault) {
            let $this = self;
            $server::push_fault($inner, fault);
        }

        fn set_fault_rate(&self, probability: f64, kinds: Vec<$crate::FaultKind>) {
            let $this = self;
            $server::set_fault_rate($inner, probability, kinds);
        }

        fn clear_faults(&self) {
            let $this = self;
            $server::clear_faults($inner);
        }

        fn fail_account(&self, email: &str, kind: $crate::FaultKind) {
            let $this = self;
            $server::fail_account($inner, email, kind);
        }

        fn heal_account(&self, email: &str) {
            let $this = self;
            $server::heal_account($inner, email);
        }

        fn usage(&self, email: &str) -> $crate::Usage {
            let $this = self;
            $server::usage($inner, email)
        }

        fn requests(&self) -> Vec<$crate::RequestLine> {
            let $this = self;
            $server::requests($inner)
        }

        fn clear_requests(&self) {
            let $this = self;
            $server::clear_requests($inner);
        }
    };
}
pub(crate) use served;
