//! Bodies that are read as they come.

use super::*;

/// Pieces that came, and what ended them.
async fn read(url: &str, timeout_ms: u64, bytes_max: usize) -> (Vec<u8>, Option<HttpError>) {
    let egress = Egress::new(CallbackAddresses::All);
    let request = HttpRequest { timeout_ms, ..post(url, bytes_max, Route::Provider) };
    let mut answer = egress.open(request).await.unwrap();
    assert_eq!(answer.status, 200);
    let mut bytes = Vec::new();
    while let Some(piece) = answer.body.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => return (bytes, Some(error)),
        }
    }
    (bytes, None)
}

#[tokio::test]
async fn what_is_longer_than_allowed_or_ends_early_is_an_error() {
    let (url, _) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789").await;
    assert!(matches!(read(&url, 5_000, 10).await, (bytes, None) if bytes == b"0123456789"));
    assert!(matches!(read(&url, 5_000, 9).await, (_, Some(HttpError::TooLong(9)))));
    let (url, _) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n0123456789").await;
    assert!(matches!(read(&url, 5_000, 20).await, (_, Some(HttpError::Broken(_)))));
}

/// Its head came in time, and so did a piece; then nothing more does, though the connection stays.
#[tokio::test]
async fn a_body_that_stalls_ends() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234").await.unwrap();
        // Until the client gives up.
        while stream.read(&mut [0; 4096]).await.is_ok_and(|count| count > 0) {}
    });
    let (bytes, ended) = read(&url, 300, 100).await;
    assert_eq!(bytes, b"01234");
    assert!(matches!(ended, Some(HttpError::Timeout)), "{ended:?}");
    serving.await.unwrap();
}
