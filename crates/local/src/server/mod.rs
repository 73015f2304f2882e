//! The HTTP interface's connections: HTTP/1.1 alone, each with its time, and no more of them than there is room for.
//!
//! Who waits for its client gives way when there is no room for another: a stranger who opens connections and says
//! nothing on them shuts nobody out. See decision 0029.

mod arriving;
mod connections;
mod descriptors;
mod stream;

use app::EndedByHost;
use arriving::{Arriving, Bodies};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, header};
use connections::{Connections, Seat};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use stream::Paced;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// What a client has time for.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    /// A request's line and headers, which a client sends at once; also how long a connection may stay idle between
    /// two requests.
    head: Duration,
    /// A body: the largest, of a megabyte, over a line of 300 kbit/s.
    body: Duration,
    /// An answer of which a client takes nothing.
    stall: Duration,
}

impl Times {
    pub(crate) const USUAL: Times = Times {
        head: Duration::from_secs(30),
        body: Duration::from_secs(30),
        stall: Duration::from_secs(30),
    };
}

/// A request's line and headers at the most, bytes: a long query and a session's cookies are below 16 kB. A
/// connection holds as much while they arrive.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// After an accept that failed, s: when descriptors are used up, the next one fails too.
const ACCEPT_AGAIN_S: u64 = 1;

/// Answers requests until `stop` turns true; then what has begun comes to its end, and nothing else begins.
pub(crate) async fn run(
    listener: TcpListener,
    router: Router,
    times: Times,
    mut stop: watch::Receiver<bool>,
) {
    let connections = Arc::new(Connections::new(descriptors::connections_count_max()));
    let door = Door { router, times, bodies: Arc::default(), stop: stop.clone() };
    let mut open = JoinSet::new();
    loop {
        let seat = tokio::select! {
            seat = Connections::seat(&connections) => seat,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                connections.make_room();
                drop(open.spawn(door.clone().converse((stream, peer), seat)));
            }
            Err(error) => pause_after(&error, &mut stop).await,
        }
        while open.try_join_next().is_some() {}
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// Does not wait for a client that disconnected before it was accepted.
async fn pause_after(error: &io::Error, stop: &mut watch::Receiver<bool>) {
    let gone =
        [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionRefused];
    if gone.contains(&error.kind()) {
        return;
    }
    tracing::error!(error = error as &dyn std::error::Error, "connection.not_accepted");
    let _ = tokio::time::timeout(Duration::from_secs(ACCEPT_AGAIN_S), stop.wait_for(|stop| *stop)).await;
}

/// What every connection needs.
#[derive(Clone)]
struct Door {
    router: Router,
    times: Times,
    bodies: Arc<Bodies>,
    stop: watch::Receiver<bool>,
}

impl Door {
    /// Answers the requests of one connection. A client's mistakes end it without a word: strangers must not fill
    /// the log.
    async fn converse(self, (stream, peer): (TcpStream, SocketAddr), seat: Seat) {
        // Answers are small, and each is awaited.
        let _ = stream.set_nodelay(true);
        let seat = Arc::new(seat);
        seat.waits();
        let mut stop = self.stop.clone();
        let service = service_fn(|request| self.answer(request, peer, &seat));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.times.head)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(Paced::new(TokioIo::new(stream), self.times.stall), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            () = seat.told_to_leave() => return,
            _ = stop.wait_for(|stop| *stop) => {}
        }
        if seat.has_begun() {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        seat: &Arc<Seat>,
    ) -> Result<Response<Body>, Infallible> {
        seat.begins();
        if request.body().is_end_stream() {
            seat.works();
        }
        let (parts, body) = request.into_parts();
        let (arriving, refused) = Arriving::new(body, self.times.body, self.bodies.clone(), seat.clone());
        let mut request = Request::from_parts(parts, Body::new(arriving));
        request.extensions_mut().insert(ConnectInfo(peer));
        let ended = refused.clone();
        let status = move || ended.get().map(|refusal| refusal.status().as_u16());
        request.extensions_mut().insert(EndedByHost(Arc::new(status)));
        let mut response = self.router.clone().oneshot(request).await?;
        seat.waits();
        if let Some(refusal) = refused.get() {
            *response.status_mut() = refusal.status();
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests;
