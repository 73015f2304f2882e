//! The first organization and its first user, whose secrets are made with the stack.

use crate::environment::Environment;
use crate::fault::fault;
use app::ports::{Clock, LookupHash, PortError, Result};
use app::sealing::{Lookup, Sealer};
use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Between two looks at the secrets, seconds: callers with a wrong secret cost no more than that.
const LOOK_EVERY_S: i64 = 60;

/// Knows the secrets that the stack was made with.
#[async_trait]
pub trait FirstSecrets: Send + Sync {
    /// Hashes of the user's and the organization's secret; `None` if there are none.
    async fn hashes(&self) -> Result<Option<(LookupHash, LookupHash)>>;
}

/// The stack's two generated secrets. A new value of them counts a minute later.
pub struct GeneratedSecrets {
    client: Client,
    user: String,
    organization: String,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    seen: Mutex<Option<AccountCheck>>,
}

#[derive(Clone, Copy)]
struct AccountCheck {
    at: DateTime<Utc>,
    /// `None`: the look failed.
    hashes: Option<(LookupHash, LookupHash)>,
}

impl GeneratedSecrets {
    /// The secrets that the environment names.
    pub fn new(
        client: Client,
        environment: &Environment,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        GeneratedSecrets {
            client,
            user: environment.first_user_secret.clone(),
            organization: environment.first_organization_secret.clone(),
            sealer,
            clock,
            seen: Mutex::default(),
        }
    }

    async fn look(&self) -> Result<(LookupHash, LookupHash)> {
        let user = self.hash(Lookup::User, &self.user);
        let organization = self.hash(Lookup::Organization, &self.organization);
        futures_util::future::try_join(user, organization).await
    }

    async fn hash(&self, kind: Lookup, secret: &str) -> Result<LookupHash> {
        const CONTEXT: &str = "read a first secret";
        let found = self.client.get_secret_value().secret_id(secret).send().await.map_err(fault(CONTEXT))?;
        match found.secret_string() {
            Some(text) if !text.is_empty() => Ok(self.sealer.lookup_hash(kind, text)),
            _ => Err(PortError::new(CONTEXT, "it is empty")),
        }
    }
}

#[async_trait]
impl FirstSecrets for GeneratedSecrets {
    async fn hashes(&self) -> Result<Option<(LookupHash, LookupHash)>> {
        // Held while looking, so that many callers are one look.
        let mut seen = self.seen.lock().await;
        let now = self.clock.now();
        let fresh = seen.filter(|seen| now - seen.at < TimeDelta::seconds(LOOK_EVERY_S));
        if let Some(fresh) = fresh {
            let failed = || PortError::new("read a first secret", "it failed a moment ago");
            return fresh.hashes.map(Some).ok_or_else(failed);
        }
        let looked = self.look().await;
        *seen = Some(AccountCheck { at: now, hashes: looked.as_ref().ok().copied() });
        looked.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment;
    use crate::script::Script;
    use app::sealing::DataKey;
    use std::sync::Mutex as StdMutex;
    use std::time::Duration;

    /// Is moved by hand.
    struct HandClock(StdMutex<i64>);

    #[async_trait]
    impl Clock for HandClock {
        fn now(&self) -> DateTime<Utc> {
            DateTime::from_timestamp(*self.0.lock().unwrap(), 0).unwrap()
        }

        async fn sleep(&self, _: Duration) {}
    }

    fn first(script: &Script, clock: &Arc<HandClock>) -> (GeneratedSecrets, Arc<Sealer>) {
        let sealer = Arc::new(Sealer::new(&[1; 32], vec![DataKey { id: "1".to_owned(), bytes: [2; 32] }]));
        let client = Client::new(&script.config());
        let environment = environment::tests::sample();
        (GeneratedSecrets::new(client, &environment, sealer.clone(), clock.clone()), sealer)
    }

    #[tokio::test]
    async fn secrets_are_read_once_a_minute() {
        let script = Script::new(&[(200, r#"{"SecretString":"s"}"#)]);
        let clock = Arc::new(HandClock(StdMutex::new(1_795_000_000)));
        let (first, sealer) = first(&script, &clock);
        let expected =
            Some((sealer.lookup_hash(Lookup::User, "s"), sealer.lookup_hash(Lookup::Organization, "s")));
        for _ in 0..3 {
            assert_eq!(first.hashes().await.unwrap(), expected);
        }
        assert_eq!(script.operations(), ["GetSecretValue", "GetSecretValue"]);
        let asked: Vec<_> = script.asked().iter().map(|asked| asked.body["SecretId"].clone()).collect();
        assert_eq!(asked, ["first-user", "first-organization"]);
        *clock.0.lock().unwrap() += LOOK_EVERY_S;
        first.hashes().await.unwrap();
        assert_eq!(script.asked().len(), 4);
    }

    #[tokio::test]
    async fn a_failure_is_not_repeated_for_each_caller() {
        let script = Script::new(&[(400, r#"{"__type":"ThrottlingException"}"#)]);
        let clock = Arc::new(HandClock(StdMutex::new(1_795_000_000)));
        let (first, _) = first(&script, &clock);
        for _ in 0..3 {
            assert!(first.hashes().await.is_err());
        }
        assert!(script.asked().len() <= 2, "one look");
    }
}
