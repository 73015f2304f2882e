//! Several reads in one request. At the provider each of them counts.

use super::IMMUTABLE_IDS;
use crate::Call;
use crate::error::{Error, ErrorKind};
use crate::http::{Http, HttpError, HttpRequest, HttpResponse, Method};
use async_trait::async_trait;
use serde_json::{Map, Value, json};
use std::sync::{Mutex, PoisonError};

/// Reads in one request: <https://learn.microsoft.com/en-us/graph/json-batching#batch-size-limitations>.
pub(in crate::outlook) const READS_COUNT_MAX: usize = 20;
/// Rows of a page of a delta: three columns each.
const DELTA_PAGE_SIZE: usize = 1000;
/// What is made of an answer that is missing, or that another one's failure kept from being read.
const BAD_GATEWAY: u16 = 502;
const FAILED_DEPENDENCY: u16 = 424;

/// When the provider makes the reads of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::outlook) enum Order {
    Any,
    /// All others behind the first, and not at all if that fails.
    FirstBefore,
}

/// Answers to reads of these paths below the provider's address, in the paths' order.
pub(in crate::outlook) async fn read(
    call: &Call<'_>,
    paths: &[String],
    order: Order,
) -> Result<Vec<HttpResponse>, Error> {
    let outer = call.http.send(request(call, paths, order)).await?;
    if outer.status != 200 {
        return Err(super::refusal(call, "$batch", &outer));
    }
    Ok(answers(outer, paths.len()))
}

fn request<'a>(call: &Call<'_>, paths: &[String], order: Order) -> HttpRequest<'a> {
    let read = |(number, path): (usize, &String)| {
        let prefer = match path.split('?').next().unwrap_or_default().ends_with("/delta") {
            true => format!("{IMMUTABLE_IDS}, odata.maxpagesize={DELTA_PAGE_SIZE}"),
            false => IMMUTABLE_IDS.to_owned(),
        };
        let mut read = json!({ "id": number.to_string(), "method": "GET", "url": path, "headers": { "Prefer": prefer } });
        if order == Order::FirstBefore && number > 0 {
            read["dependsOn"] = json!(["0"]);
        }
        read
    };
    let reads: Vec<Value> = paths.iter().enumerate().map(read).collect();
    super::asking(
        call,
        Method::Post,
        &format!("{}/$batch", call.api_url),
        Some(&json!({ "requests": reads })),
    )
}

/// The answers inside, each with the outer one's time. Their order is any; one that is missing failed.
fn answers(outer: HttpResponse, count: usize) -> Vec<HttpResponse> {
    let mut inside = super::read(&outer).unwrap_or_default();
    let date = outer.headers.get("date").cloned();
    // A page with contents is long: whatever was taken over is let go.
    drop(outer);
    let empty =
        || HttpResponse { status: BAD_GATEWAY, headers: http::HeaderMap::new(), body: bytes::Bytes::new() };
    let mut answers: Vec<HttpResponse> = (0..count).map(|_| empty()).collect();
    for one in inside.get_mut("responses").and_then(Value::as_array_mut).into_iter().flatten() {
        let number = one.get("id").and_then(Value::as_str).and_then(|id| id.parse::<usize>().ok());
        let Some(answer) = number.and_then(|number| answers.get_mut(number)) else { continue };
        let status = one.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
        let status = status.filter(|status| *status != FAILED_DEPENDENCY);
        answer.status = status.unwrap_or(BAD_GATEWAY);
        let body = one.get_mut("body").map(Value::take);
        answer.body = body.as_ref().map(Value::to_string).unwrap_or_default().into();
        answer.headers.extend(date.clone().map(|date| (http::header::DATE, date)));
        add_headers(answer, one.get("headers").and_then(Value::as_object));
    }
    answers
}

/// What an answer inside says of itself, such as how long to wait.
fn add_headers(answer: &mut HttpResponse, headers: Option<&Map<String, Value>>) {
    for (name, value) in headers.into_iter().flatten() {
        let name = http::HeaderName::try_from(name.as_str());
        let value = value.as_str().map(http::HeaderValue::from_str);
        if let (Ok(name), Some(Ok(value))) = (name, value) {
            answer.headers.insert(name, value);
        }
    }
}

