//! The description of the interface, and whether answers are as it says.

use crate::client::Reply;
use serde_json::{Map, Value};

/// Where everything of the dialect is.
pub(crate) const BASE_PATH: &str = "/elements/api-v2";

/// `/openapi.json` as it was served.
#[derive(Debug)]
pub struct Document(Value);

/// One method of one path.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// HTTP method, in capitals.
    pub method: &'a str,
    /// From the root, with its parameters in braces.
    pub path: &'a str,
    body: &'a Value,
}

impl<'a> Operation<'a> {
    /// Parameters of the query.
    pub fn parameters(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.body["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query")
    }
}

impl Document {
    pub(crate) fn new(document: Value) -> Self {
        assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
        Document(document)
    }

    /// All that it describes.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        self.paths().iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap();
            methods.iter().map(move |(method, body)| Operation { method, path, body })
        })
    }

    fn paths(&self) -> &Map<String, Value> {
        self.0["paths"].as_object().unwrap()
    }

    /// What is not as described, in an answer to a call of this path from the root.
    pub(crate) fn amiss(&self, method: &str, path: &str, reply: &Reply) -> Option<String> {
        let path = path.split('?').next().unwrap_or_default();
        let fitting = self.paths().iter().filter_map(|(template, item)| Some((fit(template, path)?, item)));
        let item = fitting.max_by_key(|(literals, _)| *literals).map(|(_, item)| item);
        let operation = item.and_then(|item| item.get(method.to_ascii_lowercase()));
        let Some(operation) = operation else {
            let wanted = if item.is_some() { 405 } else { 404 };
            let is_refused = [wanted, 401].contains(&reply.status);
            return match is_refused {
                true => self.unlike(&self.0["components"]["schemas"]["Error"], &reply.body, "body"),
                false => Some(format!("it is not described and was answered {}", reply.status)),
            };
        };
        let response = &operation["responses"][reply.status.to_string()];
        if response.is_null() {
            return Some(format!("the status {} is not described", reply.status));
        }
        // Where a list may be an object instead, the header is not referred to but described in place.
        if !response["headers"]["Elements-Returned-Count"]["$ref"].is_null() {
            let counted = reply.header("elements-returned-count").and_then(|count| count.parse().ok());
            if counted != reply.body.as_array().map(Vec::len) {
                return Some(format!("the page does not say its length but {counted:?}"));
            }
        }
        match &response["content"]["application/json"]["schema"] {
            Value::Null if reply.body.is_null() => None,
            Value::Null => Some("it has a body that is not described".to_owned()),
            schema => self.unlike(schema, &reply.body, "body"),
        }
    }

    /// Where a value is not what a schema says.
    fn unlike(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        if let Some(name) = schema["$ref"].as_str() {
            let schema = self.0.pointer(name.trim_start_matches('#'));
            return self.unlike(schema.unwrap_or_else(|| panic!("{name} is not there")), value, at);
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            let unlike: Option<Vec<String>> =
                choices.iter().map(|choice| self.unlike(choice, value, at)).collect();
            return unlike.map(|all| all.join("; "));
        }
        let is_type = |name: &Value| is_of(name.as_str().unwrap_or_default(), value);
        let is_well = match &schema["type"] {
            Value::Null => true,
            Value::Array(names) => names.iter().any(is_type),
            name => is_type(name),
        };
        let is_one = schema["enum"].as_array().is_none_or(|values| values.contains(value));
        if !is_well || !is_one || schema.get("const").is_some_and(|wanted| wanted != value) {
            return Some(format!("{at} is {value}"));
        }
        match value {
            Value::Object(object) => self.unlike_object(schema, object, at),
            Value::Array(items) => {
                let mut items = items.iter().enumerate();
                items.find_map(|(index, item)| self.unlike(&schema["items"], item, &format!("{at}[{index}]")))
            }
            _ => None,
        }
    }

    fn unlike_object(&self, schema: &Value, object: &Map<String, Value>, at: &str) -> Option<String> {
        let required = schema["required"].as_array().into_iter().flatten();
        let missing = required.filter_map(Value::as_str).find(|key| !object.contains_key(*key));
        if let Some(key) = missing {
            return Some(format!("{at} has no `{key}`"));
        }
        object.iter().find_map(|(key, value)| {
            let at = format!("{at}.{key}");
            match (schema["properties"].get(key), &schema["additionalProperties"]) {
                (Some(schema), _) => self.unlike(schema, value, &at),
                (None, Value::Bool(false)) => Some(format!("{at} is not described")),
                (None, Value::Object(_)) => self.unlike(&schema["additionalProperties"], value, &at),
                (None, _) => None,
            }
        })
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not known"),
    }
}

/// How many segments are the template's own words, if the path fits it. `{rest}` takes all that follow.
fn fit(template: &str, path: &str) -> Option<usize> {
    let (mut words, mut segments) = (template.split('/'), path.split('/'));
    let mut literals = 0;
    loop {
        match (words.next(), segments.next()) {
            (None, None) => return Some(literals),
            (Some("{rest}"), Some(_)) => return Some(literals),
            (Some(word), Some(segment)) if word.starts_with('{') && !segment.is_empty() => {}
            (Some(word), Some(segment)) if word == segment => literals += 1,
            _ => return None,
        }
    }
}
