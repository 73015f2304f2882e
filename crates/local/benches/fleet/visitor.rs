//! A browser as far as the network sees one.

use crate::process::{ORGANIZATION_SECRET, USER_SECRET};
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Somebody who is signed in, to the console and to the interface.
pub(crate) struct Visitor {
    address: String,
    cookie: String,
}

/// What came.
pub(crate) struct Seen {
    pub(crate) status: u16,
    head: String,
    body: Vec<u8>,
    /// Of all of it, as it was sent.
    pub(crate) bytes: usize,
    /// From the connection to the last byte.
    pub(crate) took_ms: f64,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Visitor {
    pub(crate) async fn sign_in(address: &str) -> Self {
        let mut visitor = Visitor { address: address.to_owned(), cookie: String::new() };
        let form = format!("user_secret={USER_SECRET}&organization_secret={ORGANIZATION_SECRET}");
        let head = format!(
            "POST /sign-in HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             origin: http://{address}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        );
        let seen = visitor.send(&head).await;
        assert_eq!(seen.status, 303, "{}", seen.text());
        let cookie = seen.header("set-cookie").unwrap();
        visitor.cookie = cookie.split(';').next().unwrap().to_owned();
        visitor
    }

    /// A page, or below `/elements/` a list.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Seen {
        let mut head = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncookie: {}\r\n\
             authorization: User {USER_SECRET}, Organization {ORGANIZATION_SECRET}\r\n",
            self.address, self.cookie
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.send(&head).await
    }

    async fn send(&self, request: &str) -> Seen {
        let began = Instant::now();
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        let took_ms = began.elapsed().as_secs_f64() * 1000.0;
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(all[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Seen { status, head, body: all[end + 4..].to_vec(), bytes: all.len(), took_ms }
    }
}
