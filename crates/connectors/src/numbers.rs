//! Whole numbers in few bytes, for what cursors pack: seven bits a byte, the lowest first; the eighth says that more
//! follow.

/// Bytes of the widest number.
const BYTES_MAX: usize = 19;

/// Appends a number.
pub(crate) fn put(bytes: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The first number, and what follows it; `None` where the bytes break off.
pub(crate) fn first(bytes: &[u8]) -> Option<(u128, &[u8])> {
    let mut number = 0;
    for (index, byte) in bytes.iter().take(BYTES_MAX).enumerate() {
        number |= u128::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[index + 1..]));
        }
    }
    None
}

/// The same for a count or a length.
pub(crate) fn first_count(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = first(bytes)?;
    Some((usize::try_from(number).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_width_come_back() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u128::from(u64::MAX), u128::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            let length = bytes.len();
            bytes.push(7);
            assert_eq!(first(&bytes), Some((number, &[7][..])), "{length} bytes");
        }
        assert_eq!(first(&[]), None);
        assert_eq!(first(&[0x80; 9]), None);
        assert_eq!(first(&[0x80; 40]), None);
    }
}
