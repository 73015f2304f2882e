//! Serving a double over a socket.

/// Serves a router on a listener until the returned future is dropped.
pub async fn serve(listener: tokio::net::TcpListener, router: axum::Router) {
    // This future ends only by being dropped: axum retries a failed accept by itself.
    let _ = axum::serve(listener, router).await;
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use crate::Receiver;
    use crate::probe::Time;

    #[tokio::test]
    async fn serves_over_a_socket_until_dropped() {
        let receiver = Receiver::new(Time::new().clock());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(super::serve(listener, receiver.router()));
        let call = move || {
            let mut stream = std::net::TcpStream::connect(address)?;
            stream.write_all(
                b"POST /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).map(|_| answer)
        };
        let answer = tokio::task::spawn_blocking(call).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert_eq!(answer.matches("date: ").count(), 1, "{answer}");
        assert_eq!(receiver.received().len(), 1);
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled());
    }
}
