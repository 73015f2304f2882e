//! What files hold.

/// The bytes of a file of that size, the same each time: every value occurs, and no line looks like another.
pub fn content_of(size_bytes: usize) -> Vec<u8> {
    (0..size_bytes).map(|index| (index ^ (index >> 8) ^ (index >> 16)) as u8).collect()
}
