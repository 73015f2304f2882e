//! Providers' answers that come compressed.

use super::{post, server};
use crate::{CallbackAddresses, Egress};
use bytes::Bytes;
use connectors::{Http as _, HttpError, Route};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

async fn answer(coding: &str, body: &[u8], bytes_max: usize, route: Route) -> Result<Bytes, HttpError> {
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n", body.len());
    let (url, _) = server([head.as_bytes(), body].concat().leak()).await;
    let egress = Egress::new(CallbackAddresses::All);
    egress.send(post(&url, bytes_max, route)).await.map(|response| response.body)
}

#[tokio::test]
async fn a_compressed_answer_is_read_up_to_its_limit() {
    let plain = vec![b'x'; 100_000];
    let packed = packed(&plain);
    assert!(packed.len() < 1_000);
    let whole = answer("GZIP", &packed, plain.len(), Route::Provider).await;
    assert_eq!(whole.unwrap(), plain);
    let longer = answer("gzip", &packed, plain.len() - 1, Route::Provider).await;
    assert!(matches!(longer, Err(HttpError::TooLong(99_999))), "{longer:?}");
    assert_eq!(answer("gzip", b"", 10, Route::Provider).await.unwrap(), "");
    assert_eq!(answer("identity", b"as it is", 10, Route::Provider).await.unwrap(), "as it is");
}

#[tokio::test]
async fn a_compressed_answer_that_is_broken_is_an_error() {
    let mut whole = packed(b"a message of a provider");
    let early = answer("gzip", &whole[..whole.len() - 9], 100, Route::Provider).await;
    assert!(matches!(early, Err(HttpError::Broken(_))), "{early:?}");
    // Its check sum.
    let at = whole.len() - 8;
    whole[at] ^= 1;
    let changed = answer("gzip", &whole, 100, Route::Provider).await;
    assert!(matches!(changed, Err(HttpError::Broken(_))), "{changed:?}");
    let other = answer("gzip", b"not compressed at all", 100, Route::Provider).await;
    assert!(matches!(other, Err(HttpError::Broken(_))), "{other:?}");
}

/// The next on the same thread.
#[tokio::test]
async fn an_answer_after_a_broken_or_long_one_is_whole() {
    let (long, members) = (packed(&[b'x'; 100_000]), [packed(b"one, "), packed(b"and another")].concat());
    for before in [&long[..long.len() / 2], &long, b"not compressed at all"] {
        answer("gzip", before, 1_000, Route::Provider).await.unwrap_err();
        assert_eq!(answer("gzip", &members, 100, Route::Provider).await.unwrap(), "one, and another");
    }
}

#[tokio::test]
async fn a_callbacks_answer_is_only_looked_at() {
    let packed = packed(b"ok");
    assert_eq!(answer("gzip", &packed, 100, Route::Callback).await.unwrap(), packed);
}
