//! Pulling notices from where the provider publishes them: for hosts that nobody can reach.

use super::arrive::{Of, addressed, ring};
use crate::context::Context;
use crate::instances;
use crate::ports::{PortError, Result};
use crate::unreadable::readable;
use connectors::{Call, Connector, ErrorKind, PullSource, Pulled};
use domain::ids::InstanceId;
use domain::instance::Instance;
use domain::settings::{PUSH_KEY, Settings};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Time for one pull, ms: providers hold the request open until there is something.
const PULL_TIMEOUT_MS: u64 = 90_000;

/// How a pull ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pull {
    /// So many notices were taken.
    Taken(usize),
    /// Nobody pulls from there any more.
    Unneeded,
}

/// Remembers where an instance pulls from, and that it no longer does so from anywhere else.
pub(crate) async fn is_pulled_by(
    app: &Context,
    instance: &Instance,
    connector: &Arc<dyn Connector>,
    settings: &Settings,
) -> Result<()> {
    let source = match (&settings.push, connector.push()) {
        (Some(push), Some(way)) if push.subscription.is_some() && app.config.pulls => {
            let secrets = app.secrets.of(instance).await?;
            way.source(push, secrets.get(PUSH_KEY).map(String::as_str))
        }
        _ => None,
    };
    app.heard.pulls(instance.id, source);
    Ok(())
}

/// Pulls once, and waits for notices if there are none. They are acknowledged when their polls are enqueued.
pub(crate) async fn pull(app: &Context, source: &PullSource) -> Result<Pull> {
    let pullers = app.heard.pullers(source);
    for id in &pullers {
        let read = readable(app.ports.store.instance(*id).await)?;
        let Some(instance) = read.flatten() else { continue };
        let understood = instances::understood(app, &instance);
        let Some((connector, _)) = readable(understood)? else { continue };
        let secrets = app.secrets.of(&instance).await?;
        let Some(key) = secrets.get(PUSH_KEY) else { continue };
        return from(app, source, connector, key).await;
    }
    Ok(Pull::Unneeded)
}

async fn from(app: &Context, source: &PullSource, connector: &Arc<dyn Connector>, key: &str) -> Result<Pull> {
    let context = "pulling notices";
    let failed = |error: connectors::Error| {
        if error.kind == ErrorKind::Unauthorized {
            app.heard.forget_token(source);
        }
        PortError::new(context, error)
    };
    let Some(push) = connector.push() else { return Ok(Pull::Unneeded) };
    let Some((token_endpoint, endpoint)) = push.pull_endpoints() else { return Ok(Pull::Unneeded) };
    let http = app.to_provider(connector.descriptor());
    let token = match app.heard.token(source, app.now()) {
        Some(token) => token,
        None => {
            let url = app.config.endpoints.url(token_endpoint);
            let now = app.now();
            let (token, lifetime_s) = push.pull_token(&http, url, key, now).await.map_err(failed)?;
            app.heard.keep_token(source, &token, lifetime_s, now);
            token
        }
    };
    let call = Call {
        http: &http,
        api_url: app.config.endpoints.url(endpoint),
        credential: &token,
        now: app.now(),
        timeout_ms: PULL_TIMEOUT_MS,
        scratch: None,
        archive: None,
    };
    let pulled = push.pull(&call, &source.subscription).await.map_err(failed)?;
    if app.heard.pullers(source).is_empty() {
        // The last one left meanwhile. Somebody else may pull from the same subscription, with another key: it comes again.
        return Ok(Pull::Unneeded);
    }
    let receipts = heard(app, source, connector, pulled).await?;
    if !receipts.is_empty() {
        push.acknowledge(&call, &source.subscription, &receipts).await.map_err(failed)?;
    }
    Ok(Pull::Taken(receipts.len()))
}

/// Enqueues what was pulled; what it is acknowledged by. Notices ring only those who pull from there: whoever owns a
/// topic may write into it what they like.
async fn heard(
    app: &Context,
    source: &PullSource,
    connector: &Arc<dyn Connector>,
    pulled: Vec<Pulled>,
) -> Result<Vec<String>> {
    let pullers: std::collections::BTreeSet<InstanceId> = app.heard.pullers(source);
    let mut receipts = Vec::with_capacity(pulled.len());
    let mut rung = BTreeMap::new();
    for one in pulled {
        receipts.push(one.receipt);
        let of = Of::Instances(pullers.clone());
        let believed = one.notice.and_then(|notice| addressed(app, connector, notice, of));
        if let Some(believed) = believed {
            rung.entry(believed.key.clone()).or_insert_with(Vec::new).push(believed);
        }
    }
    for (key, notices) in rung {
        ring(app, &key, &notices, None).await?;
    }
    Ok(receipts)
}
