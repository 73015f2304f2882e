//! Bodies on their way in: how many of an organization at once, and how much strangers may have of the memory.
//!
//! A host bounds what all bodies hold together. Whoever sends many and ends none would have all of it.

use super::error::{ApiError, Requester};
use crate::context::Context;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Request};
use axum::http::StatusCode;
use bytes::BytesMut;
use futures_util::StreamExt as _;
use std::sync::Arc;

/// What a stranger has to say to the described interface, bytes: a link and what came back from a provider.
const OF_STRANGER_BYTES_MAX: usize = 16 * 1024;
/// Of a stranger's body so much is read whoever else sends, bytes: 48 MB where all of 1,024 connections are theirs.
const SHORT_BYTES_MAX: usize = 48 * 1024;

/// The body of a request of the described interface, read when it is its organization's turn.
pub(super) async fn whole(request: Request, app: &Arc<Context>) -> Result<Bytes, ApiError> {
    let Some(organization_id) = request.extensions().get::<Requester>().and_then(Requester::known) else {
        return of_stranger(request.into_body(), app, OF_STRANGER_BYTES_MAX).await;
    };
    let place = app.body_shares.enter(organization_id).await;
    let _place = place.ok_or_else(|| {
        ApiError::too_many("too many bodies of the organization's requests arrive at once", Some(1))
    })?;
    let read = Bytes::from_request(request, app).await;
    read.map_err(|error| ApiError::new(error.status(), error.body_text()))
}

/// The body of somebody who showed no secret. What is long needs one of a few places.
pub(super) async fn of_stranger(body: Body, app: &Context, bytes_max: usize) -> Result<Bytes, ApiError> {
    let too_long = || {
        let rule = format!("the body is longer than {bytes_max} bytes");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, rule)
    };
    let too_many = || {
        let rule = format!("too many bodies of more than {SHORT_BYTES_MAX} bytes arrive at once");
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, rule)
    };
    // As they came, with their share of the host's room.
    let (mut pieces, mut read, mut bytes_count, mut place) = (body.into_data_stream(), Vec::new(), 0, None);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| ApiError::bad(format!("the body can't be read: {error}")))?;
        bytes_count += piece.len();
        if bytes_count > bytes_max {
            return Err(too_long());
        }
        if bytes_count > SHORT_BYTES_MAX && place.is_none() {
            place = Some(app.long_strangers.try_acquire().map_err(|_| too_many())?);
        }
        read.push(piece);
    }
    Ok(joined(read))
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() == 1 {
        return pieces.swap_remove(0);
    }
    let mut all = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    pieces.iter().for_each(|piece| all.extend_from_slice(piece));
    all.freeze()
}
