//! A connection whose client has to take what it is sent.

use hyper::rt::{Read, ReadBufCursor, Write};
use std::future::Pending;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Timeout;

/// A stream whose writes fail where nothing moves for a while. Reads have their limits elsewhere: heads and bodies.
pub(super) struct Paced<T> {
    stream: T,
    stall: Duration,
    /// While a write waits.
    stalled: Option<Pin<Box<Timeout<Pending<()>>>>>,
}

impl<T> Paced<T> {
    pub(super) fn new(stream: T, stall: Duration) -> Self {
        Paced { stream, stall, stalled: None }
    }

    fn pace<R>(&mut self, moved: Poll<io::Result<R>>, context: &mut Context<'_>) -> Poll<io::Result<R>> {
        if moved.is_ready() {
            self.stalled = None;
            return moved;
        }
        let timeout = || Box::pin(tokio::time::timeout(self.stall, std::future::pending()));
        let stalled = self.stalled.get_or_insert_with(timeout);
        match stalled.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: Read + Unpin> Read for Paced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<T: Write + Unpin> Write for Paced<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.pace(moved, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.pace(moved, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_flush(context);
        self.pace(moved, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_shutdown(context);
        self.pace(moved, context)
    }
}
