//! The shapes of Microsoft's errors: Graph's and Entra's.

use http::HeaderName;
use http::header::{LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::call::Call;
use crate::clock::iso_seconds;
use crate::fault::{FaultKind, Route};
use crate::oauth::Refusal;
use crate::reply::Reply;

pub(super) fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message}}))
}

pub(super) fn bad_request(message: &str) -> Reply {
    error(400, "BadRequest", message)
}

pub(super) fn invalid_query(message: &str) -> Reply {
    error(400, "ErrorInvalidUrlQuery", message)
}

pub(super) fn inefficient_filter() -> Reply {
    let message = "The restriction or sort order is too complex for this operation.";
    error(400, "InefficientFilter", message)
}

pub(super) fn item_not_found() -> Reply {
    error(404, "ErrorItemNotFound", "The specified object was not found in the store.")
}

pub(super) fn subscription_gone() -> Reply {
    error(404, "ResourceNotFound", "The object was not found.")
}

pub(super) fn access_denied() -> Reply {
    error(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
}

/// Says where to begin anew.
pub(super) fn sync_state_not_found(anew: String) -> Reply {
    error(410, "SyncStateNotFound", "The sync state generation is not found; a full sync is needed.")
        .with_header(LOCATION, anew)
}

pub(super) fn no_such_path(call: &Call) -> Reply {
    let message = format!("Resource not found for the segment '{}'.", call.segments().last().unwrap_or(&""));
    bad_request(&message)
}

pub(super) fn unauthorized() -> Reply {
    let message = "Access token has expired or is not yet valid.";
    error(401, "InvalidAuthenticationToken", message).with_header(WWW_AUTHENTICATE, "Bearer realm=\"\"")
}

pub(super) fn too_many_in_flight() -> Reply {
    let message = "Application is over its MailboxConcurrency limit.";
    error(429, "ApplicationThrottled", message).with_header(RETRY_AFTER, "1")
}

/// Token errors have a number for people to look up; the text starts with it.
fn entra(status: u16, error: &str, number: u32, text: &str) -> Reply {
    let body = json!({
        "error": error,
        "error_description": format!("AADSTS{number}: {text}"),
        "error_codes": [number],
        "error_uri": format!("https://login.microsoftonline.com/error?code={number}"),
    });
    Reply::json(status, &body)
}

pub(super) fn token_refused(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::UnknownClient => {
            let text = "Application with this identifier was not found in the directory.";
            entra(400, "unauthorized_client", 700_016, text)
        }
        Refusal::BadSecret => entra(401, "invalid_client", 7_000_215, "Invalid client secret provided."),
        Refusal::Missing(field) => {
            let text = format!("The request body must contain the following parameter: '{field}'.");
            entra(400, "invalid_request", 900_144, &text)
        }
        Refusal::GrantType => {
            entra(400, "unsupported_grant_type", 70_003, "The app returned an unsupported grant type.")
        }
        Refusal::BadCode => entra(
            400,
            "invalid_grant",
            70_008,
            "The provided authorization code has expired or is malformed.",
        ),
        Refusal::UsedCode => {
            let text = "OAuth2 Authorization code was already redeemed, please retry with a new valid code.";
            entra(400, "invalid_grant", 54_005, text)
        }
        Refusal::RedirectMismatch => {
            let text = "The reply address does not match the one of the authorization request.";
            entra(400, "invalid_grant", 500_112, text)
        }
        Refusal::BadVerifier => {
            entra(400, "invalid_grant", 501_481, "The Code_Verifier does not match the code_challenge.")
        }
        Refusal::BadRefreshToken => {
            let text =
                "The provided grant has expired due to it being revoked, a fresh auth token is needed.";
            entra(400, "invalid_grant", 50_173, text)
        }
    }
}

/// A failure to order, as Microsoft would word it.
pub(super) fn fault(kind: FaultKind, route: Route) -> Reply {
    if let FaultKind::Down { until_s } = kind {
        let reply = error(503, "serviceNotAvailable", "The service is temporarily unavailable.");
        return reply.with_header(RETRY_AFTER, FaultKind::date(until_s));
    }
    if route == Route::Token {
        return token_fault(kind);
    }
    match kind {
        FaultKind::RateLimited { retry_after_s } => {
            let message = "Application is over its request limit.";
            with_retry_after(error(429, "ApplicationThrottled", message), retry_after_s)
        }
        FaultKind::ForbiddenLimit => {
            let message = "The server is busy. Please try again later.";
            with_retry_after(error(503, "ErrorServerBusy", message), Some(5))
        }
        FaultKind::Forbidden | FaultKind::Refused { status: 403 } => access_denied(),
        FaultKind::Refused { .. } => error(400, "ErrorInvalidRequest", "Your request can't be completed."),
        FaultKind::ServerError { status: 503 } => {
            error(503, "serviceNotAvailable", "The service is temporarily unavailable.")
        }
        FaultKind::ServerError { status } => {
            error(status, "ErrorInternalServerError", "An internal server error occurred.")
        }
        FaultKind::Unauthorized => unauthorized(),
        FaultKind::NotFound => item_not_found(),
        _ => bad_gateway(),
    }
}

fn token_fault(kind: FaultKind) -> Reply {
    match kind {
        FaultKind::InvalidGrant => {
            let text = "The refresh token has expired due to inactivity.";
            entra(400, "invalid_grant", 700_082, text)
        }
        FaultKind::InvalidClient => {
            entra(401, "invalid_client", 7_000_222, "The provided client secret keys are expired.")
        }
        FaultKind::RateLimited { retry_after_s } => {
            let reply = entra(429, "temporarily_unavailable", 90_055, "The request was throttled.");
            with_retry_after(reply, retry_after_s)
        }
        FaultKind::ServerError { status: 503 } => {
            entra(503, "temporarily_unavailable", 90_033, "A transient error has occurred.")
        }
        FaultKind::ServerError { status } => {
            entra(status, "server_error", 90_006, "The service is temporarily unavailable.")
        }
        _ => bad_gateway(),
    }
}

fn with_retry_after(reply: Reply, retry_after_s: Option<u32>) -> Reply {
    match retry_after_s {
        Some(seconds) => reply.with_header(RETRY_AFTER, seconds.to_string()),
        None => reply,
    }
}

fn bad_gateway() -> Reply {
    let body = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center>\
                <h1>502 Bad Gateway</h1></center>\r\n<hr><center>Microsoft-Azure-Application-Gateway/v2\
                </center>\r\n</body>\r\n</html>\r\n";
    Reply::html(502, body)
}

/// Adds what every answer, and every error, says about the request it belongs to.
pub(super) fn complete(mut reply: Reply, call: &Call, request_id: &str, now_us: i64) -> Reply {
    let client_request_id = call.header("client-request-id").unwrap_or(request_id).to_owned();
    if reply.status >= 400
        && let Some(mut body) = reply.value()
    {
        let date = iso_seconds(now_us);
        if body["error"].is_object() {
            body["error"]["innerError"] = json!({
                "date": date.trim_end_matches('Z'),
                "request-id": request_id,
                "client-request-id": client_request_id,
            });
        } else if body["error"].is_string() {
            body["timestamp"] = Value::from(date.replace('T', " "));
            body["trace_id"] = request_id.into();
            body["correlation_id"] = Value::from(client_request_id.as_str());
        }
        reply.body = body.to_string().into_bytes();
    }
    reply
        .with_header(HeaderName::from_static("request-id"), request_id)
        .with_header(HeaderName::from_static("client-request-id"), client_request_id)
}
