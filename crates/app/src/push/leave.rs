//! Leaving a mailbox's push: the last one out ends the watch, while there is still a token to do it with.

use super::key;
use super::stored::{change, forget};
use crate::context::Context;
use crate::ports::{Job, Mailbox, Result};
use crate::read_gate::Gate;
use crate::tokens::{Holder, NoToken};
use connectors::{Call, Connector};
use domain::ids::InstanceId;
use domain::push::{Hint, WatchedTarget};
use std::sync::Arc;
use std::time::Duration;

/// Time for ending watches at the provider. What is not ended in it ends by itself, and its notices are refused.
const ENDING_TIME_MAX: Duration = Duration::from_secs(10);

/// Takes an instance out of its mailbox's push. Repeatable; of one that is not in it nothing changes.
pub(crate) async fn leave(app: &Context, mailbox: &Mailbox, connector: &Arc<dyn Connector>) -> Result<()> {
    let id = mailbox.instance.id;
    app.heard.pulls(id, None);
    let Some(key) = key::key_of(app, &mailbox.instance) else { return Ok(()) };
    let Some((state, _)) = app.ports.store.push_state(&key).await? else { return Ok(()) };
    let Some(member) = state.members.get(&id).cloned() else { return Ok(()) };
    let state = change(app, &key, state, |state| drop(state.members.remove(&id))).await?;
    let unneeded = state.unneeded().filter(|one| one.application == member.application);
    let unneeded: Vec<WatchedTarget> = unneeded.cloned().collect();
    if unneeded.is_empty() {
        return Ok(());
    }
    if tokio::time::timeout(ENDING_TIME_MAX, end(app, mailbox, connector, &unneeded)).await.is_err() {
        tracing::warn!(instance.id = id.get(), "push.left_to_expire");
    }
    let now = app.now();
    let state = change(app, &key, state, |state| {
        for one in &unneeded {
            forget(state, one, now);
        }
    })
    .await?;
    // Somebody joined while it was ended: they need another one.
    let hint = Hint { at: now, position: None, looks: u8::MAX };
    let joined: Vec<InstanceId> = state.members.keys().copied().collect();
    let jobs: Vec<_> = joined.into_iter().map(|instance| (Job::Hinted { instance, hint }, now)).collect();
    if jobs.is_empty() { Ok(()) } else { app.ports.queue.send(&jobs).await }
}

async fn end(app: &Context, mailbox: &Mailbox, connector: &Arc<dyn Connector>, unneeded: &[WatchedTarget]) {
    let Some(push) = connector.push() else { return };
    let watches: Vec<_> = unneeded.iter().filter_map(|one| one.watch.as_ref()).collect();
    if watches.is_empty() {
        return;
    }
    let holder = Holder::of(&mailbox.instance, connector);
    let mut session = mailbox.session.clone();
    let token = match app.access_token(&holder, &mut session, None).await {
        Ok(token) => token,
        Err(NoToken::Refused(_) | NoToken::Waiting | NoToken::Port(_)) => return,
    };
    let gate = Gate::of(app, mailbox);
    let call = Call {
        http: &gate,
        api_url: app.config.endpoints.url(&connector.descriptor().api),
        credential: &token,
        now: app.now(),
        timeout_ms: app.config.provider_timeout_ms,
        scratch: None,
    };
    for watch in watches {
        if let Err(error) = push.unwatch(&call, watch).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(instance.id = mailbox.instance.id.get(), error, "push.left_to_expire");
        }
    }
}
