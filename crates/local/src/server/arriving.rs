//! A request's body on its way in: it has a time, and a share of what all bodies may hold in memory.

use super::connections::Seat;
use axum::http::StatusCode;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::future::Pending;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Timeout;

/// Bytes that all bodies may hold while they arrive: the largest, sixty-four times.
const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What a piece costs beside its bytes.
const PIECE_BYTES: usize = 256;

/// The room that bodies have while they arrive.
pub(super) struct Bodies(Arc<Semaphore>);

impl Default for Bodies {
    fn default() -> Self {
        Bodies(Arc::new(Semaphore::new(BODIES_BYTES_MAX)))
    }
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it did not arrive in time")]
    TooSlow,
    #[error("too many requests are arriving at once, try again")]
    NoRoom,
    #[error("the connection broke off")]
    BrokeOff,
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Refusal::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::BrokeOff => StatusCode::BAD_REQUEST,
        }
    }
}

/// The body, for its reader.
pub(super) struct Arriving {
    body: Incoming,
    deadline: Pin<Box<Timeout<Pending<()>>>>,
    bodies: Arc<Bodies>,
    refused: Arc<OnceLock<Refusal>>,
    seat: Arc<Seat>,
}

impl Arriving {
    /// With where it is written down why it was not read to its end.
    pub(super) fn new(
        body: Incoming,
        timeout: Duration,
        bodies: Arc<Bodies>,
        seat: Arc<Seat>,
    ) -> (Self, Arc<OnceLock<Refusal>>) {
        let deadline = Box::pin(tokio::time::timeout(timeout, std::future::pending()));
        let refused = Arc::new(OnceLock::new());
        (Arriving { body, deadline, bodies, refused: refused.clone(), seat }, refused)
    }

    fn refuse(&self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        Poll::Ready(Some(Err(*self.refused.get_or_init(|| refusal))))
    }

    /// The same bytes; their share is free again when they are dropped.
    fn with_share(&self, bytes: Bytes) -> Option<Bytes> {
        let cost = u32::try_from(bytes.len() + PIECE_BYTES).ok()?;
        let share = self.bodies.0.clone().try_acquire_many_owned(cost).ok()?;
        Some(Bytes::from_owner(PermitBytes { bytes, _share: share }))
    }
}

/// Bytes with their share of the room.
struct PermitBytes {
    bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for PermitBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Refusal;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        if let Some(refusal) = self.refused.get() {
            return Poll::Ready(Some(Err(*refusal)));
        }
        let frame = match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let _ = ready!(self.deadline.as_mut().poll(context));
                return self.refuse(Refusal::TooSlow);
            }
        };
        match frame.map(|frame| frame.map(Frame::into_data)) {
            None => {
                self.seat.works();
                Poll::Ready(None)
            }
            Some(Err(_)) => self.refuse(Refusal::BrokeOff),
            Some(Ok(Ok(bytes))) => match self.with_share(bytes) {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                None => self.refuse(Refusal::NoRoom),
            },
            Some(Ok(Err(trailers))) => Poll::Ready(Some(Ok(trailers))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arriving {
    /// The client has sent everything: from here it waits for the answer.
    fn drop(&mut self) {
        self.seat.works();
    }
}
