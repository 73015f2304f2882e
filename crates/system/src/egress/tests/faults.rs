//! Why a delivery failed is told in a class.

use super::{post, server};
use crate::egress::{CallbackAddresses, Egress};
use connectors::{Http as _, HttpError, Route, TlsFault};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::error::Error as _;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// The way out of somebody who knows this authority alone.
fn egress(known: &Authority) -> Egress {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    roots.add(known.der().clone()).unwrap();
    let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Egress::with(CallbackAddresses::All, tls)
}

/// A receiver with a certificate of this authority for `localhost`, changed as told. `protocols` is what it offers
/// beside TLS.
async fn receiver(by: &Authority, protocols: &[&str], change: impl FnOnce(&mut CertificateParams)) -> String {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nodd\r\nContent-Length: 0\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    format!("https://localhost:{port}/secret-path")
}

async fn failure(egress: &Egress, url: &str) -> HttpError {
    let error = egress.send(post(url, 100, Route::Callback)).await.err().unwrap();
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    for told in [error.to_string(), cause] {
        for address in ["localhost", "127.0.0.1", "secret", "other.example"] {
            assert!(!told.contains(address), "{told}");
        }
    }
    error
}

#[tokio::test]
async fn a_certificate_that_is_refused_says_what_is_wrong_with_it() {
    let (known, unknown) = (authority("known"), authority("unknown"));
    let egress = egress(&known);
    let expired = receiver(&known, &[], |params| params.not_after = date_time_ymd(2020, 1, 1)).await;
    let later = receiver(&known, &[], |params| params.not_before = date_time_ymd(2200, 1, 1)).await;
    let other = receiver(&known, &[], |params| {
        params.subject_alt_names = vec![rcgen::SanType::DnsName("other.example".try_into().unwrap())];
    });
    for (url, expected) in [
        (expired, TlsFault::Expired),
        (later, TlsFault::NotYetValid),
        (other.await, TlsFault::Name),
        (receiver(&unknown, &[], |_| {}).await, TlsFault::UnknownIssuer),
    ] {
        let error = failure(&egress, &url).await;
        assert!(matches!(error, HttpError::Tls(fault, _) if fault == expected), "{error}");
        assert!(error.to_string().starts_with("tls: "), "{error}");
    }
}

#[tokio::test]
async fn a_good_certificate_is_taken_and_the_answer_may_be_odd() {
    let known = authority("known");
    for protocols in [vec![], vec!["http/1.1"]] {
        let url = receiver(&known, &protocols, |_| {}).await;
        let response = egress(&known).send(post(&url, 100, Route::Callback)).await.unwrap();
        assert_eq!(response.status, 200);
    }
}

/// A server that answers whatever comes with these bytes: one that knows old ciphers alone sends an alert.
#[tokio::test]
async fn nothing_in_common_is_told() {
    for (alert, expected) in [
        (&[21, 3, 3, 0, 2, 2, 40], TlsFault::NothingInCommon),
        (&[21, 3, 1, 0, 2, 2, 70], TlsFault::NothingInCommon),
        (&[21, 3, 3, 0, 2, 2, 71], TlsFault::NothingInCommon),
        (&[21, 3, 3, 0, 2, 2, 80], TlsFault::Handshake),
    ] {
        let (url, _) = server(Box::leak(Box::new(*alert))).await;
        let error = failure(&egress(&authority("known")), &url.replace("http:", "https:")).await;
        assert!(matches!(error, HttpError::Tls(fault, _) if fault == expected), "{error}");
    }
    let plain = server(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.0.replace("http:", "https:");
    let error = failure(&egress(&authority("known")), &plain).await;
    assert!(matches!(error, HttpError::Tls(TlsFault::Handshake, _)), "{error}");
}

#[tokio::test]
async fn a_name_and_an_address_that_lead_nowhere_are_told_apart() {
    let egress = Egress::new(CallbackAddresses::All);
    let error = failure(&egress, "http://no-such-name.invalid/").await;
    assert!(matches!(error, HttpError::Dns(_)), "{error}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = failure(&egress, &url).await;
    assert!(matches!(error, HttpError::Refused(_)), "{error}");
    for route in [Route::Callback, Route::Provider] {
        let sent = egress.send(post(&url, 100, route)).await;
        assert!(matches!(sent, Err(HttpError::Refused(_))), "of a provider, too");
    }
}

#[tokio::test]
async fn silence_is_a_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let egress = Egress::new(CallbackAddresses::All);
    let request = connectors::HttpRequest { timeout_ms: 50, ..post(&url, 100, Route::Callback) };
    let sent = egress.send(request).await;
    assert!(matches!(sent, Err(HttpError::Timeout)));
    drop(listener);
}
