//! Texts of any size: short ones as they are, long ones deflated, and what is still too large for one item in
//! parts of their own.

use super::key::{Key, hex};
use super::row::{Item, Row, bytes, damaged, number, text};
use super::table::{Table, Write};
use super::worded;
use app::ports::{PortError, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{InstanceId, hash_of};
use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use std::io::{Read as _, Write as _};

/// Up to this size a text is stored in readable form.
const PLAIN_BYTES_MAX: usize = 1024;
/// Maximum packed text in one item. With all its attributes an item may have 400 KB,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>.
const PART_BYTES_MAX: usize = 300 * 1024;
/// Maximum size of an unpacked text: anything longer was not written here.
const TEXT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A text as it goes into an item's attributes `doc`, `worded`, or `part_name` and `part_count`.
pub(super) struct Packed {
    attributes: Vec<(&'static str, AttributeValue)>,
    parts: Vec<(Key, Vec<u8>)>,
    /// Bytes of the attributes.
    pub(super) size: usize,
}

impl Packed {
    /// Packs a body, for a `Put`, in fewer bytes than other texts: its row is written several times.
    pub(super) fn body(id: InstanceId, owner: &str, plain: &str, inline_max: usize) -> Result<Self> {
        let deflated = worded::deflate(plain)?;
        let size = deflated.len();
        match size <= inline_max.min(PART_BYTES_MAX) {
            true => Ok(Packed { attributes: vec![("worded", bytes(deflated))], parts: Vec::new(), size }),
            false => Packed::new(id, owner, plain, inline_max),
        }
    }

    /// Packs; what takes more than `inline_max` bytes goes into parts.
    pub(super) fn new(id: InstanceId, owner: &str, plain: &str, inline_max: usize) -> Result<Self> {
        if plain.len() <= PLAIN_BYTES_MAX {
            return Ok(Packed {
                attributes: vec![("doc", text(plain))],
                parts: Vec::new(),
                size: plain.len(),
            });
        }
        let deflated = deflate(plain)?;
        if deflated.len() <= inline_max.min(PART_BYTES_MAX) {
            let size = deflated.len();
            return Ok(Packed { attributes: vec![("doc", bytes(deflated))], parts: Vec::new(), size });
        }
        // Named by their content: who writes something else at the same time does not overwrite it.
        let name = format!("{owner}#{}", &hex(&hash_of(&[&deflated]))[..24]);
        let parts: Vec<(Key, Vec<u8>)> = deflated
            .chunks(PART_BYTES_MAX)
            .enumerate()
            .map(|(index, part)| (Key::part(id, &name, index), part.to_vec()))
            .collect();
        let attributes = vec![("part_name", text(name)), ("part_count", number(parts.len()))];
        Ok(Packed { attributes, parts, size: 0 })
    }

    /// Stores the parts, if there are any: before the item that names them.
    pub(super) async fn store_parts(&self, table: &Table, context: &'static str) -> Result<()> {
        for (key, part) in &self.parts {
            let put = Write::put(key, [("part", bytes(part.clone()))]);
            // Without a condition nothing is refused.
            let _ = table.write(context, put).await?;
        }
        Ok(())
    }

    /// Whether there are any.
    pub(super) fn has_parts(&self) -> bool {
        !self.parts.is_empty()
    }

    /// For a `Put`.
    pub(super) fn into_attributes(self) -> Vec<(&'static str, AttributeValue)> {
        self.attributes
    }

    /// For an `Update`: what follows `SET`, what follows `REMOVE`, and their values.
    pub(super) fn into_update(self) -> (&'static str, &'static str, Vec<(&'static str, AttributeValue)>) {
        let is_inline = self.parts.is_empty();
        let values = self.attributes.into_iter().map(|(name, value)| match name {
            "part_name" => (":part_name", value),
            "part_count" => (":part_count", value),
            _ => (":doc", value),
        });
        match is_inline {
            true => ("doc = :doc", "part_name, part_count", values.collect()),
            false => ("part_name = :part_name, part_count = :part_count", "doc", values.collect()),
        }
    }
}

/// The keys of a row's parts; none if it has none.
pub(super) fn parts_of(id: InstanceId, row: &Row) -> Result<Vec<Key>> {
    let Some(name) = row.text_or_none("part_name")? else { return Ok(Vec::new()) };
    let count: usize = row.number("part_count")?;
    Ok((0..count.min(1000)).map(|index| Key::part(id, name, index)).collect())
}

/// The text of a row; `None` if a part is not there (any more).
pub(super) async fn unpack(
    table: &Table,
    context: &'static str,
    id: InstanceId,
    row: &Row,
) -> Result<Option<String>> {
    let parts = parts_of(id, row)?;
    if parts.is_empty() {
        return inline(&row.0).map(Some);
    }
    let mut found = table.get_many(context, &parts).await?;
    let mut deflated = Vec::new();
    for key in &parts {
        let Some(part) = found.remove(key) else { return Ok(None) };
        deflated.extend_from_slice(part.bytes("part")?);
    }
    inflate(&deflated).map(Some).map_err(|_| row.damaged("part"))
}

/// A text that goes into one item whatever its size, and the bytes that it takes there: as [`inline`] reads it.
pub(super) fn whole(plain: &str) -> Result<(AttributeValue, usize)> {
    if plain.len() <= PLAIN_BYTES_MAX {
        return Ok((text(plain), plain.len()));
    }
    let deflated = deflate(plain)?;
    let size = deflated.len();
    Ok((bytes(deflated), size))
}

/// The text that an item has in itself.
pub(super) fn inline(item: &Item) -> Result<String> {
    if let Some(AttributeValue::B(deflated)) = item.get("worded") {
        return worded::inflate(deflated.as_ref(), TEXT_BYTES_MAX).map_err(|_| damaged(item, "worded"));
    }
    match item.get("doc") {
        Some(AttributeValue::S(plain)) => Ok(plain.clone()),
        Some(AttributeValue::B(deflated)) => inflate(deflated.as_ref()).map_err(|_| damaged(item, "doc")),
        _ => Err(damaged(item, "doc")),
    }
}

fn deflate(plain: &str) -> Result<Vec<u8>> {
    let context = "compress a text";
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain.as_bytes()).map_err(|error| PortError::new(context, error))?;
    encoder.finish().map_err(|error| PortError::new(context, error))
}

fn inflate(deflated: &[u8]) -> Result<String> {
    let mut plain = String::new();
    let mut reader = DeflateDecoder::new(deflated).take(TEXT_BYTES_MAX);
    reader.read_to_string(&mut plain).map_err(|error| PortError::new("decompress a text", error))?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(plain: &str, inline_max: usize) -> Packed {
        Packed::new(InstanceId::from_bytes([0, 0, 0, 1]), "N#1", plain, inline_max).unwrap()
    }

    /// What deflating does not make smaller.
    fn noise(length: usize) -> String {
        let mut random = fastrand::Rng::with_seed(1);
        (0..length).map(|_| random.alphanumeric()).collect()
    }

    #[test]
    fn short_texts_stay_readable_and_long_ones_come_back() {
        let item = |packed: Packed| -> Item {
            packed.into_attributes().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        };
        let short = item(pack("{\"a\":1}", usize::MAX));
        assert_eq!(short.get("doc"), Some(&text("{\"a\":1}")));
        let plain = "ä line of text\n".repeat(10_000);
        let long = pack(&plain, usize::MAX);
        assert!(long.size < plain.len() / 20 && long.parts.is_empty());
        assert_eq!(inline(&item(long)).unwrap(), plain);
        let body = Packed::body(InstanceId::from_bytes([0, 0, 0, 1]), "N#1", &plain, usize::MAX).unwrap();
        assert_eq!(inline(&item(body)).unwrap(), plain);
    }

    #[test]
    fn what_is_too_large_for_an_item_is_split() {
        let plain = noise(1_000_000);
        let packed = pack(&plain, usize::MAX);
        assert_eq!(packed.parts.len(), 3, "750 kB of entropy");
        assert!(packed.parts.iter().all(|(_, part)| part.len() <= PART_BYTES_MAX));
        let whole: Vec<u8> = packed.parts.iter().flat_map(|(_, part)| part.clone()).collect();
        assert_eq!(inflate(&whole).unwrap(), plain);
        let other = pack(&noise(1_000_001), usize::MAX);
        assert_ne!(packed.parts[0].0, other.parts[0].0, "another text has other parts");
    }

    #[test]
    fn a_little_text_goes_into_parts_where_there_is_no_room() {
        assert_eq!(pack(&noise(2_000), 1_000).parts.len(), 1);
    }
}
