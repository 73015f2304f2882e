//! How notices reach this host, or why they do not.

use crate::config::Config;
use connectors::{Connector, Push};
use domain::settings::{PUSH_ACCOUNT, PushSettings};

/// Where providers send notices: our push route, where browsers of the world can reach us by https.
pub(super) fn address(config: &Config, connector: &dyn Connector) -> Option<String> {
    let origin = config.push_url.as_ref().or(config.public_url.as_ref());
    let origin = origin.filter(|url| url.starts_with("https://"))?;
    Some(format!("{origin}/push/{}", connector.descriptor().key))
}

/// Why no notice can reach us, in words for the owner.
pub(super) fn unreachable(
    config: &Config,
    connector: &dyn Connector,
    way: &dyn Push,
    settings: &PushSettings,
) -> Option<String> {
    let pulled = settings.subscription.clone().filter(|_| config.pulls);
    if settings.subscription.is_some() && pulled.is_none() && settings.account.is_none() {
        return Some(format!(
            "nothing pulls here: give `{PUSH_ACCOUNT}`, and let the subscription push to this host"
        ));
    }
    let used = PushSettings { subscription: pulled, ..settings.clone() };
    let is_deaf = way.needs_public_url(&used) && address(config, connector).is_none();
    is_deaf
        .then(|| "there is no public address: `CARILLON_PUBLIC_URL` is not set, or is not https".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What these settings mean for a process that may pull.
    fn said(config: &Config, settings: &PushSettings) -> Vec<String> {
        let all = connectors::registry();
        let pulling = all.iter().filter_map(|one| Some((one.as_ref(), one.push()?)));
        let pulling: Vec<_> = pulling.filter(|(_, way)| way.pull_endpoints().is_some()).collect();
        assert!(!pulling.is_empty(), "nobody can pull");
        let said = |(one, way)| unreachable(config, one, way, settings).unwrap_or_default();
        pulling.into_iter().map(said).collect()
    }

    fn settings(subscription: bool, account: bool) -> PushSettings {
        PushSettings {
            topic: Some("topic".to_owned()),
            subscription: subscription.then(|| "subscription".to_owned()),
            account: account.then(|| "pusher@project.example".to_owned()),
        }
    }

    #[test]
    fn a_host_that_does_not_pull_says_so() {
        let public_url = Some("https://mail.example".to_owned());
        let pulls = Config::default();
        let deaf = Config { pulls: false, ..Config::default() };
        let pushed = Config { public_url: public_url.clone(), ..deaf.clone() };
        let (only_pulled, either, only_pushed) =
            (settings(true, false), settings(true, true), settings(false, true));
        let begins = |said: Vec<String>, words: &str| {
            assert!(said.iter().all(|one| one.starts_with(words)), "{said:?}");
        };
        let reached = |said: Vec<String>| assert!(said.iter().all(String::is_empty), "{said:?}");
        reached(said(&pulls, &only_pulled));
        begins(said(&deaf, &only_pulled), "nothing pulls here");
        begins(said(&pushed, &only_pulled), "nothing pulls here");
        reached(said(&pushed, &either));
        begins(said(&deaf, &either), "there is no public address");
        reached(said(&pushed, &only_pushed));
        begins(said(&pulls, &only_pushed), "there is no public address");
    }

    #[test]
    fn notices_come_by_https_alone() {
        let connectors = connectors::registry();
        let connector = connectors[0].as_ref();
        let at = |url: Option<&str>| {
            let config = Config { public_url: url.map(str::to_owned), ..Config::default() };
            address(&config, connector)
        };
        let key = connector.descriptor().key;
        assert_eq!(at(Some("https://mail.example")), Some(format!("https://mail.example/push/{key}")));
        assert_eq!(at(Some("http://mail.example")), None);
        assert_eq!(at(None), None);
        let public_url = Some("http://127.0.0.1:8080".to_owned());
        let config =
            Config { public_url, push_url: Some("https://known.example".to_owned()), ..Config::default() };
        assert_eq!(address(&config, connector), Some(format!("https://known.example/push/{key}")));
    }
}
