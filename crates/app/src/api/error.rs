//! Errors in the dialect's shape, and the request id on every answer.

use super::answers::error::{ErrorBody, ErrorCode, OtherMailbox};
use crate::context::Context;
use crate::instances::{NotByLink, Refusal};
use crate::ports::PortError;
use crate::unreadable::is_told;
use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use connectors::hub::ReadError;
use connectors::{Error, ErrorKind};
use domain::invalid::Invalid;
use std::sync::{Arc, OnceLock};

/// Header that names a request, also in its error.
const REQUEST_ID_HEADER: &str = "elements-request-id";

/// What identifies a request, for its handler.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

/// The status of a host that ends a request itself, as one whose body does not come; asked for once the answer is there.
#[derive(Clone)]
pub struct EndedByHost(pub Arc<dyn Fn() -> Option<u16> + Send + Sync>);

/// Whose request it is, once that is known, for its line in the log.
#[derive(Debug, Clone, Default)]
pub(super) struct Requester(Arc<OnceLock<u32>>);

impl Requester {
    pub(super) fn is(&self, organization_id: u32) {
        let _ = self.0.set(organization_id);
    }

    /// Its number, if it is known by now.
    pub(super) fn known(&self) -> Option<u32> {
        self.0.get().copied()
    }
}

/// What the log says of a request, in one line: when it was answered, or when its client left before.
struct RequestLine {
    app: Arc<Context>,
    id: String,
    method: Method,
    /// The template: an address may hold a person's, and a query anything.
    route: Option<MatchedPath>,
    requester: Requester,
    began_at: DateTime<Utc>,
    /// Of the answer; nobody waits for one who left.
    status: Option<u16>,
}

impl Drop for RequestLine {
    /// Its target is `requests`, so that these lines have a level of their own in `CARILLON_LOG`.
    fn drop(&mut self) {
        let duration = self.app.now() - self.began_at;
        tracing::info!(
            target: "requests",
            {
                request.id = self.id,
                request.method = self.method.as_str(),
                request.route = self.route.as_ref().map(MatchedPath::as_str),
                organization.id = self.requester.0.get(),
                status = self.status,
                duration_ms = duration.num_milliseconds(),
            },
            "request.finished"
        );
    }
}

/// The framework's own messages are short.
const FOREIGN_ERROR_BYTES_MAX: usize = 4096;

/// A failed request. Status and words; the request id is added on the way out.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    code: Option<ErrorCode>,
    provider_message: Option<String>,
    other_mailbox: Option<Box<OtherMailbox>>,
    /// When it makes sense to try again, seconds.
    retry_after_s: Option<u64>,
    /// What went wrong inside, for the log alone.
    cause: Option<String>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        ApiError {
            status,
            message: message.into(),
            code: None,
            provider_message: None,
            other_mailbox: None,
            retry_after_s: None,
            cause: None,
        }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        ApiError::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(what: &str) -> Self {
        ApiError::new(StatusCode::NOT_FOUND, format!("no such {what}"))
    }

    pub(super) fn nothing_here() -> Self {
        ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this address")
    }

    pub(super) fn forbidden(why: &str) -> Self {
        ApiError::new(StatusCode::FORBIDDEN, why)
    }

    pub(super) fn conflict(why: impl Into<String>) -> Self {
        ApiError::new(StatusCode::CONFLICT, why)
    }

    /// Too many requests, ours or a provider's; seconds to wait.
    pub(super) fn too_many(message: impl Into<String>, retry_after_s: Option<u64>) -> Self {
        ApiError { retry_after_s, ..ApiError::new(StatusCode::TOO_MANY_REQUESTS, message) }
    }

    /// What was looked for was not found where it was looked, and not everything was looked at.
    pub(super) fn too_much(key: &str, looked: &str) -> Self {
        ApiError::rule(key, &format!("was not found among {looked}, and there is more"))
    }

    pub(super) fn no_instance() -> Self {
        ApiError::new(StatusCode::NOT_FOUND, "no such instance")
    }

    /// The host can't keep what it is told.
    pub(super) fn not_writable(error: PortError) -> Self {
        let told =
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the data can't be written; nothing was lost");
        ApiError { cause: Some(error.to_string()), ..told }
    }

    /// A rule that a parameter or field breaks.
    pub(super) fn rule(key: &str, rule: &str) -> Self {
        ApiError::bad(format!("`{key}`: {rule}"))
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Invalid(_) => ApiError::bad(message),
            Refusal::OtherMailbox(other) => {
                let other = OtherMailbox { address: other.address, confirmation: other.confirmation };
                ApiError { other_mailbox: Some(Box::new(other)), ..ApiError::conflict(message) }
            }
            Refusal::CameBefore => {
                ApiError { code: Some(ErrorCode::SignInRepeated), ..ApiError::bad(message) }
            }
            Refusal::NotFound => ApiError::no_instance(),
            Refusal::ByLink(NotByLink::Spent) => ApiError::new(StatusCode::GONE, message),
            Refusal::Conflict | Refusal::NotNow(_) | Refusal::ByLink(_) => ApiError::conflict(message),
            Refusal::Port(error) => error.into(),
            Refusal::Provider { provider_message, is_unavailable, .. } => {
                let status = if is_unavailable { StatusCode::BAD_GATEWAY } else { StatusCode::BAD_REQUEST };
                // The dialect promises the provider's word; where it said none, ours stands in.
                let provider_message = provider_message.or_else(|| Some(message.clone()));
                ApiError { provider_message, ..ApiError::new(status, message) }
            }
        }
    }
}

