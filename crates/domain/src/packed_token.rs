//! Access tokens as they are sealed: of their characters, 64 or so, three quarters of the bytes are enough.

use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use std::io::{Read as _, Write as _};

/// Begins what is deflated. No token begins with it, and those that were sealed before are themselves.
const DEFLATED: u8 = 0;
/// Up to this size a token is sealed as it is: no row needs less room for it, and each poll would inflate it.
const PLAIN_BYTES_MAX: usize = 512;
/// Anything that unpacks to more was not written here.
const TOKEN_BYTES_MAX: u64 = 256 * 1024;

/// A token, deflated if it is long and that makes it shorter.
pub fn pack(token: &str) -> Vec<u8> {
    if token.len() <= PLAIN_BYTES_MAX {
        return token.as_bytes().to_vec();
    }
    let mut encoder = DeflateEncoder::new(vec![DEFLATED], Compression::best());
    let deflated = encoder.write_all(token.as_bytes()).and_then(|()| encoder.finish());
    match deflated {
        Ok(deflated) if deflated.len() < token.len() => deflated,
        _ => token.as_bytes().to_vec(),
    }
}

/// The token that [`pack`] packed; `None` if it did not.
pub fn unpack(packed: Vec<u8>) -> Option<String> {
    let Some((&DEFLATED, deflated)) = packed.split_first() else { return String::from_utf8(packed).ok() };
    let mut token = String::new();
    DeflateDecoder::new(deflated).take(TOKEN_BYTES_MAX).read_to_string(&mut token).ok()?;
    Some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_and_takes_three_quarters() {
        let mut random = 1_u64;
        let mut character = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[(random >> 58) as usize],
            )
        };
        let token: String = (0..2000).map(|_| character()).collect();
        let packed = pack(&token);
        assert!(packed.len() < 1_560, "{}", packed.len());
        assert_eq!(unpack(packed), Some(token));
    }

    #[test]
    fn what_was_sealed_before_and_what_is_short_is_itself() {
        for token in ["", "a", "ya29.double", &"a".repeat(PLAIN_BYTES_MAX)] {
            assert_eq!(pack(token), token.as_bytes());
            assert_eq!(unpack(token.as_bytes().to_vec()).as_deref(), Some(token));
        }
        assert_eq!(unpack(vec![DEFLATED, 255, 255]), None);
        assert_eq!(unpack(vec![255]), None);
    }
}
