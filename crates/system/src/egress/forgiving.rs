//! A connection to a receiver, as the HTTP client sees it: whatever the head of an answer looks like, the client gets
//! its status line and what frames the body.

use super::head::{self, HeadProgress};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Read from the connection at once while a head is awaited, bytes.
const PIECE_BYTES: usize = 4096;

/// What a receiver sent is not an answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer does not begin with an HTTP status line")]
pub(super) struct NotHttp;

/// A stream whose answers' heads are put in order. What speaks HTTP/2 is left as it is.
pub(super) struct Forgiving<T> {
    stream: T,
    is_http2: bool,
    asked: RequestProgress,
    /// A head that is arriving; `None` where bytes pass as they are.
    head: Option<Vec<u8>>,
    /// What goes to the client next, from the position on.
    ready: (Vec<u8>, usize),
}

impl<T: Connection> Forgiving<T> {
    pub(super) fn new(stream: T) -> Self {
        let is_http2 = stream.connected().is_negotiated_h2();
        Forgiving { stream, is_http2, asked: RequestProgress::default(), head: None, ready: (Vec::new(), 0) }
    }
}

impl<T> Forgiving<T> {
    fn wrote(&mut self, bytes: &[u8]) {
        if !self.is_http2 && self.asked.wrote(bytes) {
            self.head = Some(Vec::new());
        }
    }
}

/// Where the client is in its request. It has to be known, because an answer may come before its request is out, and
/// the next head only behind the next request.
#[derive(Default)]
struct RequestProgress {
    head: Vec<u8>,
    /// Of a body that is going out.
    bytes_left: u64,
}

impl RequestProgress {
    /// Follows what went out; whether a request began in it.
    fn wrote(&mut self, mut bytes: &[u8]) -> bool {
        let mut begins = false;
        while !bytes.is_empty() {
            let of_body = usize::try_from(self.bytes_left).unwrap_or(usize::MAX).min(bytes.len());
            self.bytes_left -= of_body as u64;
            bytes = &bytes[of_body..];
            let Some(byte) = bytes.first() else { break };
            begins |= self.head.is_empty();
            self.head.push(*byte);
            bytes = &bytes[1..];
            if self.head.ends_with(b"\r\n\r\n") {
                self.bytes_left = body_bytes(&std::mem::take(&mut self.head));
            }
        }
        begins
    }
}

/// The length of a request's body, as our client says it. Without one no other request is looked for.
fn body_bytes(head: &[u8]) -> u64 {
    let head = String::from_utf8_lossy(head);
    let length = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    head.lines().find_map(length).unwrap_or(u64::MAX)
}

impl<T: Read + Unpin> Read for Forgiving<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let (bytes, position) = &mut this.ready;
            if *position < bytes.len() {
                let count = (bytes.len() - *position).min(buffer.remaining());
                buffer.put_slice(&bytes[*position..*position + count]);
                *position += count;
                return Poll::Ready(Ok(()));
            }
            let Some(seen) = &mut this.head else {
                this.ready = (Vec::new(), 0);
                return Pin::new(&mut this.stream).poll_read(context, buffer);
            };
            let mut piece = [0; PIECE_BYTES];
            let mut read = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.stream).poll_read(context, read.unfilled()))?;
            let is_end = read.filled().is_empty();
            seen.extend_from_slice(read.filled());
            match head::read(seen, is_end) {
                HeadProgress::More if is_end => return Poll::Ready(Ok(())),
                HeadProgress::More => {}
                HeadProgress::NotHttp => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, NotHttp)));
                }
                HeadProgress::Head(text, count) => {
                    let mut bytes = text.into_bytes();
                    bytes.extend_from_slice(&seen[count..]);
                    (this.ready, this.head) = ((bytes, 0), None);
                }
            }
        }
    }
}

impl<T: Write + Unpin> Write for Forgiving<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.wrote(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<T: Connection> Connection for Forgiving<T> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

#[cfg(test)]
mod tests {
    use super::RequestProgress;

    #[test]
    fn a_request_begins_where_the_last_one_ended() {
        let mut asked = RequestProgress::default();
        let body = "POST / HTTP/1.1\r\n\r\n";
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        assert!(asked.wrote(&head.as_bytes()[..20]));
        assert!(!asked.wrote(&head.as_bytes()[20..]));
        assert!(!asked.wrote(body.as_bytes()), "that is the body");
        assert!(asked.wrote((head.clone() + body + &head).as_bytes()));
        assert_eq!(asked.bytes_left, body.len() as u64);
    }
}
