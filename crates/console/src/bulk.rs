//! Actions on many instances: what a form asks for, and how the interface's records of them are told.

use crate::api::address;
use crate::form::Fields;
use crate::time::utc;
use crate::ui::Mark;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

/// What can be done to many: the interface's name, and ours.
pub(crate) const ACTIONS: [(&str, &str); 7] = [
    ("enable", "Enable"),
    ("disable", "Disable"),
    ("tag", "Add or remove tags"),
    ("release", "Release what is queued"),
    ("retry", "Deliver events again"),
    ("backfill", "Read a time again"),
    ("delete", "Delete"),
];
/// What names instances as the list does.
const FILTERS: [&str; 6] = ["search", "mailbox", "tags", "status", "connector", "application"];
/// What an action needs to know beside its instances.
const DETAILS: [&str; 5] = ["addTags", "removeTags", "from", "to", "deliveries"];

/// What somebody wants done.
pub(crate) struct Wish<'a> {
    fields: &'a Fields,
    pub(crate) action: &'static str,
    pub(crate) ids: Vec<&'a str>,
}

impl<'a> Wish<'a> {
    pub(crate) fn of(fields: &'a Fields) -> Self {
        let action = ACTIONS.iter().find(|(key, _)| *key == fields.text("action"));
        let is_all = fields.text("of") == "all";
        let ids = fields.all("id").filter(|id| !id.is_empty() && !is_all).collect();
        Wish { fields, action: action.map_or("", |(key, _)| key), ids }
    }

    pub(crate) fn text(&self, name: &str) -> &'a str {
        self.fields.text(name).trim()
    }

    /// Nothing was ticked, where only what is ticked was meant.
    pub(crate) fn names_nothing(&self) -> bool {
        self.ids.is_empty() && self.text("of") == "ticked"
    }

    /// Whether something has to be said before it can be counted.
    pub(crate) fn lacks_details(&self) -> bool {
        match self.action {
            "" => true,
            "tag" => self.text("addTags").is_empty() && self.text("removeTags").is_empty(),
            "retry" | "backfill" => self.text("from").is_empty(),
            "release" => self.text("counted").is_empty(),
            _ => false,
        }
    }

    /// As the interface takes it.
    pub(crate) fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("action".to_owned(), self.action.into());
        match self.ids.is_empty() {
            false => {
                body.insert("ids".to_owned(), self.ids.iter().map(|id| id.parse::<u32>().ok()).collect())
            }
            true => body.insert("filter".to_owned(), self.filter()),
        };
        for name in ["addTags", "removeTags"] {
            let tags: Vec<&str> = listed(self.text(name)).collect();
            if !tags.is_empty() {
                body.insert(name.to_owned(), json!(tags));
            }
        }
        body.extend(self.times());
        if !self.text("deliveries").is_empty() {
            body.insert("deliveries".to_owned(), json!([self.text("deliveries")]));
        }
        Value::Object(body)
    }

    /// The time alone.
    pub(crate) fn window(&self) -> Value {
        Value::Object(self.times().collect())
    }

    fn times(&self) -> impl Iterator<Item = (String, Value)> {
        let given = ["from", "to"].into_iter().filter(|name| !self.text(name).is_empty());
        given.map(|name| (name.to_owned(), utc(self.text(name)).into()))
    }

    fn filter(&self) -> Value {
        let mut filter = Map::new();
        let text = |name: &str, ours: &str| (name.to_owned(), Value::from(self.text(ours)));
        filter.extend([text("searchText", "search"), text("connector", "connector")]);
        filter.extend([text("application", "application"), text("mailbox", "mailbox")]);
        filter.insert("status".to_owned(), json!([self.text("status")]));
        filter.insert("tags".to_owned(), listed(self.text("tags")).collect());
        filter.retain(|_, value| *value != "" && *value != json!([]) && *value != json!([""]));
        Value::Object(filter)
    }

    /// The same in hidden fields, for the next form.
    pub(crate) fn selection(&self) -> Markup {
        html! {
            @for id in &self.ids { input type="hidden" name="id" value=(id); }
            @for name in FILTERS {
                @if !self.text(name).is_empty() { input type="hidden" name=(name) value=(self.text(name)); }
            }
        }
    }

    pub(crate) fn details(&self) -> Markup {
        html! {
            @for name in DETAILS {
                @if !self.text(name).is_empty() { input type="hidden" name=(name) value=(self.text(name)); }
            }
        }
    }

    /// Which instances, in words.
    pub(crate) fn selected(&self) -> String {
        match self.ids.len() {
            0 => filter_in_words(&self.filter()),
            1 => "one instance".to_owned(),
            count => format!("{count} ticked instances"),
        }
    }

    /// The list that they were chosen from.
    pub(crate) fn list(&self) -> String {
        let filters = FILTERS.map(|name| (name, self.text(name)));
        address(&["instances"], &filters)
    }
}

fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// How the instances of a record were named.
pub(crate) fn selection_in_words(selection: &Value) -> String {
    match selection["ids"].as_u64() {
        Some(1) => "one instance".to_owned(),
        Some(count) => format!("{count} ticked instances"),
        None => filter_in_words(&selection["filter"]),
    }
}

fn filter_in_words(filter: &Value) -> String {
    let texts = |value: &Value| match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        one => one.as_str().unwrap_or("yes").to_owned(),
    };
    let names = [
        ("status", "status"),
        ("connector", "connector"),
        ("tags", "tag"),
        ("application", "application"),
        ("searchText", "name contains"),
        ("mailbox", "the mailbox"),
        ("waiting", "something waits"),
    ];
    let parts: Vec<String> = names
        .iter()
        .filter(|(key, _)| !filter[*key].is_null())
        .map(|(key, name)| format!("{name} {}", texts(&filter[*key])))
        .collect();
    match parts.is_empty() {
        true => "all instances".to_owned(),
        false => format!("all instances with {}", parts.join(" and ")),
    }
}

/// What is done to so many, as a heading or a button says it.
pub(crate) fn in_words(action: &str, count: u64) -> String {
    let of = |one: &str, many: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {many}") };
    let instances = of("instance", "instances");
    match action {
        "enable" => format!("Enable {instances}"),
        "disable" => format!("Disable {instances}"),
        "delete" => format!("Delete {instances}"),
        "tag" => format!("Change the tags of {instances}"),
        "release" => format!("Release {}", of("callback", "callbacks")),
        "retry" => format!("Deliver {} again", of("notification", "notifications")),
        "backfill" => format!("Read a time again in {instances}"),
        other => format!("{other}: {instances}"),
    }
}

/// How one is, with its mark.
pub(crate) fn status(bulk: &Value) -> (Mark, &'static str) {
    match bulk["status"].as_str() {
        Some("running") => (Mark::Waiting, "Running"),
        Some("done") if bulk["failed"] != 0 => (Mark::Warning, "Done, with failures"),
        Some("done") => (Mark::Good, "Done"),
        Some("cancelled") => (Mark::Off, "Stopped"),
        _ => (Mark::Bad, "Given up"),
    }
}
