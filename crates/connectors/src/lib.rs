//! What Carillon knows of each mail provider.
//!
//! A connector turns a stored position into changes and a new position. It builds requests and reads
//! replies; it never waits, repeats, logs or reads the environment or the clock: it classifies what went
//! wrong ([`ErrorKind`]) and the caller decides. One folder a provider, one line each in [`registry`].

mod descriptor;
mod error;
mod gmail;
mod google;
mod googlecalendar;
mod http;
pub mod hub;
mod lenient;
mod numbers;
pub mod oauth;
mod outlook;
mod push;
mod registration;
mod registry;
mod scratch;
#[cfg(test)]
mod script;
mod snapshot;
mod sought;
mod values;

pub use descriptor::{
    Ability, Authentication, ClientCredentials, Descriptor, Endpoint, OAuth, Polling, Resource,
    UsedRefreshToken,
};
pub use error::{Error, ErrorKind};
pub use http::{
    BodyStream, Http, HttpError, HttpRequest, HttpResponse, HttpStream, Method, Route, TlsFault,
    retry_after_s,
};
pub use push::{
    Addressee, Arrival, Forged, Notice, NoticeKind, Proof, PullSource, Pulled, Push, PushRequest,
    WatchRequest,
};
pub use registration::{RefusalAdvice, Registration};
pub use registry::registry;
pub use scratch::Scratch;
pub use sought::{RecordStanding, SOUGHT_RECORDS_MAX, Sought};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::annex::AnnexPart;
use domain::event::{Change, ChangeKind};
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use serde_json::Value;

/// Maximum requests in flight for one mailbox: both providers throttle more; for Outlook see
/// <https://learn.microsoft.com/en-us/graph/throttling-limits#outlook-service-limits>.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 4;
/// Maximum changes in one [`Step`]: 25 notifications of ten.
pub const STEP_CHANGES_MAX: usize = 250;
/// Bytes of records after which a [`Step`] takes no more, so that a store can commit it at once.
pub const STEP_BYTES_MAX: usize = 3_000_000;

/// What a connector needs for its requests.
pub struct Call<'a> {
    /// The way out.
    pub http: &'a dyn Http,
    /// The provider's API, without a trailing slash.
    pub api_url: &'a str,
    /// What lets us in: an access token, or the key, as the descriptor's [`Authentication`] says.
    pub credential: &'a str,
    /// Our clock at the step's begin.
    pub now: DateTime<Utc>,
    /// Time for one request, ms.
    pub timeout_ms: u64,
    /// Where the steps of a run keep what they need not read twice; outside of polls there is none.
    pub scratch: Option<&'a Scratch>,
    /// What is stored of the polled resource; outside of polls there is none.
    pub archive: Option<&'a dyn Archive>,
}

/// What is stored of the polled resource beside its position.
///
/// # Errors
/// [`Error`]: it can't be read now.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Records of a stretch of the event log, the newest first: those before this place, or the newest of all.
    async fn told(&self, before: Option<u64>) -> Result<ToldPage, Error>;

    /// Parts of the annex, as the last stored steps left them, in the order of these names.
    async fn annex(&self, names: &[String]) -> Result<Vec<Option<String>>, Error>;
}

/// A stretch of the log.
#[derive(Debug, Default)]
pub struct ToldPage {
    /// As callbacks show them.
    pub records: Vec<Value>,
    /// Where the next stretch ends; `None` in the last.
    pub before: Option<u64>,
}

/// An interval of time, from the first instant to before the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Start, inclusive.
    pub from: DateTime<Utc>,
    /// End, exclusive.
    pub to: DateTime<Utc>,
}

/// What the caller remembers of a resource, beside the cursor.
#[derive(Debug, Clone, Copy)]
pub struct Past {
    /// When the baseline was taken.
    pub baseline_at: DateTime<Utc>,
    /// The last poll that was stored.
    pub last_success_at: DateTime<Utc>,
    /// Failures in a row since.
    pub failures: u32,
    /// The event log holds everything reported since then, but not necessarily what was reported before.
    pub log_since: DateTime<Utc>,
    /// Which poll this is, counted by the timetable; `None` outside of it. Who takes turns goes by it, so that nothing has
    /// to be stored for that.
    pub number: Option<u64>,
}

/// The position from which to watch, and whose mailbox it is.
pub struct Baseline {
    /// The position, opaque to the caller.
    pub cursor: Value,
    /// Identifies the mailbox, if the provider has such an id; only a digest of it is kept.
    pub identity: Option<String>,
    /// The mailbox's address, if the same answers tell it.
    pub address: Option<String>,
}

/// A stretch of changes that ends at a valid position.
pub struct Step {
    /// What changed, in order; at most [`STEP_CHANGES_MAX`].
    pub changes: Vec<Change>,
    /// Records that failed on their own, though others came: to be tried again with [`Connector::fetch`].
    pub failed: Vec<FailedRecord>,
    /// The position after these changes.
    pub cursor: Value,
    /// Parts of the annex that replace those of the same names, if the position is stored: at most
    /// [`ANNEX_PARTS_COUNT_MAX`](domain::annex::ANNEX_PARTS_COUNT_MAX).
    pub annex: Vec<AnnexPart>,
    /// The position must be stored. An idle step says no: there the position is only fresher.
    pub moved: bool,
    /// There is more to read now.
    pub more: bool,
    /// What the walk can't report, in words, and since when.
    pub gap: Option<(DateTime<Utc>, String)>,
    /// Why the step ends early: what it has is good, and what follows has to wait.
    pub halted: Option<Error>,
    /// Nothing but what the connector keeps for itself moved: no change, nor anything that a provider's notice may mean.
    pub is_aside: bool,
    /// When the connector has to look again, if that is before the next poll is due.
    pub again_at: Option<DateTime<Utc>>,
}

