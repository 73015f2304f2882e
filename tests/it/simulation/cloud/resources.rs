//! What is polled beside mail, as clients change it: a resource comes, goes, or gets another condition, while polls of it
//! are under way. Mail is polled all along, under conditions that all of it meets.

use super::Cloud;
use super::checks::Rule;
use super::edits::Field;
use super::process::Weather;
use super::script::Cast;
use crate::world::{GMAIL_USER, OUTLOOK_USER};
use app::ports::Polls as _;
use domain::ids::InstanceId;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What all objects that are made here are called like.
const NAMED: &str = "Made";
/// A client who hangs does so for less, seconds.
const HANGS_S: i64 = 40;

/// What is known of the creation of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CreationKnowledge {
    /// Its resource was polled, and still is.
    Owed,
    /// Its resource was changed, or was about to be.
    Open,
    /// Its resource was not polled: it belongs to what was there.
    Never,
}

/// The objects that were made, by id, and whose mailboxes they are in.
#[derive(Default)]
pub(super) struct MadeObjects {
    objects: BTreeMap<String, (InstanceId, CreationKnowledge)>,
    cast: Option<Cast>,
}

/// The resource that comes and goes, of a mailbox.
struct Extra {
    name: &'static str,
    field: &'static str,
    /// Conditions on mail that all of it meets.
    mail: [&'static str; 2],
}

const LABELS: Extra = Extra {
    name: "labels",
    field: "name",
    mail: ["/hubs/general/changed-messages", "/hubs/general/changed-messages?where=labelIds!='SPAM'"],
};
const FOLDERS: Extra = Extra {
    name: "folders",
    field: "DisplayName",
    mail: ["/hubs/general/messages", "/hubs/general/messages?where=IsDraft='false'"],
};

impl Extra {
    fn of(cast: &Cast, id: InstanceId) -> &'static Extra {
        if id == cast.gmail { &LABELS } else { &FOLDERS }
    }

    /// A configuration with this condition on mail, with the resource or without it.
    fn configuration(&self, mail: usize, condition: Option<&str>) -> Value {
        let url = self.mail[mail];
        let of_mail = if self.name == LABELS.name { "changed-messages" } else { "messages" };
        let mut all = json!({ of_mail: { "url": url } });
        if let Some(condition) = condition {
            all[self.name] = json!({ "url": format!("/hubs/general/{}{condition}", self.name) });
        }
        all
    }
}

impl Cloud {
    /// A client changes what is polled of a mailbox.
    pub(super) fn poll_otherwise(&mut self, cast: &Cast, id: InstanceId) {
        let extra = Extra::of(cast, id);
        let named = format!("?where={} LIKE '{NAMED}%'", extra.field);
        let condition = match self.random.u8(0..4) {
            0 => None,
            1 | 2 => Some(""),
            _ => Some(named.as_str()),
        };
        let mail = self.random.usize(0..extra.mail.len());
        self.poll_what(id, &extra.configuration(mail, condition));
        self.made.cast = Some(*cast);
    }

    /// What is polled of a mailbox was changed just now: whoever polls may not know yet.
    pub(super) fn polls_otherwise(&mut self, id: InstanceId) {
        if let Some(cast) = self.made.cast {
            self.make(&cast, id);
        }
    }

    fn poll_what(&mut self, id: InstanceId, configuration: &Value) {
        if !self.edit_field(id, Field::Polled, configuration.to_string()) {
            return;
        }
        for (owner, news) in self.made.objects.values_mut() {
            if *owner == id && *news == CreationKnowledge::Owed {
                *news = CreationKnowledge::Open;
            }
        }
    }

    /// A label or a folder is made.
    pub(super) fn make(&mut self, cast: &Cast, id: InstanceId) {
        let news = self.news(Extra::of(cast, id), id);
        let name = format!("{NAMED} {}", self.made.objects.len());
        let object = match id == cast.gmail {
            true => self.world.google.create_label(GMAIL_USER, &name),
            false => self.world.microsoft.add_folder(OUTLOOK_USER, &name),
        };
        self.made.objects.insert(object, (id, news));
    }

    /// What is to be told of an object of the resource that is made now.
    fn news(&self, extra: &Extra, id: InstanceId) -> CreationKnowledge {
        if self.edits.is_untouched(id, Field::Polled) {
            return CreationKnowledge::Never;
        }
        let Some(configuration) = self.edits.sure(id, Field::Polled) else { return CreationKnowledge::Open };
        if !configuration.contains(extra.name) {
            return CreationKnowledge::Never;
        }
        let mailbox = self.world.store.mailbox(id).now_or_never().unwrap().unwrap().unwrap();
        let has_position = mailbox
            .resources
            .iter()
            .any(|row| row.state.resource == extra.name && row.state.cursor.is_some());
        if has_position { CreationKnowledge::Owed } else { CreationKnowledge::Open }
    }

    /// Once the weather is good everything that can be polled is, and told.
    pub(super) async fn poll_everything(&mut self, cast: &Cast) {
        for id in [cast.gmail, cast.outlook] {
            let all = Extra::of(cast, id).configuration(0, Some(""));
            self.poll_what(id, &all);
            self.run_for(60).await;
            let is_polled = self.edits.sure(id, Field::Polled).is_some();
            self.must(Rule::ToldAsPolled, is_polled, || format!("what is polled of {id} can't be changed"));
            self.make(cast, id);
        }
    }

    /// What is polled is changed by a client who hangs, while a poll goes on: the client has looked before something was
    /// made, and the poll after it.
    pub(super) async fn change_amid_news(&mut self, cast: &Cast) {
        for id in [cast.gmail, cast.outlook] {
            let extra = Extra::of(cast, id);
            let named = extra.configuration(0, Some(&format!("?where={} LIKE '{NAMED}%'", extra.field)));
            let hangs =
                Weather { freezes_at: &["change_instance"], freezes_to_s: HANGS_S, ..Weather::default() };
            *self.shared.weather.lock().unwrap() = Weather { freezes: 1_000, ..hangs };
            self.poll_what(id, &named);
            *self.shared.weather.lock().unwrap() = hangs;
            self.run_for(15).await;
            self.make(cast, id);
            self.call("poll", "POST", format!("/instances/{id}/poll"), Value::Null, Some(id));
            self.run_for(HANGS_S).await;
            *self.shared.weather.lock().unwrap() = Weather::default();
            self.call("poll", "POST", format!("/instances/{id}/poll"), Value::Null, Some(id));
            self.run_for(60).await;
        }
        self.look(cast);
    }

    /// What was made while it was polled was told, once; what was there before was not.
    pub(super) fn check_made(&mut self) {
        let events: Vec<_> =
            [&LABELS, &FOLDERS].into_iter().flat_map(|extra| self.ledger.events_of(extra.name)).collect();
        let strange =
            events.iter().find(|(kind, object)| kind != "CREATED" || !self.made.objects.contains_key(object));
        let strange = strange.cloned();
        self.must(Rule::ToldAsPolled, strange.is_none(), || format!("{strange:?} was told, and is not so"));
        for (object, (id, news)) in self.made.objects.clone() {
            let count = events.iter().filter(|(_, told)| *told == object).count();
            let is_right = match news {
                CreationKnowledge::Owed => count == 1,
                CreationKnowledge::Open => count <= 1,
                CreationKnowledge::Never => count == 0,
            };
            self.must(Rule::ToldAsPolled, is_right, || {
                format!("{object} of {id} was told {count} times: {news:?}")
            });
        }
    }
}
