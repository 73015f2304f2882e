//! What kept a request from being answered, in a class that its owner can act on. Sources name no address: of a
//! chain only its last error is kept, and of a wrong name nothing.

use super::forgiving::NotHttp;
use super::resolver::ResolveError;
use connectors::{HttpError, TlsFault};
use rustls::{AlertDescription, CertificateError};
use std::error::Error;
use std::io;

/// Time to connect.
pub(super) const CONNECT_S: u64 = 10;

/// There was no connection in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {CONNECT_S} seconds")]
pub(super) struct NoConnection;

/// The last error of a chain, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(String);

/// The class of a failure. `is_connect`: there was no connection yet.
pub(super) fn classify(error: &(dyn Error + 'static), is_connect: bool) -> HttpError {
    for error in chain(error) {
        if let Some(error) = error.downcast_ref::<ResolveError>() {
            return match error {
                ResolveError::Refused => HttpError::RefusedAddress,
                ResolveError::Unknown(source) => HttpError::Dns(cause(source)),
            };
        }
        if error.is::<NoConnection>() {
            return HttpError::ConnectTimeout;
        }
        if error.is::<NotHttp>() {
            return HttpError::NotHttp;
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return tls(error);
        }
        match error.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => return HttpError::Refused(cause(error)),
            Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
                return HttpError::Unreachable(cause(error));
            }
            _ => {}
        }
    }
    match is_connect {
        true => HttpError::Connect(cause(error)),
        false => HttpError::Broken(cause(error)),
    }
}

fn tls(error: &rustls::Error) -> HttpError {
    use rustls::Error as Tls;
    let fault = match error {
        Tls::InvalidCertificate(error) => certificate(error),
        Tls::NoCertificatesPresented => TlsFault::Certificate,
        Tls::PeerIncompatible(_) => TlsFault::NothingInCommon,
        Tls::AlertReceived(
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity,
        ) => TlsFault::NothingInCommon,
        _ => TlsFault::Handshake,
    };
    match fault {
        // Its words hold the names.
        TlsFault::Name => HttpError::Tls(fault, Box::new(Cause("the names differ".to_owned()))),
        _ => HttpError::Tls(fault, cause(error)),
    }
}

fn certificate(error: &CertificateError) -> TlsFault {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsFault::NotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsFault::Name,
        CertificateError::UnknownIssuer => TlsFault::UnknownIssuer,
        _ => TlsFault::Certificate,
    }
}

pub(super) fn cause(error: &(dyn Error + 'static)) -> Box<dyn Error + Send + Sync> {
    let last = chain(error).last().map_or_else(|| error.to_string(), ToString::to_string);
    Box::new(Cause(last))
}

/// An error and what it came of.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| behind(*error))
}

/// `io::Error` hides the error that it wraps behind the source of that.
fn behind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