impl From<Invalid> for ApiError {
    fn from(invalid: Invalid) -> Self {
        ApiError::bad(invalid.to_string())
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused(invalid) => invalid.into(),
            ReadError::NoResource => ApiError::not_found("resource"),
            ReadError::Provider(error) => error.into(),
        }
    }
}

/// A provider's failure, while a client waits for what it has.
impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let status = match error.kind {
            ErrorKind::NotFound => return ApiError::not_found("object"),
            ErrorKind::RateLimited | ErrorKind::Halted => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Rejected | ErrorKind::ObjectRefused | ErrorKind::CursorExpired => {
                StatusCode::BAD_REQUEST
            }
            ErrorKind::Unauthorized | ErrorKind::Unavailable | ErrorKind::Malformed => {
                StatusCode::BAD_GATEWAY
            }
        };
        let provider_message = error.provider_message.or_else(|| Some(error.message.clone()));
        let retry_after_s = error.retry_after_s;
        ApiError { provider_message, retry_after_s, ..ApiError::new(status, error.message) }
    }
}

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        if error.is_not_kept() {
            return ApiError::not_writable(error);
        }
        let told = match is_told(&error) {
            true => {
                "what is stored of this can't be read, and was left as it is: its operator finds it in the log"
            }
            false => "internal error; nothing was lost, try again",
        };
        let told = ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, told);
        ApiError { cause: Some(error.to_string()), ..told }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Names every request, and has a line of it in the log.
pub(super) async fn with_line(State(app): State<Arc<Context>>, mut request: Request, next: Next) -> Response {
    let id = crate::audit::request_id(&app);
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, route) = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
    let began_at = app.now();
    let mut line =
        RequestLine { app, id, method, route, requester: Requester::default(), began_at, status: None };
    request.extensions_mut().insert(line.requester.clone());
    let ended = request.extensions().get::<EndedByHost>().cloned();
    let response = next.run(request).await;
    let of_host = ended.and_then(|ended| ended.0());
    line.status = of_host.or(Some(response.status().as_u16()));
    response
}

/// Tells the request's name, and writes the body of those that failed.
pub(super) async fn with_request_id(
    Extension(RequestId(request_id)): Extension<RequestId>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if let Some(error) = failure(&mut response).await {
        if let Some(cause) = &error.cause {
            tracing::error!(request.id = request_id, error = cause, "request.failed");
        }
        let body = ErrorBody {
            request_id: request_id.clone(),
            message: error.message,
            code: error.code,
            provider_message: error.provider_message,
            other_mailbox: error.other_mailbox.map(|other| *other),
        };
        let retry_after_s = error.retry_after_s;
        let allow = response.headers_mut().remove("allow");
        response = (error.status, axum::Json(body)).into_response();
        if let Some(methods) = allow {
            response.headers_mut().insert("allow", methods);
        }
        if error.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            // What would have been taken.
            response.headers_mut().insert("accept-encoding", HeaderValue::from_static("identity"));
        }
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
        }
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID_HEADER, value);
    }
    // Replies hold tokens and mail, and JSON is not a page.
    headers.entry("cache-control").or_insert(HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

/// What went wrong, where something did: our own errors, and the framework's (a body too long, a query that
/// can't be read), which come as plain text.
async fn failure(response: &mut Response) -> Option<ApiError> {
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        return Some(error);
    }
    let status = response.status();
    let is_json = response.headers().get("content-type").is_some_and(|kind| kind == "application/json");
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    let body = std::mem::take(response.body_mut());
    let text = axum::body::to_bytes(body, FOREIGN_ERROR_BYTES_MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    Some(ApiError::new(status, if text.is_empty() { status.to_string() } else { text }))
}
