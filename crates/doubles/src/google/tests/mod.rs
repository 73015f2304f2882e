mod auth;
mod batch;
mod changes;
mod faults;
mod history;
mod labels;
mod messages;
mod pubsub;
mod pushed;
mod search;
mod threads;
mod watch;

use crate::probe::{Caller, Time};
use crate::{CLIENT_ID, CLIENT_SECRET, Google, Mail};

const ADA: &str = "ada@double.example";
const ME: &str = "/gmail/v1/users/me";

struct World {
    time: Time,
    google: Google,
    /// With a good access token of Ada.
    caller: Caller,
}

async fn world() -> World {
    let time = Time::new();
    let google = Google::new(time.clock(), 42);
    google.add_account(ADA);
    let caller = Caller::new(google.router());
    let caller = caller.with_token(&access_token(&google, ADA).await);
    google.clear_requests();
    World { time, google, caller }
}

async fn access_token(google: &Google, email: &str) -> String {
    let got = redeem(google, &google.new_code(email)).await.json();
    got["access_token"].as_str().unwrap().to_owned()
}

async fn redeem(google: &Google, code: &str) -> crate::probe::Got {
    let fields =
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", "http://us.example/back")];
    Caller::new(google.router()).post_form("/token", &[&fields[..], &client()].concat()).await
}

async fn refresh(google: &Google, refresh_token: &str) -> crate::probe::Got {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    Caller::new(google.router()).post_form("/token", &[&fields[..], &client()].concat()).await
}

fn client() -> [(&'static str, &'static str); 2] {
    [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)]
}

fn mail(subject: &str) -> Mail {
    Mail {
        subject: subject.to_owned(),
        from: "Bo <bo@else.example>".to_owned(),
        to: ADA.to_owned(),
        body: "Hello,\r\nAda".to_owned(),
        headers: vec![("X-Mailer".to_owned(), "Test".to_owned())],
        date_us: None,
    }
}

impl World {
    async fn get(&self, path: &str) -> serde_json::Value {
        let got = self.caller.get(&format!("{ME}{path}")).await;
        assert_eq!(got.status, 200, "{path}: {}", got.text());
        got.json()
    }

    async fn status(&self, path: &str) -> u16 {
        self.caller.get(&format!("{ME}{path}")).await.status
    }

    /// The ids of a list of messages.
    async fn list(&self, query: &str) -> Vec<String> {
        let list = self.get(&format!("/messages?{query}")).await;
        let entries = list["messages"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
    }

    /// What happened since an id, one word per part of a record.
    async fn since(&self, start: u64) -> Vec<String> {
        let list = self.get(&format!("/history?startHistoryId={start}")).await;
        let mut words = Vec::new();
        for record in list["history"].as_array().into_iter().flatten() {
            for (key, entries) in record.as_object().unwrap().iter().skip(2) {
                for entry in entries.as_array().unwrap() {
                    let labels =
                        if key.starts_with('l') { &entry["labelIds"] } else { &entry["message"]["labelIds"] };
                    let labels: Vec<_> =
                        labels.as_array().into_iter().flatten().map(|l| l.as_str().unwrap()).collect();
                    words.push(format!("{key} {}", labels.join("+")));
                }
            }
        }
        words
    }
}