/// The way out of what polls read: no answer is longer than a small process bears. A walk's first read takes another one with
/// it, in the same request, since a poll that only looks may send one.
pub(in crate::outlook) struct BoundedWay<'a> {
    call: &'a Call<'a>,
    answer_bytes_max: usize,
    beside: Mutex<Option<String>>,
    answer: Mutex<Option<HttpResponse>>,
}

impl<'a> BoundedWay<'a> {
    /// `beside` is the other one's path.
    pub(in crate::outlook) fn new(
        call: &'a Call<'a>,
        answer_bytes_max: usize,
        beside: Option<String>,
    ) -> Self {
        BoundedWay { call, answer_bytes_max, beside: Mutex::new(beside), answer: Mutex::default() }
    }

    /// The same call by this way.
    pub(in crate::outlook) fn call(&self) -> Call<'_> {
        Call { http: self, ..*self.call }
    }

    /// The answer to the other one, if it came.
    pub(in crate::outlook) fn answer(self) -> Option<HttpResponse> {
        self.answer.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn bounded<'b>(&self, request: HttpRequest<'b>) -> HttpRequest<'b> {
        HttpRequest { answer_bytes_max: request.answer_bytes_max.min(self.answer_bytes_max), ..request }
    }

    fn take(&self, request: &HttpRequest<'_>) -> Option<[String; 2]> {
        let path = request.url.strip_prefix(self.call.api_url)?.to_owned();
        if request.method != Method::Get {
            return None;
        }
        Some([path, self.beside.lock().unwrap_or_else(PoisonError::into_inner).take()?])
    }
}

#[async_trait]
impl Http for BoundedWay<'_> {
    async fn send(&self, read: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let read = self.bounded(read);
        let Some(paths) = self.take(&read) else { return self.call.http.send(read).await };
        let outer = self.call.http.send(self.bounded(request(self.call, &paths, Order::Any))).await?;
        match outer.status {
            200 => {}
            // Who refuses the form of the request may still answer the read itself.
            400..=428 if outer.status != 401 => return self.call.http.send(read).await,
            _ => return Ok(outer),
        }
        let mut both = answers(outer, paths.len()).into_iter();
        let (first, second) = (both.next(), both.next());
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = second;
        first.ok_or(HttpError::Timeout)
    }
}

/// The kinds of errors that are the mailbox's, not the read's: nothing more is asked.
pub(in crate::outlook) fn ends_all(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unauthorized | ErrorKind::RateLimited | ErrorKind::Halted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    /// Fails the first read, and so says of the second that it was not made.
    #[derive(Default)]
    struct Refuses(Mutex<Vec<Value>>);

    #[async_trait]
    impl Http for Refuses {
        async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
            self.0.lock().unwrap().push(serde_json::from_slice(&request.body).unwrap());
            let inside = json!({ "responses": [{ "id": "1", "status": 424 }, { "id": "0", "status": 503 }] });
            Ok(HttpResponse { status: 200, headers: http::HeaderMap::new(), body: inside.to_string().into() })
        }
    }

    #[test]
    fn what_waits_for_another_read_failed_with_it_for_now() {
        let http = Refuses::default();
        let call = Call {
            http: &http,
            api_url: "https://graph.test/v1.0",
            credential: "",
            now: chrono::DateTime::UNIX_EPOCH,
            timeout_ms: 1,
            scratch: None,
            archive: None,
        };
        let paths = ["/counts".to_owned(), "/delta".to_owned()];
        let answers = read(&call, &paths, Order::FirstBefore).now_or_never().unwrap().ok().unwrap();
        assert_eq!([answers[0].status, answers[1].status], [503, BAD_GATEWAY], "a refusal would last");
        let asked = http.0.lock().unwrap()[0]["requests"].clone();
        assert_eq!((asked[0].get("dependsOn"), &asked[1]["dependsOn"]), (None, &json!(["0"])));
    }
}
