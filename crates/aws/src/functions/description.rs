//! The description of the interface as it was made when this was built: what makes it would be a tenth of the function.

use app::Description;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::sync::LazyLock;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    // It was packed by the build, and a test reads it.
    serde_json::from_reader(GzDecoder::new(PACKED)).unwrap_or_default()
});

/// For the router.
pub(super) fn stored() -> Description {
    Description(&DESCRIPTION)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Objects this deep are written with one line for each member: the document, its parts, and those parts' parts.
    /// So an operation and a schema have a line each.
    const UNFOLDED: usize = 3;

    fn unfolded(value: &Value, depth: usize) -> String {
        let Value::Object(members) = value else { return value.to_string() };
        if depth == UNFOLDED {
            return value.to_string();
        }
        let line = |(name, member): (&String, &Value)| {
            format!("{:1$}{name:?}: {2}", "", depth + 1, unfolded(member, depth + 1))
        };
        let lines: Vec<String> = members.iter().map(line).collect();
        format!("{{\n{}\n{:2$}}}", lines.join(",\n"), "", depth)
    }

    /// After a change of the interface: `UPDATE_EXPECT=1 cargo test -p aws --lib description`.
    #[test]
    fn what_is_stored_is_what_would_be_made() {
        let made: &Value = app::description().0;
        expect_test::expect_file!["../../openapi.json"].assert_eq(&format!("{}\n", unfolded(made, 0)));
        assert_eq!(*DESCRIPTION, *made);
    }
}
