//! Things by their names.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An object whose keys are names that somebody gave, in the order in which they were given.
#[derive(Debug)]
pub(in crate::api) struct OrderedObject<T>(Vec<(String, T)>);

impl<T> OrderedObject<T> {
    pub(in crate::api) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> FromIterator<(String, T)> for OrderedObject<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(named: I) -> Self {
        OrderedObject(named.into_iter().collect())
    }
}

impl<T: Serialize> Serialize for OrderedObject<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, one)| (name, one)))
    }
}

impl<T: JsonSchema> JsonSchema for OrderedObject<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, T>::json_schema(schemas)
    }
}
