//! Whether a process serves: for images that have no shell and no other program.

use anyhow::{Context as _, bail};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Less than any supervisor waits.
const PATIENCE: Duration = Duration::from_secs(4);
/// The part of an answer that says all.
const WELL: &[u8] = b"HTTP/1.1 200 ";

/// Asks the process that listens there for its health.
///
/// # Errors
/// When it does not say that it is well, in time.
pub async fn ask(listen: SocketAddr) -> anyhow::Result<()> {
    let address = reached_at(listen);
    let answer = tokio::time::timeout(PATIENCE, answer(address)).await;
    let answer = answer.map_err(|_| anyhow::anyhow!("nothing was answered within {} s", PATIENCE.as_secs()));
    match answer?.with_context(|| format!("asking {address}"))? {
        is_well if is_well == WELL => Ok(()),
        _ => bail!("{address} does not say that it is well"),
    }
}

async fn answer(address: SocketAddr) -> std::io::Result<[u8; WELL.len()]> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut begun = [0; WELL.len()];
    stream.read_exact(&mut begun).await?;
    Ok(begun)
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
    fn what_listens_everywhere_is_asked_here() {
        for (listen, asked) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("127.0.0.9:80", "127.0.0.9:80")]
        {
            assert_eq!(reached_at(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
