//! The schemas of the description, made from the types that are answered and read.

use schemars::generate::{Contract, SchemaSettings};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// Where the document keeps them.
const PLACE: &str = "/components/schemas";

/// Two kinds of them: what is left out of an answer has no value, and what may be left out of a request may be null.
pub(super) struct Schemas {
    pub(super) answers: SchemaGenerator,
    pub(super) requests: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        Schemas { answers: generator(Contract::Serialize), requests: generator(Contract::Deserialize) }
    }

    /// All that were referred to, by their names.
    pub(super) fn collected(mut self) -> Map<String, Value> {
        let mut answers = self.answers.take_definitions(true);
        answers.values_mut().for_each(without_null);
        let mut all = answers;
        for (name, schema) in self.requests.take_definitions(true) {
            all.entry(name).or_insert(schema);
        }
        all.values_mut().for_each(plain);
        all.sort_keys();
        all
    }
}

fn generator(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = PLACE.into();
        settings.meta_schema = None;
        settings.contract = contract;
    });
    settings.into_generator()
}

/// A schema in its place, as the document shows it.
pub(super) fn shown(schema: Schema) -> Value {
    let mut schema = schema.to_value();
    plain(&mut schema);
    schema
}

/// What an answer may leave out is never null there.
fn without_null(schema: &mut Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if required.contains(&Value::from(name.as_str())) || property.get(KEEPS_NULL).is_some() {
            continue;
        }
        for list in ["type", "anyOf"] {
            let Some(choices) = property.get_mut(list).and_then(Value::as_array_mut) else { continue };
            choices.retain(|choice| choice != "null" && choice["type"] != "null");
            if let [one] = choices.as_slice() {
                let one = one.clone();
                match one {
                    Value::Object(only) => drop(property.as_object_mut().map(|own| {
                        own.shift_remove(list);
                        own.extend(only);
                    })),
                    one => property[list] = one,
                }
            }
        }
    }
}

/// Marks what may be left out and may be null, too.
pub(super) const KEEPS_NULL: &str = "x-keeps-null";

/// The format of integers that no small maximum bounds.
pub(super) const INTEGER: &str = "int64";

/// Comments are broken into lines, and the widths of Rust's integers say more than a client needs: only that 64 bits hold
/// each. Where nothing is said, generators for Java and Go take 32, and fail at the first number that is larger.
fn plain(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.shift_remove(KEEPS_NULL);
            match object.get("format").and_then(Value::as_str) {
                Some("uint8" | "uint16" | "int8" | "int16" | "int32") => drop(object.shift_remove("format")),
                Some("uint" | "uint32" | "uint64" | "int" | "int64") => object["format"] = INTEGER.into(),
                _ => {}
            }
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            let is_data = |key: &str| matches!(key, "examples" | "example" | "const" | "enum" | "default");
            for (key, value) in object.iter_mut() {
                match (key.as_str(), value) {
                    ("properties", Value::Object(named)) => named.values_mut().for_each(plain),
                    (key, value) if !is_data(key) => plain(value),
                    _ => {}
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}
