//! Whether a process serves: for images that have no shell and no other program.

use anyhow::{Context as _, bail};
use serde_json::Value;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Less than any supervisor waits.
const PATIENCE: Duration = Duration::from_secs(4);
/// For the whole of an answer: who keeps the connection open has answered all the same.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// What an answer begins with that says all is well.
const WELL: &str = "HTTP/1.1 200 ";
/// The answer is longer than this only if something else listens there.
const ANSWER_BYTES_MAX: u64 = 8 * 1024;

/// Asks the process that listens there for its health.
///
/// # Errors
/// When it does not say that it is well, in time.
pub async fn ask(listen: SocketAddr) -> anyhow::Result<()> {
    let address = reached_at(listen);
    let answer = tokio::time::timeout(PATIENCE, answer(address)).await;
    let answer = answer.map_err(|_| anyhow::anyhow!("nothing was answered within {} s", PATIENCE.as_secs()));
    let answer = answer?.with_context(|| format!("asking {address}"))?;
    match (answer.starts_with(WELL), message(&answer)) {
        (true, _) => Ok(()),
        (false, Some(message)) => bail!("{address} is not well: {message}"),
        (false, None) => bail!("{address} does not say that it is well"),
    }
}

/// What the answer says to people.
fn message(answer: &str) -> Option<String> {
    let (_, body) = answer.split_once("\r\n\r\n")?;
    let body: Value = serde_json::from_str(body).ok()?;
    Some(body["message"].as_str()?.chars().filter(|c| !c.is_control()).collect())
}

async fn answer(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let (mut stream, mut answer) = (stream.take(ANSWER_BYTES_MAX), Vec::new());
    match tokio::time::timeout(ANSWER_WITHIN, stream.read_to_end(&mut answer)).await {
        Ok(Err(error)) if answer.is_empty() => Err(error),
        _ if answer.is_empty() => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
    }
}

/// One that listens on all addresses is reached on this machine's own.
fn reached_at(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_to_people_is_said_on() {
        let answer = |body: &str| format!("HTTP/1.1 503 Service Unavailable\r\nx: y\r\n\r\n{body}");
        let said = message(&answer(r#"{"message":"no \u001b[31mroom"}"#));
        assert_eq!(said.as_deref(), Some("no [31mroom"));
        assert_eq!((message(&answer("<html>")), message("HTTP/1.1 503")), (None, None));
    }

    #[test]
    fn what_listens_everywhere_is_asked_here() {
        for (listen, asked) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("127.0.0.9:80", "127.0.0.9:80")]
        {
            assert_eq!(reached_at(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
