//! Leaving a mailbox's push: the last one out ends the watch, while there is still a token to do it with.

use super::key;
use super::stored::change;
use crate::context::Context;
use crate::ports::{Job, Mailbox, Result};
use crate::read_gate::Gate;
use crate::tokens::{Holder, NoToken};
use chrono::{DateTime, Utc};
use connectors::{Call, Connector, Push};
use domain::ids::InstanceId;
use domain::instance::{Instance, Left};
use domain::push::{Demand, Hint, Member, PushKey, PushState, Watch, WatchedTarget};
use std::sync::Arc;
use std::time::Duration;

/// Time for ending watches at the provider. What is not ended in it ends by itself, and its notices are refused.
const ENDING_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a deletion waits for secrets that can't be read, hours.
const VAULT_AWAITED_H_MAX: i64 = 1;

/// Takes an instance out of its mailbox's push. Repeatable; of one that is not in it nothing changes, but that what
/// nobody needs is ended: whoever left may have died before.
pub(crate) async fn leave(app: &Context, mailbox: &Mailbox, connector: &Arc<dyn Connector>) -> Result<()> {
    let id = mailbox.instance.id;
    app.heard.pulls(id, None);
    let Some(push) = connector.push() else { return Ok(()) };
    let Some(key) = key::key_of(app, &mailbox.instance) else { return Ok(()) };
    let Some((state, _)) = app.ports.store.push_state(&key).await? else { return Ok(()) };
    let application = match state.members.get(&id) {
        Some(member) => Some(member.application.clone()),
        None => former_application(app, &mailbox.instance).await?,
    };
    // The token went with the secrets.
    let Some(application) = application else { return Ok(()) };
    let state = remove(app, &key, state, id).await?;
    let unneeded = state.unneeded().filter(|one| one.application == application);
    let unneeded: Vec<WatchedTarget> = unneeded.cloned().collect();
    if unneeded.is_empty() {
        return Ok(());
    }
    if tokio::time::timeout(ENDING_TIME_MAX, end(app, mailbox, connector, &unneeded)).await.is_err() {
        tracing::warn!(instance.id = id.get(), "push.left_to_expire");
    }
    ended(app, id, &key, state, push, &unneeded).await.map(drop)
}

