mod auth;
mod batch;
mod changes;
mod delta;
mod faults;
mod lag;
mod list;
mod notices;
mod record_deltas;
mod records;
mod subscriptions;

use serde_json::Value;

use crate::probe::{Caller, Got, Time};
use crate::{CLIENT_ID, CLIENT_SECRET, Mail, Microsoft, MicrosoftMessage};

const ADA: &str = "ada@double.example";
const TOKEN: &str = "/common/oauth2/v2.0/token";

struct World {
    time: Time,
    microsoft: Microsoft,
    /// With a good access token of Ada, and immutable ids.
    caller: Caller,
}

async fn world() -> World {
    let time = Time::new();
    let microsoft = Microsoft::new(time.clock(), 42);
    microsoft.add_account(ADA);
    let issued = redeem(&microsoft, &microsoft.new_code(ADA)).await.json();
    let caller = Caller::new(microsoft.router()).with_token(issued["access_token"].as_str().unwrap());
    let caller = caller.with("prefer", "IdType=\"ImmutableId\"");
    World { time, microsoft, caller }
}

async fn redeem(microsoft: &Microsoft, code: &str) -> Got {
    let fields =
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", "http://us.example/back")];
    Caller::new(microsoft.router()).post_form(TOKEN, &[&fields[..], &client()].concat()).await
}

async fn refresh(microsoft: &Microsoft, refresh_token: &str) -> Got {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    Caller::new(microsoft.router()).post_form(TOKEN, &[&fields[..], &client()].concat()).await
}

fn client() -> [(&'static str, &'static str); 2] {
    [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)]
}

fn mail(subject: &str) -> Mail {
    Mail {
        subject: subject.to_owned(),
        from: "Bo <bo@else.example>".to_owned(),
        to: "Ada <ada@double.example>, eve@else.example".to_owned(),
        body: "Hello <Ada>".to_owned(),
        ..Mail::default()
    }
}

fn strings(rows: &Value, key: &str) -> Vec<String> {
    let rows = rows["value"].as_array().unwrap();
    rows.iter().map(|row| row[key].as_str().unwrap_or("-").to_owned()).collect()
}

impl World {
    async fn get(&self, path: &str) -> Value {
        let got = self.caller.get(&format!("/v1.0/me{path}")).await;
        assert_eq!(got.status, 200, "{path}: {}", got.text());
        got.json()
    }

    async fn subjects(&self, query: &str) -> Vec<String> {
        strings(&self.get(&format!("/messages?{query}")).await, "subject")
    }

    /// Status and code of an error.
    async fn error(&self, path: &str) -> (u16, String) {
        let got = self.caller.get(&format!("/v1.0/me{path}")).await;
        (got.status, got.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
    }

    fn snapshot(&self, id: &str) -> MicrosoftMessage {
        self.microsoft.messages(ADA).into_iter().find(|message| message.id == id).unwrap()
    }
}
