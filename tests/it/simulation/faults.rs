//! What providers may answer instead of what was asked for.

use doubles::FaultKind;

/// The ways to fail that every simulation has.
pub(super) fn kinds(random: &mut fastrand::Rng) -> Vec<FaultKind> {
    vec![
        FaultKind::RateLimited { retry_after_s: Some(random.u32(1..90)) },
        FaultKind::RateLimited { retry_after_s: None },
        FaultKind::ForbiddenLimit,
        FaultKind::ServerError { status: 503 },
        FaultKind::BadGatewayHtml,
        FaultKind::Truncated,
        FaultKind::InvalidClient,
        FaultKind::MissingRefreshToken,
    ]
}
