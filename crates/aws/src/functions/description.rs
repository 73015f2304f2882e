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
    Description::of(&DESCRIPTION)
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
        let made = app::description().document();
        expect_test::expect_file!["../../openapi.json"].assert_eq(&format!("{}\n", unfolded(made, 0)));
        assert_eq!(*DESCRIPTION, *made);
    }

    /// Where a text is described as a choice of constants.
    fn choices_of_constants(value: &Value, at: &str) -> Vec<String> {
        let is_constant = |one: &Value| one["const"].is_string();
        let is_choice = value["oneOf"].as_array().is_some_and(|choices| choices.iter().all(is_constant));
        let inner: Vec<String> = match value {
            Value::Object(members) => {
                let within =
                    |(name, one): (&String, &Value)| choices_of_constants(one, &format!("{at}/{name}"));
                members.iter().flat_map(within).collect()
            }
            Value::Array(items) => items.iter().flat_map(|one| choices_of_constants(one, at)).collect(),
            _ => Vec::new(),
        };
        is_choice.then(|| at.to_owned()).into_iter().chain(inner).collect()
    }

    /// An enum whose variants have comments is described so: a generator for Go makes a type of each value, which needs a
    /// package that no other client does.
    #[test]
    fn values_of_a_text_are_described_together() {
        assert_eq!(choices_of_constants(app::description().document(), ""), [""; 0]);
    }
}
