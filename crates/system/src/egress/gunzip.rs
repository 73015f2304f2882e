//! Providers' answers as they were before they were compressed.
//!
//! Not by the client, whose decoder is put together, cleared and copied for each answer, 40 kB each time: most answers are
//! shorter than that. A thread keeps its own for the next one.

use super::cause;
use bytes::buf::Reader;
use bytes::{Buf as _, Bytes};
use connectors::HttpError;
use flate2::bufread::GzDecoder;
use http::{HeaderMap, header};
use std::cell::RefCell;
use std::io::Read as _;

/// What answers may be compressed with.
pub(super) const TAKEN: &str = "gzip";
/// How many times its length an answer is expected to have.
const EXPECTED_RATIO: usize = 4;

thread_local! {
    static DECODER: RefCell<GzDecoder<Reader<Bytes>>> = RefCell::new(GzDecoder::new(Bytes::new().reader()));
}

/// The body itself, up to its limit; one beyond it is an error, and so is one that ends early.
pub(super) fn plain(headers: &HeaderMap, body: Bytes, bytes_max: usize) -> Result<Bytes, HttpError> {
    if !is_packed(headers) || body.is_empty() {
        return Ok(body);
    }
    let room = bytes_max.saturating_add(1);
    let mut plain = Vec::with_capacity(room.min(body.len().saturating_mul(EXPECTED_RATIO)));
    let unpacked = DECODER.with_borrow_mut(|decoder| unpack(decoder, body, room, &mut plain));
    unpacked.map_err(|error| HttpError::Broken(cause(&error)))?;
    match plain.len() > bytes_max {
        true => Err(HttpError::TooLong(bytes_max)),
        false => Ok(plain.into()),
    }
}

/// All members, one after the other, until there is no room.
fn unpack(
    decoder: &mut GzDecoder<Reader<Bytes>>,
    packed: Bytes,
    room: usize,
    plain: &mut Vec<u8>,
) -> std::io::Result<()> {
    let mut rest = packed;
    while !rest.is_empty() && plain.len() < room {
        decoder.reset(rest.reader());
        let read = decoder.by_ref().take((room - plain.len()) as u64).read_to_end(plain);
        // The body goes with its answer, and not with the next one.
        rest = decoder.reset(Bytes::new().reader()).into_inner();
        read?;
    }
    Ok(())
}

/// Whether an answer is compressed, as was asked for.
pub(super) fn is_packed(headers: &HeaderMap) -> bool {
    let coding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes());
    coding.is_some_and(|coding| coding.eq_ignore_ascii_case(TAKEN.as_bytes()))
}
