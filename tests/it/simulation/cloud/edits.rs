//! What clients change, each of them one thing, while others change the same instance: what was answered well stays.

use super::Cloud;
use super::checks::Rule;
use app::ports::{Instances as _, Vault as _};
use domain::ids::InstanceId;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One thing that is changed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Name,
    Tags,
    Note,
    Secret,
    OtherSecret,
}

const FIELDS: [Field; 5] = [Field::Name, Field::Tags, Field::Note, Field::Secret, Field::OtherSecret];
const NOTE: &str = "custom.note";
const SECRET: &str = "custom.one.password";
const OTHER_SECRET: &str = "custom.two.password";

impl Field {
    fn patch(self, value: &str) -> Value {
        match self {
            Field::Name => json!({ "name": value }),
            Field::Tags => json!({ "tags": [value] }),
            Field::Note => json!({ "configuration": { NOTE: value } }),
            Field::Secret => json!({ "configuration": { SECRET: value } }),
            Field::OtherSecret => json!({ "configuration": { OTHER_SECRET: value } }),
        }
    }
}

/// An edit that is under way or was answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edit {
    instance: InstanceId,
    field: Field,
    value: String,
}

/// What is known of a field.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    Is(String),
    /// It is being changed, by one client at a time.
    Changes,
    /// A client had no good answer: it may come yet, whenever.
    Unclear,
}

/// All fields that were ever changed.
#[derive(Default)]
pub(super) struct Edits(BTreeMap<(InstanceId, Field), Known>);

impl Edits {
    /// The call has ended, with this answer or with none.
    pub(super) fn ended(&mut self, edit: Option<Edit>, status: Option<u16>) {
        let Some(Edit { instance, field, value }) = edit else { return };
        let known = if status == Some(200) { Known::Is(value) } else { Known::Unclear };
        self.0.insert((instance, field), known);
    }
}

impl Cloud {
    /// One client changes one thing.
    pub(super) fn edit(&mut self, id: InstanceId) {
        let field = FIELDS[self.random.usize(0..FIELDS.len())];
        let known = self.edits.0.get(&(id, field));
        if matches!(known, Some(Known::Changes | Known::Unclear)) {
            return;
        }
        let value = self.random.u32(..).to_string();
        self.edits.0.insert((id, field), Known::Changes);
        let edit = Edit { instance: id, field, value };
        let mut ask =
            self.asked("edit", "PATCH", format!("/instances/{id}"), field.patch(&edit.value), Some(id));
        ask.edit = Some(edit);
        self.start(super::Function::Api, super::Work::Call(ask));
    }

    /// Several at once, in processes of their own.
    pub(super) fn edit_together(&mut self, id: InstanceId) {
        for _ in 0..self.random.usize(2..5) {
            self.edit(id);
        }
    }

    /// What was answered well is what stands there.
    pub(super) fn check_edits(&mut self) {
        let settled: Vec<_> = self
            .edits
            .0
            .iter()
            .filter_map(|(key, known)| match known {
                Known::Is(value) => Some((*key, value.clone())),
                Known::Changes | Known::Unclear => None,
            })
            .collect();
        for ((id, field), value) in settled {
            let instance = self.world.store.instance(id).now_or_never().unwrap().unwrap();
            let Some(instance) = instance.filter(|instance| instance.deleted_at.is_none()) else { continue };
            let secrets = || self.world.vault().read(id).now_or_never().unwrap().unwrap().unwrap().0;
            let stands = match field {
                Field::Name => Some(instance.name),
                Field::Tags => instance.tags.first().cloned(),
                Field::Note => instance.configuration.get(NOTE).cloned(),
                Field::Secret => secrets().get(SECRET).cloned(),
                Field::OtherSecret => secrets().get(OTHER_SECRET).cloned(),
            };
            self.must(Rule::EditsStay, stands.as_ref() == Some(&value), || {
                format!("{field:?} of {id} was changed to {value} and is {stands:?}")
            });
        }
    }
}
