//! Messages that are pushed: with a signed token, repeated until they are taken.

use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::Push;
use super::subscription::{Endpoint, Message, RETENTION_US};
use crate::clock::SECOND_US;
use crate::push::{Forgery, Outcome, Outgoing, SIGNERS, STRANGER, SentNotice};

const BACKOFF_FIRST_US: i64 = 10 * SECOND_US;
const BACKOFF_MAX_US: i64 = 600 * SECOND_US;
const TOKEN_LIFE_S: i64 = 3600;

/// What waits for its time.
#[derive(Debug)]
pub(super) enum PendingSend {
    /// A message of a subscription.
    Message(String, Message),
    /// What goes out once, whatever it says.
    Raw(Outgoing),
}

/// One request.
#[derive(Debug)]
pub(in crate::google) struct Parcel {
    pub(in crate::google) outgoing: Outgoing,
    /// None for what goes out once.
    message: Option<(String, Message)>,
    /// An answer that takes longer is none.
    pub(in crate::google) timeout_us: i64,
}

impl Push {
    /// The next request that is due.
    pub(in crate::google) fn take(&mut self, now_us: i64) -> Option<Parcel> {
        self.forget_idle(now_us);
        loop {
            match self.due.take(now_us)? {
                PendingSend::Raw(outgoing) => {
                    return Some(Parcel { outgoing, message: None, timeout_us: BACKOFF_FIRST_US });
                }
                PendingSend::Message(name, message) => {
                    let Some(subscription) = self.subscriptions.get(&name) else { continue };
                    let Some(endpoint) = subscription.endpoint.clone() else { continue };
                    let timeout_us = subscription.ack_deadline_s * SECOND_US;
                    let claims = self.claims(&endpoint, now_us);
                    let token = SIGNERS[self.signer].sign(&claims);
                    let outgoing = request(&name, &endpoint, &token, &message.shown());
                    return Some(Parcel { outgoing, message: Some((name, message)), timeout_us });
                }
            }
        }
    }

    /// What became of a request.
    pub(in crate::google) fn settle(&mut self, parcel: Parcel, outcome: &Outcome, now_us: i64) {
        let Parcel { outgoing: Outgoing { url, headers, body }, message, .. } = parcel;
        self.log.add(SentNotice {
            at_us: now_us - outcome.took_us,
            url,
            headers,
            body,
            status: outcome.status(),
        });
        let Some((name, mut message)) = message else { return };
        let Some(subscription) = self.subscriptions.get_mut(&name) else { return };
        if outcome.status().is_some_and(|status| matches!(status, 102 | 200..=204)) {
            subscription.used_us = now_us;
            subscription.backlog.retain(|waiting| waiting.id != message.id);
            return;
        }
        let backoff_us =
            BACKOFF_FIRST_US.saturating_mul(1 << message.tries_count.min(20)).min(BACKOFF_MAX_US);
        message.tries_count += 1;
        if now_us + backoff_us < message.published_us + RETENTION_US {
            self.due.push(now_us + backoff_us, PendingSend::Message(name, message));
            self.notify.notify_one();
        }
    }

    /// What a token says that was made now.
    fn claims(&self, endpoint: &Endpoint, now_us: i64) -> Value {
        let now_s = now_us / SECOND_US;
        json!({
            "aud": endpoint.audience,
            "azp": "104000000000000000002",
            "email": endpoint.account,
            "email_verified": true,
            "exp": now_s + TOKEN_LIFE_S,
            "iat": now_s,
            "iss": self.issuer,
            "sub": "104000000000000000002",
        })
    }

    /// The same message from somebody who does not have all that Google has.
    pub(super) fn forged(
        &self,
        name: &str,
        endpoint: &Endpoint,
        forgery: Forgery,
        id: &str,
        data: &str,
        now_us: i64,
    ) -> Outgoing {
        use base64::Engine as _;
        let mut claims = self.claims(endpoint, now_us);
        match forgery {
            Forgery::Target => claims["aud"] = "https://others.example/push".into(),
            Forgery::Sender => claims["email"] = "stranger@others.iam.gserviceaccount.com".into(),
            Forgery::Unverified => claims["email_verified"] = false.into(),
            Forgery::Expired => {
                claims["iat"] = (now_us / SECOND_US - 3 * TOKEN_LIFE_S).into();
                claims["exp"] = (now_us / SECOND_US - 2 * TOKEN_LIFE_S).into();
            }
            Forgery::Secret | Forgery::Nonsense => {}
        }
        let signer = &SIGNERS[self.signer];
        let token = match forgery {
            Forgery::Secret => STRANGER.sign_as(&signer.id, &claims),
            _ => signer.sign(&claims),
        };
        let data = base64::engine::general_purpose::STANDARD.encode(data);
        let mut outgoing = request(name, endpoint, &token, &Message::new(id, data, now_us, now_us).shown());
        if forgery == Forgery::Nonsense {
            outgoing.body = bytes::Bytes::from_static(b"{\"message\":{\"data\":7");
        }
        outgoing
    }
}

fn request(name: &str, endpoint: &Endpoint, token: &str, message: &Value) -> Outgoing {
    let mut outgoing = Outgoing::json(&endpoint.url, &json!({ "message": message, "subscription": name }));
    if let Ok(value) = HeaderValue::from_str(&format!("Bearer {token}")) {
        outgoing.headers.insert(AUTHORIZATION, value);
    }
    outgoing
}
