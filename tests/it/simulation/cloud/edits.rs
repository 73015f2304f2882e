//! What clients change, each of them one thing, while others change the same instance: what was answered well stays.

use super::checks::Rule;
use super::{Cloud, S};
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
    /// What is polled (`resources.rs`).
    Polled,
}

/// Those that take any text.
const FIELDS: [Field; 5] = [Field::Name, Field::Tags, Field::Note, Field::Secret, Field::OtherSecret];
const NOTE: &str = "custom.note";
const SECRET: &str = "custom.one.password";
const OTHER_SECRET: &str = "custom.two.password";
const POLLED: &str = "event.poller.configuration";
/// Longer than a process may hang and then go on with what was given up.
const HANGS_S: i64 = 400;

impl Field {
    fn patch(self, value: &str) -> Value {
        match self {
            Field::Name => json!({ "name": value }),
            Field::Tags => json!({ "tags": [value] }),
            Field::Note => json!({ "configuration": { NOTE: value } }),
            Field::Secret => json!({ "configuration": { SECRET: value } }),
            Field::OtherSecret => json!({ "configuration": { OTHER_SECRET: value } }),
            Field::Polled => json!({ "configuration": { POLLED: document(value) } }),
        }
    }
}

/// Two texts of one document are the same.
fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// An edit that is under way or was answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edit {
    instance: InstanceId,
    field: Field,
    value: String,
}

impl Edit {
    /// Whose mailbox is polled otherwise by it.
    pub(super) fn polls_otherwise(&self) -> Option<InstanceId> {
        (self.field == Field::Polled).then_some(self.instance)
    }
}

/// What is known of a field.
#[derive(Clone, Debug, PartialEq)]
enum FieldKnowledge {
    Is(String),
    /// It is being changed, by one client at a time.
    Changes,
    /// A client had no good answer, then: what it asked for may come yet, as long as its process may hang.
    Unclear {
        since_us: i64,
    },
}

/// All fields that were ever changed.
#[derive(Default)]
pub(super) struct Edits(BTreeMap<(InstanceId, Field), FieldKnowledge>);

impl Edits {
    /// The call has ended, with this answer or with none.
    pub(super) fn ended(&mut self, edit: Option<Edit>, status: Option<u16>, now_us: i64) {
        let Some(Edit { instance, field, value }) = edit else { return };
        let known = if status == Some(200) {
            FieldKnowledge::Is(value)
        } else {
            FieldKnowledge::Unclear { since_us: now_us }
        };
        self.0.insert((instance, field), known);
    }

    /// Whether nobody ever changed it, or tried to.
    pub(super) fn is_untouched(&self, id: InstanceId, field: Field) -> bool {
        !self.0.contains_key(&(id, field))
    }

    /// Whether an earlier edit may still come.
    fn is_open(&self, id: InstanceId, field: Field, now_us: i64) -> bool {
        match self.0.get(&(id, field)) {
            None | Some(FieldKnowledge::Is(_)) => false,
            Some(FieldKnowledge::Changes) => true,
            Some(FieldKnowledge::Unclear { since_us }) => now_us < since_us + HANGS_S * S,
        }
    }

    /// What a field is, where that is sure; `None` while it is being changed, or may be.
    pub(super) fn sure(&self, id: InstanceId, field: Field) -> Option<&str> {
        match self.0.get(&(id, field)) {
            Some(FieldKnowledge::Is(value)) => Some(value),
            None | Some(FieldKnowledge::Changes | FieldKnowledge::Unclear { .. }) => None,
        }
    }
}

impl Cloud {
    /// One client changes one thing.
    pub(super) fn edit(&mut self, id: InstanceId) {
        let field = FIELDS[self.random.usize(0..FIELDS.len())];
        let value = self.random.u32(..).to_string();
        self.edit_field(id, field, value);
    }

    /// One client changes this, unless another one is at it; `false` then.
    pub(super) fn edit_field(&mut self, id: InstanceId, field: Field, value: String) -> bool {
        if self.edits.is_open(id, field, self.now_us()) {
            return false;
        }
        self.edits.0.insert((id, field), FieldKnowledge::Changes);
        let edit = Edit { instance: id, field, value };
        let mut ask =
            self.asked("edit", "PATCH", format!("/instances/{id}"), field.patch(&edit.value), Some(id));
        ask.edit = Some(edit);
        self.start(super::Function::Api, super::Work::Call(ask));
        true
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
                FieldKnowledge::Is(value) => Some((*key, value.clone())),
                FieldKnowledge::Changes | FieldKnowledge::Unclear { .. } => None,
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
                Field::Polled => instance.configuration.get(POLLED).map(|text| document(text).to_string()),
            };
            self.must(Rule::EditsStay, stands.as_ref() == Some(&value), || {
                format!("{field:?} of {id} was changed to {value} and is {stands:?}")
            });
        }
    }
}
