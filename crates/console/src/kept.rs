//! What the browser keeps for us between pages, sealed: forms while somebody signs in at a provider, and drafts. Several
//! at once, each in cookies of its own, so that one tab does not take away what another one waits for.

use crate::cookie;
use crate::cookie::with_cookie;
use crate::session::random;
use crate::shared::Shared;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use std::io::{Read as _, Write as _};

/// Names begin so; then come id and part.
const PREFIX: &str = "carillon_kept_";
/// Browsers keep 4 KB of a cookie, with name and flags.
const PART_BYTES_MAX: usize = 3_800;
/// All of them, bytes: together with the session they stay below what gateways take as a request's headers, about
/// 10 KB, or nothing could be asked for any more until they expire.
const ALL_BYTES_MAX: usize = 7_600;
/// What one can inflate to; it is our own, so this is never met.
const INFLATED_BYTES_MAX: u64 = 1024 * 1024;
/// As long as signing in may take.
pub(crate) const KEPT_S: i64 = 30 * 60;
/// Random letters of an id, behind its time.
const ID_RANDOM_CHARS: usize = 6;

/// It does not fit.
#[derive(Debug)]
pub(crate) struct TooLarge;

/// What a request brought of it: names and sealed texts.
#[derive(Clone, Default)]
pub(crate) struct Kept(Vec<(String, String)>);

impl Kept {
    pub(crate) fn of(headers: &HeaderMap, is_https: bool) -> Self {
        let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let bare =
            pairs.filter_map(|(name, value)| Some((name.strip_prefix(cookie::prefix(is_https))?, value)));
        let ours = bare.filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, value)));
        Kept(
            ours.filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// Newest first.
    pub(crate) fn ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> =
            self.0.iter().filter_map(|(name, _)| Some(name.split_once('.')?.0)).collect();
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.dedup();
        ids
    }

    /// What was kept under an id for a purpose.
    pub(crate) fn open(&self, shared: &Shared, purpose: &str, id: &str) -> Option<Vec<u8>> {
        let part = |number: usize| {
            let name = format!("{id}.{number}");
            self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
        };
        let sealed: String = (0..).map_while(part).collect();
        let deflated = shared.0.seal.open(purpose, &sealed)?;
        let mut plain = Vec::new();
        DeflateDecoder::new(deflated.as_slice()).take(INFLATED_BYTES_MAX).read_to_end(&mut plain).ok()?;
        Some(plain)
    }

    fn bytes(&self, id: &str) -> usize {
        self.names(id).map(|(name, value)| PREFIX.len() + name.len() + value.len()).sum()
    }

    fn names<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a (String, String)> {
        self.0.iter().filter(move |(name, _)| name.split_once('.').is_some_and(|(known, _)| known == id))
    }

    /// Takes away what was kept under an id.
    pub(crate) fn forget(&self, id: &str, is_https: bool, response: Response) -> Response {
        self.names(id).fold(response, |response, (name, _)| {
            with_cookie(response, cookie::clear(&format!("{PREFIX}{name}"), is_https))
        })
    }

    /// All of it.
    pub(crate) fn forget_all(&self, is_https: bool, response: Response) -> Response {
        self.ids().into_iter().fold(response, |response, id| self.forget(id, is_https, response))
    }

    /// Puts it into the browser, in the place of what was there under this id. The oldest others make room.
    pub(crate) fn put(
        &self,
        seal: impl Fn(&[u8]) -> Option<String>,
        id: &str,
        plain: &[u8],
        (is_https, response): (bool, Response),
    ) -> Result<Response, TooLarge> {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
        let deflated = deflate.write_all(plain).and_then(|()| deflate.finish()).map_err(|_| TooLarge)?;
        let sealed = seal(&deflated).ok_or(TooLarge)?;
        let mut left = ALL_BYTES_MAX.checked_sub(sealed.len()).ok_or(TooLarge)?;
        let mut response = self.forget(id, is_https, response);
        for other in self.ids().into_iter().filter(|other| *other != id) {
            match left.checked_sub(self.bytes(other)) {
                Some(less) => left = less,
                None => {
                    left = 0;
                    response = self.forget(other, is_https, response);
                }
            }
        }
        // Sealed texts are ASCII; one that is not would be no cookie either.
        for (number, part) in sealed.as_bytes().chunks(PART_BYTES_MAX).enumerate() {
            let part = std::str::from_utf8(part).map_err(|_| TooLarge)?;
            let name = format!("{PREFIX}{id}.{number}");
            response = with_cookie(response, cookie::set(&name, part, KEPT_S, is_https));
        }
        Ok(response)
    }
}

/// An id that sorts by its time; nothing where the system gives no randomness.
pub(crate) fn new_id(now_s: i64) -> Option<String> {
    let letters: String =
        random()?.chars().filter(char::is_ascii_alphanumeric).take(ID_RANDOM_CHARS).collect();
    Some(format!("{now_s:010x}{letters}"))
}
