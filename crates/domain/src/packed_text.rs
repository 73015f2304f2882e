//! Bytes as a short text: deflated, in base64url.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;
use std::io::{Error, Read as _, Result, Write as _};

/// Packs bytes.
///
/// # Errors
/// None in practice: it writes to memory.
pub fn pack(bytes: &[u8]) -> Result<String> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish().map(|deflated| URL_SAFE_NO_PAD.encode(deflated))
}

/// The bytes of a packed text. Anything that unpacks to more than `bytes_max` was not written here, and is cut there.
///
/// # Errors
/// If it is not what [`pack`] made.
pub fn unpack(text: &str, bytes_max: u64) -> Result<Vec<u8>> {
    let deflated = URL_SAFE_NO_PAD.decode(text).map_err(Error::other)?;
    let mut bytes = Vec::new();
    ZlibDecoder::new(&deflated[..]).take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}
