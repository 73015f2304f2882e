//! A content as the answer to a client: a stranger wrote it, and a browser that shows it is on our origin.

use super::answer::{Answer, Answered};
use super::error::ApiError;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use connectors::BodyStream;
use connectors::hub::{CONTENT_BYTES_MAX, Content};
use futures_util::stream::{self, StreamExt as _};
use schemars::{Schema, SchemaGenerator, json_schema};

/// Longest file name that is passed on, characters: what file systems take, less room for a number.
const FILE_NAME_CHARS_MAX: usize = 120;
/// A file without a usable name.
const FILE_NAME: &str = "content";
const NOT_KEPT: HeaderValue = HeaderValue::from_static("private, no-store");

/// A whole message, as its sender's program wrote it.
pub(super) struct RawMessage(pub(super) Download);

/// Any other file. What type it is says the list of attachments; here it would only tell a browser what to run.
pub(super) struct OpaqueFile(pub(super) Download);

/// What a content is answered with.
pub(super) enum Download {
    /// A file, to be saved and not shown.
    File { headers: HeaderMap, body: BodyStream },
    /// The address that gives it.
    Elsewhere(HeaderValue),
}

/// A content as a host has it that holds answers whole.
pub(super) enum Gathered {
    Whole(Download),
    /// It has more bytes than that.
    TooLong,
}

impl Download {
    /// As it comes.
    pub(super) fn streamed(content: Content) -> Answered<Self> {
        if content.bytes_about.is_some_and(|bytes| bytes > CONTENT_BYTES_MAX as u64) {
            return Err(too_long(CONTENT_BYTES_MAX));
        }
        Ok(Download::File { headers: headers(content.file_name.as_deref()), body: content.body })
    }

    /// All of it first, unless it is too long for that.
    pub(super) async fn held(content: Content, bytes_max: usize) -> Answered<Gathered> {
        if content.bytes_about.is_some_and(|bytes| bytes > bytes_max as u64) {
            return Ok(Gathered::TooLong);
        }
        let Some(body) = gathered(content.body, bytes_max).await? else { return Ok(Gathered::TooLong) };
        Ok(Gathered::Whole(Download::File { headers: headers(content.file_name.as_deref()), body }))
    }
}

/// Nothing, if there is more of it.
async fn gathered(mut body: BodyStream, bytes_max: usize) -> Answered<Option<BodyStream>> {
    let mut gathered = Vec::new();
    while let Some(piece) = body.next().await {
        let broken = |error: connectors::HttpError| {
            ApiError::new(StatusCode::BAD_GATEWAY, format!("the provider's answer ended early: {error}"))
        };
        gathered.extend_from_slice(&piece.map_err(broken)?);
        if gathered.len() > bytes_max {
            return Ok(None);
        }
    }
    Ok(Some(stream::iter([Ok(gathered.into())]).boxed()))
}

pub(super) fn too_long(bytes_max: usize) -> ApiError {
    let megabytes = bytes_max as f64 / 1e6;
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the content is longer than {megabytes} MB, which is all that this host can answer with"),
    )
}

fn headers(file_name: Option<&str>) -> HeaderMap {
    HeaderMap::from_iter([
        (header::CONTENT_DISPOSITION, disposition(file_name)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (header::CACHE_CONTROL, NOT_KEPT),
    ])
}

/// The name in ASCII for all, and whole for those who read RFC 8187.
fn disposition(file_name: Option<&str>) -> HeaderValue {
    let name = safe(file_name.unwrap_or_default());
    let ascii: String = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    let text = format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", percent(&name));
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("attachment"))
}

/// A name that is one in every system, and leads nowhere else: no folders, no controls, no dots in front, and none of
/// the marks that turn what is read around.
fn safe(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_mark = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let kept = last.chars().filter(|c| !c.is_control() && !is_mark(*c));
    let kept: String = kept.map(|c| if "\"*:<>?|%".contains(c) { '_' } else { c }).collect();
    let kept = kept.trim().trim_start_matches('.').trim_end_matches(['.', ' ']);
    match kept.chars().count() {
        0 => FILE_NAME.to_owned(),
        count if count <= FILE_NAME_CHARS_MAX => kept.to_owned(),
        _ => cut(kept),
    }
}