impl Step {
    /// A step that found nothing and went nowhere.
    pub fn nothing() -> Self {
        Step {
            changes: Vec::new(),
            failed: Vec::new(),
            cursor: Value::Null,
            annex: Vec::new(),
            moved: false,
            more: false,
            gap: None,
            halted: None,
            is_aside: false,
            again_at: None,
        }
    }
}

/// A record that could not be read.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedRecord {
    /// Its id.
    pub object_id: String,
    /// What happened to it.
    pub kind: ChangeKind,
    /// The provider's name of the change.
    pub version: String,
    /// What is known of it without reading it.
    pub stub: Value,
}

/// One provider.
///
/// # Errors
/// [`Error`], whose [`ErrorKind`] says what the caller does: refresh the token, wait, recover, or go round the object.
/// `check` says which rule is broken, and `read` also what the provider can't be asked.
#[async_trait]
pub trait Connector: Send + Sync {
    /// What it is and how to reach it.
    fn descriptor(&self) -> &'static Descriptor;

    /// Checks a resource's configuration against what the provider can do.
    fn check(&self, resource: &ResourceConfig) -> Result<(), Invalid>;

    /// Takes the position from which to watch; reports nothing.
    async fn baseline(&self, call: &Call<'_>, resource: &ResourceConfig) -> Result<Baseline, Error>;

    /// Reads the next stretch of changes after `cursor`.
    async fn poll(
        &self,
        call: &Call<'_>,
        resource: &ResourceConfig,
        cursor: &Value,
        past: &Past,
    ) -> Result<Step, Error>;

    /// After [`ErrorKind::CursorExpired`]: pins the provider's present position, from which later steps first list
    /// what may have changed in between, and then go on.
    ///
    /// For connectors whose positions never expire there is nothing to do.
    async fn recover(&self, _call: &Call<'_>, _cursor: &Value, _past: &Past) -> Result<Step, Error> {
        Err(Error::new(ErrorKind::CursorExpired, "the position expired and there is no way to catch up"))
    }

    /// Reads again, a stretch at a time, what came into the mailbox within a window, or changed in it if the resource
    /// only has that date. Each change has to be rechecked. The first stretch has no cursor; `more` is false in
    /// the last.
    async fn backfill(
        &self,
        _call: &Call<'_>,
        resource: &ResourceConfig,
        _window: Window,
        _cursor: Option<&Value>,
        _past: &Past,
    ) -> Result<Step, Error> {
        Err(Error::new(ErrorKind::Rejected, format!("`{}` can't be read again by time", resource.name)))
    }

    /// Reads a page of a resource, or one object of it, for a client.
    async fn read(&self, _call: &Call<'_>, _query: &hub::Query) -> Result<hub::Answer, hub::ReadError> {
        Err(hub::ReadError::NoResource)
    }

    /// Opens the content of an object, for a client: `["messages", ID, "raw"]`, or
    /// `["messages", ID, "attachments", ID, "content"]`.
    async fn content(&self, _call: &Call<'_>, _path: &[String]) -> Result<hub::Content, hub::ReadError> {
        Err(hub::ReadError::NoResource)
    }

    /// The read that shows what is sought in a resource; `None` where it can't be sought in this way.
    fn seek(&self, _resource: &ResourceConfig, _sought: &Sought, _now: DateTime<Utc>) -> Option<hub::Query> {
        None
    }

    /// How a record of such a read stands to the resource's configuration; `None` where it says too little.
    fn standing(
        &self,
        _resource: &ResourceConfig,
        _record: &Value,
        _now: DateTime<Utc>,
    ) -> Option<RecordStanding> {
        None
    }

    /// What people call a record, as it stands in callbacks: the subject of a message, the title of an event, a name.
    fn subject<'a>(&self, _record: &'a Value) -> Option<&'a str> {
        None
    }

    /// What a configuration asks of this mailbox that the mailbox does not have, in words for people: the same
    /// configuration may be right for another mailbox, and yet nothing would ever come.
    async fn lacks(&self, _call: &Call<'_>, _resource: &ResourceConfig) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    /// How it gives notice of changes, where it does.
    fn push(&self) -> Option<&dyn Push> {
        None
    }

    /// Asks for the mailbox's address: one request, for a mailbox whose baseline was taken before addresses were kept.
    /// `None`: the provider does not tell it.
    async fn address(&self, _call: &Call<'_>) -> Result<Option<String>, Error> {
        Ok(None)
    }

    /// Asks the provider for the least, to see whether the mailbox answers.
    async fn ping(&self, _call: &Call<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// How many records may be read again at once: of those that may be long, one.
    fn looks_at_once(&self, _call: &Call<'_>, _resource: &ResourceConfig) -> usize {
        REQUESTS_IN_FLIGHT_MAX
    }

    /// Reads one record again, as it is now. `None`: there is nothing to report; [`ErrorKind::NotFound`]: it is
    /// gone. For connectors whose lists hold the records there are none to read again.
    async fn fetch(
        &self,
        _call: &Call<'_>,
        _resource: &ResourceConfig,
        _record: &FailedRecord,
    ) -> Result<Option<Change>, Error> {
        Ok(None)
    }
}
