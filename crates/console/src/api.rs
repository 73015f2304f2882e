//! The HTTP interface as a client sees it: in this process, but through its front door.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::Response;
use serde_json::Value;
use std::net::SocketAddr;
use tower::ServiceExt as _;

/// Where the dialect begins.
pub(crate) const BASE_PATH: &str = "/elements/api-v2";
/// An answer at the most, bytes: a page of 200 events with whole records is well below.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The interface, with who calls it.
#[derive(Clone)]
pub(crate) struct Api {
    router: Router,
    /// Empty if no user is signed in.
    authorization: Option<HeaderValue>,
    /// Where somebody asks from: the interface counts their wrong guesses.
    visitor: Option<ConnectInfo<SocketAddr>>,
}

/// What the interface answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Null where there is none.
    pub(crate) body: Value,
}

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) Box<Answer>);

impl Api {
    /// For what needs no caller.
    pub(crate) fn of_nobody(router: Router) -> Self {
        Api { router, authorization: None, visitor: None }
    }

    /// The same, for whoever sent this request.
    pub(crate) fn of_visitor(router: Router, head: &Parts) -> Self {
        Api { visitor: head.extensions.get().copied(), ..Self::of_nobody(router) }
    }

    /// In the name of this session's user.
    pub(crate) fn in_session(router: Router, head: &Parts, token: &str) -> Option<Self> {
        Self::of_visitor(router, head).authorized(&format!("Session {token}"))
    }

    /// Nothing where the secrets can't be part of a header: then they are none of ours.
    pub(crate) fn with_secrets(router: Router, head: &Parts, user: &str, organization: &str) -> Option<Self> {
        // A comma would begin another part of the header.
        if [user, organization].iter().any(|secret| secret.contains(',') || secret.trim().is_empty()) {
            return None;
        }
        let text = format!("User {}, Organization {}", user.trim(), organization.trim());
        Self::of_visitor(router, head).authorized(&text)
    }

    /// The same through an instance, whose token this is: what reads its mailbox.
    pub(crate) fn through(&self, token: &str) -> Option<Self> {
        let own = self.authorization.as_ref()?.to_str().ok()?;
        self.clone().authorized(&format!("{own}, Element {token}"))
    }

    fn authorized(self, text: &str) -> Option<Self> {
        let mut authorization = HeaderValue::from_str(text).ok()?;
        authorization.set_sensitive(true);
        Some(Api { authorization: Some(authorization), ..self })
    }

    /// Reads.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Refused> {
        self.call(Method::GET, path, None).await.ok()
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Answer, Refused> {
        self.call(Method::DELETE, path, None).await.ok()
    }

    /// Any answer, for forms that show what was refused. `path` is below the base path and encoded: see [`address`].
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        match self.send(method, path, body).await {
            Some(response) => Answer::of(response).await,
            None => Answer::own(StatusCode::BAD_REQUEST, "this address can't be asked for"),
        }
    }

    /// A content as it comes, or the way to it: nothing of it is read ahead of the browser.
    pub(crate) async fn open(&self, path: &str) -> Result<Response, Refused> {
        match self.send(Method::GET, path, None).await {
            Some(response) if response.status().is_success() || response.status().is_redirection() => {
                Ok(response)
            }
            Some(response) => Err(Refused(Box::new(Answer::of(response).await))),
            None => Err(Refused(Box::new(Answer::own(StatusCode::NOT_FOUND, "there is nothing here")))),
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Response> {
        let mut request = Request::builder().method(method).uri(format!("{BASE_PATH}{path}"));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization.clone());
        }
        if let Some(visitor) = self.visitor {
            request = request.extension(visitor);
        }
        let request =
            request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string()))).ok()?;
        match self.router.clone().oneshot(request).await {
            Ok(response) => Some(response),
            Err(never) => match never {},
        }
    }
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let Ok(bytes) = axum::body::to_bytes(body, ANSWER_BYTES_MAX).await else {
            return Answer::own(StatusCode::BAD_GATEWAY, "the answer is too long to show");
        };
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    fn own(status: StatusCode, message: &str) -> Self {
        let body = serde_json::json!({ "message": message });
        Answer { status, headers: HeaderMap::new(), body }
    }

    pub(crate) fn ok(self) -> Result<Self, Refused> {
        match self.status.is_success() {
            true => Ok(self),
            false => Err(Refused(Box::new(self))),
        }
    }

    /// Whether a sign-in was refused because somebody had come back with it before, as by loading the page anew.
    pub(crate) fn came_twice(&self) -> bool {
        self.body["code"] == "signInRepeated"
    }

    /// The token of the next page, where there is one.
    pub(crate) fn next_page(&self) -> Option<&str> {
        self.header("elements-next-page-token")
    }

    /// How many rows a list lacks that can't be read.
    pub(crate) fn unreadable_count(&self) -> u64 {
        self.header("elements-unreadable-count").and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// What is wrong, in the interface's words.
    pub(crate) fn message(&self) -> String {
        match self.body["message"].as_str() {
            Some(message) => message.to_owned(),
            None => format!("the interface answered {}", self.status.as_u16()),
        }
    }

    pub(crate) fn request_id(&self) -> Option<&str> {
        self.header("elements-request-id").or_else(|| self.body["requestId"].as_str())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The rows of a list.
    pub(crate) fn rows(&self) -> &[Value] {
        self.body.as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

/// An address of segments and a query, each encoded; parameters without a value are left out.
pub(crate) fn address(segments: &[&str], query: &[(&str, &str)]) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        // A space is `%20` in a path.
        path.push_str(
            &url::form_urlencoded::byte_serialize(segment.as_bytes()).collect::<String>().replace('+', "%20"),
        );
    }
    let given = query.iter().filter(|(_, value)| !value.is_empty());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    if query.is_empty() { path } else { format!("{path}?{query}") }
}