/// The application of an instance that is in the set no more; `None` once its secrets are gone. A deletion waits for a
/// vault that fails, but not for ever: what was watched ends by itself.
async fn former_application(app: &Context, instance: &Instance) -> Result<Option<String>> {
    let is_late = |deleted_at| app.now() - deleted_at > chrono::Duration::hours(VAULT_AWAITED_H_MAX);
    match app.secrets.found(instance.id).await {
        Ok(None) => Ok(None),
        Ok(Some((secrets, _))) => key::application(app, instance, &secrets).await.map(Some),
        Err(_) if instance.deleted_at.is_some_and(is_late) => {
            tracing::warn!(instance.id = instance.id.get(), "push.left_to_expire");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What a change leaves that moves an instance to another mailbox or application. It goes into the row with the change,
/// so that neither of a change that fails and one that dies takes it for done; and with it the token of what it leaves,
/// since the session has another by then.
pub(crate) async fn left(
    app: &Context,
    mailbox: &Mailbox,
    connector: &Arc<dyn Connector>,
) -> Result<Option<Left>> {
    let instance = &mailbox.instance;
    let (Some(_), Some(key)) = (connector.push(), key::key_of(app, instance)) else { return Ok(None) };
    let state = app.ports.store.push_state(&key).await?.map(|(state, _)| state);
    let member = state.as_ref().and_then(|state| state.members.get(&instance.id));
    let application = match member {
        Some(member) => member.application.clone(),
        None => key::application(app, instance, app.secrets.of(instance).await?.as_ref()).await?,
    };
    let mut session = mailbox.session.clone();
    if state.is_some() {
        let holder = Holder::of(instance, connector);
        let asked = app.access_token(&holder, &mut session, None);
        // Without one, what is watched ends by itself.
        let _ = tokio::time::timeout(ENDING_TIME_MAX, asked).await;
    }
    let (mailbox_digest, token_sealed) = (instance.mailbox_digest.clone(), session.access_token_sealed);
    Ok(Some(Left { mailbox_digest, application, token_sealed }))
}

/// Leaves what the instance was moved away from, as its row says. Repeatable.
pub(crate) async fn leave_former(
    app: &Context,
    mailbox: &Mailbox,
    connector: &Arc<dyn Connector>,
) -> Result<()> {
    let id = mailbox.instance.id;
    let Some(push) = connector.push() else { return Ok(()) };
    for left in &mailbox.instance.left {
        let key = key::key(app, &mailbox.instance.connector, &left.mailbox_digest);
        let Some((state, _)) = app.ports.store.push_state(&key).await? else { continue };
        // Its present membership of the same mailbox is with another application.
        let is_former = |state: &PushState| {
            state.members.get(&id).is_some_and(|member| member.application == left.application)
        };
        let leave = |state: &mut PushState| {
            if is_former(state) {
                state.leave(id);
            }
        };
        let state = change(app, &key, state, leave).await?;
        let unneeded = state.unneeded().filter(|one| one.application == left.application);
        let unneeded: Vec<WatchedTarget> = unneeded.cloned().collect();
        if unneeded.is_empty() {
            continue;
        }
        if let Ok(token) = app.opened(id, &left.token_sealed) {
            let ending = end_by(app, mailbox, connector, &token, &unneeded);
            if tokio::time::timeout(ENDING_TIME_MAX, ending).await.is_err() {
                tracing::warn!(instance.id = id.get(), "push.left_to_expire");
            }
        }
        ended(app, id, &key, state, push, &unneeded).await?;
    }
    Ok(())
}

/// Takes an instance out of the set.
pub(super) async fn remove(
    app: &Context,
    key: &PushKey,
    state: PushState,
    id: InstanceId,
) -> Result<PushState> {
    change(app, key, state, |state| state.leave(id)).await
}

/// Forgets watches that were ended. Others who need one of them by now, or have lost theirs by it, are to have it
/// anew.
pub(super) async fn ended(
    app: &Context,
    id: InstanceId,
    key: &PushKey,
    state: PushState,
    push: &dyn Push,
    ended: &[WatchedTarget],
) -> Result<PushState> {
    let now = app.now();
    let forget = |state: &mut PushState| ended.iter().for_each(|one| forget(state, push, one, now));
    let state = change(app, key, state, forget).await?;
    let hint = Hint::to_keep_watches(now);
    let is_lost = |one: &&WatchedTarget| one.demand == Some(Demand::Anew);
    let lost: Vec<&WatchedTarget> = state.watched.iter().filter(is_lost).collect();
    let needs = |member: &Member| lost.iter().any(|one| member.needs(&one.application, &one.target));
    let needing = state.members.iter().filter(|(other, member)| **other != id && needs(member));
    let jobs: Vec<_> = needing.map(|(id, _)| (Job::Hinted { instance: *id, hint }, now)).collect();
    if !jobs.is_empty() {
        app.ports.queue.send(&jobs).await?;
    }
    Ok(state)
}

fn forget(state: &mut PushState, push: &dyn Push, ended: &WatchedTarget, now: DateTime<Utc>) {
    let is_needed = state.members.values().any(|member| member.needs(&ended.application, &ended.target));
    if is_needed {
        state.watched_mut(&ended.application, &ended.target, now).demand(Demand::Anew, now);
    } else {
        state.watched.retain(|one| one.application != ended.application || one.target != ended.target);
    }
    if push.has_one_watch() && ended.watch.is_some() {
        let others = state.watched.iter_mut().filter(|one| one.application == ended.application);
        others.for_each(|one| one.demand(Demand::Anew, now));
    }
}

async fn end(app: &Context, mailbox: &Mailbox, connector: &Arc<dyn Connector>, unneeded: &[WatchedTarget]) {
    if unneeded.iter().all(|one| one.watch.is_none()) {
        return;
    }
    let holder = Holder::of(&mailbox.instance, connector);
    let mut session = mailbox.session.clone();
    let asked = match mailbox.instance.deleted_at {
        Some(_) => app.last_access_token(&holder, &session).await,
        None => app.access_token(&holder, &mut session, None).await,
    };
    let token = match asked {
        Ok(token) => token,
        Err(NoToken::Refused(_) | NoToken::Waiting | NoToken::Port(_)) => return,
    };
    end_by(app, mailbox, connector, &token, unneeded).await;
}

async fn end_by(
    app: &Context,
    mailbox: &Mailbox,
    connector: &Arc<dyn Connector>,
    token: &str,
    unneeded: &[WatchedTarget],
) {
    let Some(push) = connector.push() else { return };
    let gate = Gate::of(app, mailbox);
    let call = Call {
        http: &gate,
        api_url: app.config.endpoints.url(&connector.descriptor().api),
        credential: token,
        now: app.now(),
        timeout_ms: app.config.provider_timeout_ms,
        scratch: None,
        archive: None,
    };
    end_with(push, &call, mailbox.instance.id, unneeded).await;
}

/// Ends watches. What fails ends by itself, and its notices are refused.
pub(super) async fn end_with(push: &dyn Push, call: &Call<'_>, id: InstanceId, unneeded: &[WatchedTarget]) {
    for watch in unneeded.iter().filter_map(|one| one.watch.as_ref()) {
        end_one(push, call, id, watch).await;
    }
}

pub(super) async fn end_one(push: &dyn Push, call: &Call<'_>, id: InstanceId, watch: &Watch) {
    if let Err(error) = push.unwatch(call, watch).await {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(instance.id = id.get(), error, "push.left_to_expire");
    }
}
