//! The two shapes of Google's errors: the API's and the token endpoint's.

use http::header::RETRY_AFTER;
use serde_json::json;

use crate::fault::{FaultKind, Route};
use crate::oauth::Refusal;
use crate::reply::Reply;

fn error(code: u16, status: &str, domain: &str, reason: &str, message: &str) -> Reply {
    let detail = json!({"message": message, "domain": domain, "reason": reason});
    let error = json!({"code": code, "message": message, "errors": [detail], "status": status});
    Reply::json(code, &json!({"error": error}))
}

/// An error of an API that says more in its reason than in its status.
pub(super) fn api(code: u16, domain: &str, reason: &str, message: &str) -> Reply {
    error(code, "FAILED_PRECONDITION", domain, reason, message)
}

pub(super) fn invalid_argument(message: &str) -> Reply {
    error(400, "INVALID_ARGUMENT", "global", "badRequest", message)
}

pub(super) fn unknown_parameter(name: &str) -> Reply {
    invalid_argument(&format!(
        "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' could not \
         be found in request message."
    ))
}

pub(super) fn not_found() -> Reply {
    not_found_with("Requested entity was not found.")
}

pub(super) fn not_found_with(message: &str) -> Reply {
    error(404, "NOT_FOUND", "global", "notFound", message)
}

pub(super) fn forbidden(message: &str) -> Reply {
    error(403, "PERMISSION_DENIED", "global", "insufficientPermissions", message)
}

pub(super) fn unauthorized() -> Reply {
    let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login \
                   cookie or other valid authentication credential.";
    let detail = json!({
        "message": "Invalid Credentials", "domain": "global", "reason": "authError",
        "location": "Authorization", "locationType": "header",
    });
    let error = json!({"code": 401, "message": message, "errors": [detail], "status": "UNAUTHENTICATED"});
    let challenge = "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"";
    Reply::json(401, &json!({"error": error})).with_header(http::header::WWW_AUTHENTICATE, challenge)
}

pub(super) fn too_many_in_flight() -> Reply {
    let message = "Too many concurrent requests for user";
    error(429, "RESOURCE_EXHAUSTED", "global", "rateLimitExceeded", message)
}

/// What stands behind the API failed at something.
pub(super) fn backend() -> Reply {
    error(500, "INTERNAL", "global", "backendError", "Backend Error")
}

pub(super) fn no_such_path() -> Reply {
    Reply::html(404, "<!DOCTYPE html>\n<html><title>Error 404 (Not Found)</title>\n</html>\n")
}

fn token_error(status: u16, error: &str, description: &str) -> Reply {
    Reply::json(status, &json!({"error": error, "error_description": description}))
}

pub(super) fn token_refused(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::UnknownClient => token_error(401, "invalid_client", "The OAuth client was not found."),
        Refusal::BadSecret => token_error(401, "invalid_client", "Unauthorized"),
        Refusal::Missing(field) => {
            token_error(400, "invalid_request", &format!("Missing required parameter: {field}"))
        }
        Refusal::GrantType => token_error(400, "unsupported_grant_type", "Invalid grant_type"),
        Refusal::BadCode | Refusal::UsedCode => token_error(400, "invalid_grant", "Malformed auth code."),
        Refusal::RedirectMismatch => token_error(400, "redirect_uri_mismatch", "Bad Request"),
        Refusal::BadVerifier => token_error(400, "invalid_grant", "Invalid code verifier."),
        Refusal::BadRefreshToken => token_error(400, "invalid_grant", "Token has been expired or revoked."),
    }
}

/// A failure to order, as Google would word it.
pub(super) fn fault(kind: FaultKind, route: Route) -> Reply {
    if let FaultKind::Down { until_s } = kind {
        let reply =
            error(503, "UNAVAILABLE", "global", "backendError", "The service is currently unavailable.");
        return reply.with_header(RETRY_AFTER, FaultKind::date(until_s));
    }
    if route == Route::Token {
        return token_fault(kind);
    }
    match kind {
        FaultKind::RateLimited { retry_after_s } => {
            let message = "Resource has been exhausted (e.g. check quota).";
            let reply = error(429, "RESOURCE_EXHAUSTED", "global", "rateLimitExceeded", message);
            with_retry_after(reply, retry_after_s)
        }
        FaultKind::ForbiddenLimit => {
            let message =
                "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'.";
            error(403, "PERMISSION_DENIED", "usageLimits", "rateLimitExceeded", message)
        }
        FaultKind::Forbidden => forbidden("Request had insufficient authentication scopes."),
        FaultKind::Refused { status: 403 } => {
            error(403, "PERMISSION_DENIED", "global", "forbidden", "Forbidden")
        }
        FaultKind::Refused { .. } => {
            let message = "Precondition check failed.";
            error(400, "FAILED_PRECONDITION", "global", "failedPrecondition", message)
        }
        FaultKind::ServerError { status: 503 } => {
            error(503, "UNAVAILABLE", "global", "backendError", "The service is currently unavailable.")
        }
        FaultKind::ServerError { status } => {
            error(status, "INTERNAL", "global", "backendError", "Internal error encountered.")
        }
        FaultKind::Unauthorized => unauthorized(),
        FaultKind::NotFound => not_found(),
        _ => bad_gateway(),
    }
}

fn token_fault(kind: FaultKind) -> Reply {
    match kind {
        FaultKind::InvalidGrant => token_refused(Refusal::BadRefreshToken),
        FaultKind::InvalidClient => token_refused(Refusal::UnknownClient),
        FaultKind::RateLimited { retry_after_s } => {
            with_retry_after(token_error(429, "rate_limit_exceeded", "Too many requests"), retry_after_s)
        }
        FaultKind::ServerError { status } => token_error(status, "internal_failure", "Backend Error"),
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
    let body = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 502 (Server Error)!!1</title>\n\
                <p>The server encountered a temporary error and could not complete your request.\n</html>\n";
    Reply::html(502, body)
}