/// What is behind the last dot says what opens it, so it stays.
fn cut(name: &str) -> String {
    let ending =
        name.rsplit_once('.').map(|(_, ending)| ending).filter(|ending| ending.chars().count() <= 10);
    let ending = ending.map(|ending| format!(".{ending}")).unwrap_or_default();
    let count = FILE_NAME_CHARS_MAX - ending.chars().count();
    name.chars().take(count).chain(ending.chars()).collect()
}

fn percent(name: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(one).collect()
}

impl Download {
    fn into_response(self, media_type: &'static str) -> Response {
        match self {
            Download::File { headers, body } => {
                ([(header::CONTENT_TYPE, media_type)], headers, Body::from_stream(body)).into_response()
            }
            Download::Elsewhere(location) => {
                let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, NOT_KEPT)];
                (StatusCode::TEMPORARY_REDIRECT, headers).into_response()
            }
        }
    }
}

fn bytes_schema() -> Schema {
    json_schema!({ "description": "The bytes as they are.", "type": "string", "format": "binary" })
}

impl IntoResponse for RawMessage {
    fn into_response(self) -> Response {
        self.0.into_response(Self::MEDIA_TYPE)
    }
}

impl Answer for RawMessage {
    const MEDIA_TYPE: &'static str = "message/rfc822";

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        Some(bytes_schema())
    }
}

impl IntoResponse for OpaqueFile {
    fn into_response(self) -> Response {
        self.0.into_response(Self::MEDIA_TYPE)
    }
}

impl Answer for OpaqueFile {
    const MEDIA_TYPE: &'static str = "application/octet-stream";

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        Some(bytes_schema())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: &str) {
        assert_eq!(disposition(Some(name)).to_str().unwrap(), expected, "{name:?}");
    }

    #[test]
    fn a_file_name_leads_nowhere_and_ends_no_header() {
        check("report.pdf", "attachment; filename=\"report.pdf\"; filename*=UTF-8''report.pdf");
        check("../../etc/passwd", "attachment; filename=\"passwd\"; filename*=UTF-8''passwd");
        check("C:\\x\\.profile", "attachment; filename=\"profile\"; filename*=UTF-8''profile");
        check(
            "a\"; x=\"b\r\nSet-Cookie: c",
            "attachment; filename=\"a_; x=_bSet-Cookie_ c\"; filename*=UTF-8''a_%3B%20x%3D_bSet-Cookie_%20c",
        );
        check("Übersicht.ods", "attachment; filename=\"_bersicht.ods\"; filename*=UTF-8''%C3%9Cbersicht.ods");
        check("gnp.\u{202e}exe", "attachment; filename=\"gnp.exe\"; filename*=UTF-8''gnp.exe");
        for name in ["", "...", " . ", "/"] {
            check(name, "attachment; filename=\"content\"; filename*=UTF-8''content");
        }
    }

    async fn held(bytes_about: Option<u64>, pieces: &[usize], bytes_max: usize) -> Option<usize> {
        let pieces: Vec<_> = pieces.iter().map(|count| Ok(vec![0; *count].into())).collect();
        let content = Content { file_name: None, bytes_about, body: stream::iter(pieces).boxed() };
        let Gathered::Whole(download) = Download::held(content, bytes_max).await.ok().unwrap() else {
            return None;
        };
        let response = OpaqueFile(download).into_response();
        Some(axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().len())
    }

    #[tokio::test]
    async fn a_host_that_holds_answers_holds_no_more_than_it_can() {
        assert_eq!(held(None, &[4, 6], 10).await, Some(10));
        assert_eq!(held(None, &[4, 7], 10).await, None);
        assert_eq!(held(Some(11), &[], 10).await, None, "without a byte of it");
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let name = safe(&format!("{}.tar.gz", "x".repeat(1_000)));
        assert_eq!((name.chars().count(), name.ends_with("x.gz")), (FILE_NAME_CHARS_MAX, true));
        assert_eq!(safe(&"x".repeat(1_000)).chars().count(), FILE_NAME_CHARS_MAX);
    }
}
