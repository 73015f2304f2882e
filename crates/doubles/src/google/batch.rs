//! Several Gmail calls in one request: `multipart/mixed`, each part an HTTP request.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::error;
use crate::call::Call;
use crate::front::BatchPart;
use crate::reply::Reply;

const PARTS_MAX: usize = 100;
const BOUNDARY: &str = "batch_double";

/// Takes a batch apart.
pub(super) fn split(call: &Call) -> Result<Vec<BatchPart>, Reply> {
    let boundary = call.header("content-type").and_then(boundary_of);
    let Some(boundary) = boundary else {
        return Err(error::invalid_argument("Failed to parse batch request, error: no boundary."));
    };
    let text = String::from_utf8_lossy(&call.body).replace("\r\n", "\n");
    let delimiter = format!("--{boundary}");
    let bodies: Vec<_> =
        text.split(delimiter.as_str()).skip(1).take_while(|body| !body.starts_with("--")).collect();
    if bodies.len() > PARTS_MAX {
        return Err(error::invalid_argument(
            "The batch request could not be processed. Inner request count exceeds the limit: 100",
        ));
    }
    let parts: Option<Vec<_>> = bodies.iter().map(|body| part(body, call)).collect();
    parts
        .filter(|parts| !parts.is_empty())
        .ok_or_else(|| error::invalid_argument("Failed to parse batch request, error: malformed part."))
}

fn boundary_of(content_type: &str) -> Option<&str> {
    let parameter = content_type.split(';').find_map(|p| p.trim().strip_prefix("boundary="))?;
    Some(parameter.trim_matches('"'))
}

/// A part is two blocks of headers: its own, then those of the request inside it, below a request line.
fn part(text: &str, outer: &Call) -> Option<BatchPart> {
    let (own, inner) = text.trim_start().split_once("\n\n")?;
    let id = header_lines(own).find(|(name, _)| name.eq_ignore_ascii_case("content-id"))?.1;
    let (head, body) = inner.split_once("\n\n").unwrap_or((inner.trim_end(), ""));
    let (request_line, lines) = head.split_once('\n').unwrap_or((head, ""));
    let mut words = request_line.split_whitespace();
    let method: Method = words.next()?.parse().ok()?;
    let uri: Uri = words.next()?.parse().ok()?;
    let mut headers = HeaderMap::new();
    // The outer authorization holds for a part that has none of its own.
    if let Some(authorization) = outer.headers.get(AUTHORIZATION) {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    for (name, value) in header_lines(lines) {
        headers.insert(name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?);
    }
    let body = Bytes::copy_from_slice(body.trim_end().as_bytes());
    Some(BatchPart {
        id: id.trim_matches(['<', '>']).to_owned(),
        call: Call::new(method, uri, headers, body),
        after: Vec::new(),
    })
}

fn header_lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name.trim(), value.trim()))
}

/// Puts the answers together. The last comes first: callers may not rely on the order.
pub(super) fn join(parts: Vec<(BatchPart, Reply)>) -> Reply {
    let mut body = String::new();
    for (part, reply) in parts.iter().rev() {
        let reason = StatusCode::from_u16(reply.status).ok().and_then(|status| status.canonical_reason());
        body.push_str(&format!("--{BOUNDARY}\r\nContent-Type: application/http\r\n"));
        body.push_str(&format!("Content-ID: <response-{}>\r\n\r\n", part.id));
        body.push_str(&format!("HTTP/1.1 {} {}\r\n", reply.status, reason.unwrap_or_default()));
        for (name, value) in &reply.headers {
            body.push_str(&format!("{name}: {value}\r\n"));
        }
        let text = String::from_utf8_lossy(&reply.body);
        body.push_str(&format!("Content-Length: {}\r\n\r\n{text}\r\n", reply.body.len()));
    }
    body.push_str(&format!("--{BOUNDARY}--\r\n"));
    Reply::text(200, &format!("multipart/mixed; boundary={BOUNDARY}"), body)
}
