//! A mailbox whose history lags, as an `Http`.

use crate::{Http, HttpError, HttpRequest, HttpResponse};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// A message comes back no sooner after its deletion, seconds.
const RESTORED_AFTER_S: i64 = 180;

/// Small numbers, the same for the same seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        // Xorshift, with the multiplication that makes its high bits good.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    pub(super) fn seconds(&mut self, limit: i64) -> i64 {
        self.below(limit as u64) as i64
    }

    pub(super) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub(super) fn choice<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.below(all.len() as u64) as usize].clone())
    }
}

#[derive(Clone)]
pub(super) struct Message {
    pub(super) labels: BTreeSet<String>,
    pub(super) is_there: bool,
    pub(super) changed_at: i64,
}

pub(super) struct State {
    pub(super) now: i64,
    pub(super) history_id: u64,
    /// Id, when it shows, and its body.
    pub(super) records: Vec<(u64, i64, Value)>,
    pub(super) messages: BTreeMap<String, Message>,
    pub(super) requests: usize,
}

pub(super) struct Mailbox {
    pub(super) state: Mutex<State>,
    pub(super) page_size: usize,
    pub(super) is_ordered: bool,
}

#[async_trait]
impl Http for Mailbox {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let url = url::Url::parse(&request.url).unwrap();
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let body = match url.path().strip_prefix("/gmail/v1/users/me/").unwrap() {
            "history" => Some(self.history(&query)),
            path => self.message(path.strip_prefix("messages/").unwrap()),
        };
        let status = if body.is_some() { 200 } else { 404 };
        let body = body.unwrap_or_default().to_string().into();
        Ok(HttpResponse { status, headers: http::HeaderMap::new(), body })
    }
}

impl Mailbox {
    pub(super) fn history(&self, query: &BTreeMap<String, String>) -> Value {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        let after = query.get("pageToken").unwrap_or(&query["startHistoryId"]).parse::<u64>().unwrap();
        let shown = state.records.iter().filter(|(id, shows, _)| *id > after && *shows <= state.now);
        let mut page: Vec<&(u64, i64, Value)> = shown.take(self.page_size + 1).collect();
        let has_more = page.len() > self.page_size;
        page.truncate(self.page_size);
        let mut body = json!({ "historyId": state.history_id.to_string() });
        if let Some((last, _, _)) = page.last() {
            body["history"] = page.iter().map(|(_, _, record)| record.clone()).collect();
            if has_more {
                body["nextPageToken"] = json!(last.to_string());
            }
        }
        body
    }

    pub(super) fn message(&self, id: &str) -> Option<Value> {
        let state = self.state.lock().unwrap();
        let message = state.messages.get(id).filter(|message| message.is_there)?;
        Some(json!({ "id": id, "threadId": id, "labelIds": message.labels }))
    }

    /// A record of what happens to these messages.
    pub(super) fn record(
        &self,
        random: &mut Random,
        key: &str,
        ids: &[String],
        labels: &[&str],
        lag_max_s: i64,
    ) {
        let mut state = self.state.lock().unwrap();
        state.history_id += 1 + random.below(200);
        let own = state.now + if random.one_in(3) { 0 } else { random.seconds(lag_max_s + 1) };
        let former = state.records.last().filter(|_| self.is_ordered).map_or(own, |(_, shows, _)| *shows);
        let entries: Vec<Value> = ids
            .iter()
            .map(|id| {
                let message = &state.messages[id];
                let told = json!({ "id": id, "threadId": id, "labelIds": message.labels });
                json!({ "message": told, "labelIds": labels })
            })
            .collect();
        let (id, at) = (state.history_id, state.now);
        for id in ids {
            state.messages.get_mut(id).unwrap().changed_at = at;
        }
        state.records.push((id, own.max(former), json!({ "id": id.to_string(), key: entries })));
    }

    pub(super) fn ids(&self, wanted: impl Fn(&Message) -> bool) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.messages.iter().filter(|(_, message)| wanted(message)).map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn put(&self, id: &str, is_there: bool, labels: &[&str]) {
        let mut state = self.state.lock().unwrap();
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let message = Message { labels, is_there, changed_at: state.now };
        state.messages.insert(id.to_owned(), message);
    }

    pub(super) fn relabel(&self, ids: &[String], label: &str, comes: bool) {
        let mut state = self.state.lock().unwrap();
        for id in ids {
            let labels = &mut state.messages.get_mut(id).unwrap().labels;
            if comes {
                labels.insert(label.to_owned())
            } else {
                labels.remove(label)
            };
        }
    }

    pub(super) fn happen(&self, random: &mut Random, lag_max_s: i64) {
        let there = self.ids(|message| message.is_there);
        match random.below(12) {
            0..=4 => {
                let id = format!("m{}", self.state.lock().unwrap().messages.len());
                self.put(&id, true, &["INBOX", "UNREAD"]);
                self.record(random, "messagesAdded", &[id], &[], lag_max_s);
            }
            5..=8 => {
                let Some(id) = random.choice(&there) else { return };
                let label = ["UNREAD", "STARRED", "IMPORTANT"][random.below(3) as usize];
                self.change(random, &[id], label, lag_max_s);
            }
            // A selection, in one record.
            9 if there.len() > 3 => self.change(random, &there, "Label_1", lag_max_s),
            10 => {
                let Some(id) = random.choice(&there) else { return };
                self.record(random, "messagesDeleted", std::slice::from_ref(&id), &[], lag_max_s);
                self.state.lock().unwrap().messages.get_mut(&id).unwrap().is_there = false;
            }
            // Where windows are larger than a read, a deletion below a restoration may be seen without it.
            _ if self.page_size > 1 => {
                let time = self.state.lock().unwrap().now;
                let gone = self.ids(|one| !one.is_there && one.changed_at < time - RESTORED_AFTER_S);
                let Some(id) = random.choice(&gone) else { return };
                self.state.lock().unwrap().messages.get_mut(&id).unwrap().is_there = true;
                self.record(random, "messagesAdded", &[id], &[], lag_max_s);
            }
            _ => {}
        }
    }

    /// Whichever of them have the label lose it, the others get it.
    pub(super) fn change(&self, random: &mut Random, ids: &[String], label: &str, lag_max_s: i64) {
        let has = |id: &String| self.state.lock().unwrap().messages[id].labels.contains(label);
        let (with, without): (Vec<String>, Vec<String>) = ids.iter().cloned().partition(has);
        for (ids, comes, key) in [(with, false, "labelsRemoved"), (without, true, "labelsAdded")] {
            if !ids.is_empty() {
                self.relabel(&ids, label, comes);
                self.record(random, key, &ids, &[label], lag_max_s);
            }
        }
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.state.lock().unwrap().now += seconds;
    }

    pub(super) fn now(&self) -> i64 {
        self.state.lock().unwrap().now
    }
}
