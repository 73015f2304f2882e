//! Schemas, as far as the description uses them.

use serde_json::{Map, Value};

/// What is wrong with a value by its schema, as far as types, required keys, constants and choices go.
pub(super) fn breaks(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let schema = document.pointer(reference.strip_prefix('#').unwrap()).unwrap();
        return breaks(document, schema, value, at);
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let broken: Vec<String> =
            choices.iter().map_while(|choice| breaks(document, choice, value, at)).collect();
        return (broken.len() == choices.len()).then(|| broken.join(", or "));
    }
    if let Some(wanted) = schema.get("const").filter(|wanted| *wanted != value) {
        return Some(format!("{at} is not {wanted}"));
    }
    let is_choice = |choices: &Vec<Value>| choices.contains(value);
    if schema.get("enum").and_then(Value::as_array).is_some_and(|choices| !is_choice(choices)) {
        return Some(format!("{at} is none of {}", schema["enum"]));
    }
    let is_type = |name: &Value| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{at}: no type is called {other}"),
    };
    let is_well_typed = match &schema["type"] {
        Value::Array(names) => names.iter().any(is_type),
        Value::String(_) => is_type(&schema["type"]),
        _ => true,
    };
    if !is_well_typed {
        return Some(format!("{at} is no {}: {value}", schema["type"]));
    }
    match value {
        Value::Object(object) => breaks_in_object(document, schema, object, at),
        Value::Array(items) => {
            let schema = schema.get("items")?;
            items
                .iter()
                .enumerate()
                .find_map(|(n, item)| breaks(document, schema, item, &format!("{at}/{n}")))
        }
        _ => None,
    }
}

fn breaks_in_object(
    document: &Value,
    schema: &Value,
    object: &Map<String, Value>,
    at: &str,
) -> Option<String> {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    if let Some(missing) = required.map(|key| key.as_str().unwrap()).find(|key| !object.contains_key(*key)) {
        return Some(format!("{at} has no {missing}"));
    }
    object.iter().find_map(|(key, value)| {
        let known = schema.pointer(&format!("/properties/{}", key.replace('~', "~0").replace('/', "~1")));
        match (known, schema.get("additionalProperties")) {
            (Some(schema), _) => breaks(document, schema, value, &format!("{at}/{key}")),
            (None, Some(Value::Bool(false))) => Some(format!("{at} must not have {key}")),
            (None, Some(schema @ Value::Object(_))) => {
                breaks(document, schema, value, &format!("{at}/{key}"))
            }
            _ => None,
        }
    })
}
