//! From a provider's notice to jobs: who is to be polled, and whether the notice is to be believed.
//!
//! Strangers can post here too. What they send costs no read before its proof holds, and tells them nothing: everything
//! that is not a handshake gets the same answer.

use super::key::{self, Opened};
use super::signed::signer;
use super::stored::change;
use crate::config::Rings;
use crate::context::Context;
use crate::instances::mailbox_digest;
use crate::ports::{Job, PortError, Result, Written};
use chrono::{DateTime, Utc};
use connectors::{Addressee, Arrival, Connector, Notice, NoticeKind, Proof, PushRequest};
use domain::ids::InstanceId;
use domain::push::{Demand, Hint, Hints, Member, PushKey, PushState};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// Notices of one request; providers send some dozens at most.
const NOTICES_COUNT_MAX: usize = 1_000;
/// Tries to take a hint among many: a slot has two places for each instance, of which a mailbox has a handful, and others
/// who name a higher position each time are of the same mailbox, which has one notice a second.
const TRIES_COUNT_MAX: usize = 8;

/// What was posted to a connector's push route.
pub(crate) enum PushPosted {
    /// To be answered with this text.
    Handshake(String),
    /// To be accepted, whatever they say.
    Notices(Vec<Notice>),
}

/// Reads a request to a connector's push route: nothing else is asked for it.
pub(crate) fn read(app: &Context, connector: &Arc<dyn Connector>, request: &PushRequest<'_>) -> PushPosted {
    let notices = match connector.push().map(|push| push.read(request)) {
        Some(Arrival::Handshake(text)) => return PushPosted::Handshake(text),
        Some(Arrival::Notices(notices)) => notices,
        Some(Arrival::Unreadable) | None => Vec::new(),
    };
    if notices.is_empty() {
        app.heard.refuse(connector.descriptor().key, "unreadable", app.now());
    }
    PushPosted::Notices(notices)
}

/// A mailbox's push row that was read while it was not known yet whether a notice is to be believed.
#[derive(Clone)]
pub struct ReadAhead {
    /// Whose row it is.
    pub key: PushKey,
    /// What was there.
    pub row: Option<(PushState, Hints)>,
}

/// Whose row a request to a push route leads to if it is to be believed, where the request says it: for a process that
/// has just started, which reads the row while it reads what proves the notice.
pub fn row_named(path: &str, body: &[u8]) -> Option<PushKey> {
    let name = path.strip_prefix("/push/")?;
    let connector = connectors::registry().into_iter().find(|one| one.descriptor().key == name)?;
    let request = PushRequest { query: "", authorization: None, body };
    let Arrival::Notices(notices) = connector.push()?.read(&request) else { return None };
    notices.iter().find_map(|notice| match &notice.proof {
        Proof::Secret(secret) => key::named_by(secret),
        Proof::Token(_) | Proof::Pulled | Proof::None => None,
    })
}

/// Takes notices. Where something of ours fails a hint may be lost, and the timetable finds what it spoke of: the sender is
/// told nothing of it.
pub(crate) async fn arrive(
    app: &Context,
    connector: &Arc<dyn Connector>,
    notices: Vec<Notice>,
    mut ahead: Option<ReadAhead>,
) {
    let name = connector.descriptor().key;
    let mut rung = BTreeMap::new();
    for notice in notices.into_iter().take(NOTICES_COUNT_MAX) {
        match believed(app, connector, notice).await {
            Ok(Some(one)) => rung.entry(one.key.clone()).or_insert_with(Vec::new).push(one),
            Ok(None) => app.heard.refuse(name, "not proven", app.now()),
            Err(_) => app.heard.fail(name, "no keys", app.now()),
        }
    }
    for (key, notices) in rung {
        let ahead = ahead.take_if(|ahead| ahead.key == key);
        match ring(app, &key, &notices, ahead).await {
            Ok(true) => {}
            Ok(false) => app.heard.refuse(name, "unknown", app.now()),
            Err(_) => app.heard.fail(name, "store or queue", app.now()),
        }
    }
}

/// A notice whose proof holds.
pub(super) struct Believed {
    pub(super) key: PushKey,
    pub(super) of: Of,
    pub(super) watch: Option<Value>,
    pub(super) news: NoticeKind,
    pub(super) position: Option<u64>,
}

/// Which members a notice is for.
pub(super) enum Of {
    /// Those that the watch was made for.
    Watch(Opened),
    /// Those that named this account as the signer.
    Signer(String),
    /// Those of these instances.
    Instances(BTreeSet<InstanceId>),
}

impl Of {
    fn is_for(&self, app: &Context, id: InstanceId, member: &Member) -> bool {
        match self {
            Of::Signer(signer) => member.signer.as_deref() == Some(signer),
            Of::Instances(instances) => instances.contains(&id),
            Of::Watch(opened) => {
                member.application == opened.application
                    && member.targets.iter().any(|one| key::target_name(app, &one.name) == opened.target_name)
            }
        }
    }
}

async fn believed(app: &Context, connector: &Arc<dyn Connector>, notice: Notice) -> Result<Option<Believed>> {
    let of = match &notice.proof {
        Proof::Secret(secret) => key::opened(app, secret).map(Of::Watch),
        Proof::Token(token) => signer(app, connector, token).await?.map(Of::Signer),
        Proof::Pulled | Proof::None => None,
    };
    Ok(of.and_then(|of| addressed(app, connector, notice, of)))
}

/// Whose mailbox it is, as the proof or the notice says.
pub(super) fn addressed(
    app: &Context,
    connector: &Arc<dyn Connector>,
    notice: Notice,
    of: Of,
) -> Option<Believed> {
    let key = match (&notice.addressee, &of) {
        (Addressee::OfSecret, Of::Watch(opened)) => opened.key.clone(),
        (Addressee::Identity(identity), Of::Signer(_) | Of::Instances(_)) => {
            key::key(app, connector.descriptor().key, &mailbox_digest(identity))
        }
        _ => return None,
    };
    Some(Believed { key, of, watch: notice.watch, news: notice.news, position: notice.position })
}

/// Enqueues a poll for each instance that notices of one mailbox are for. Whether there is any.
pub(super) async fn ring(
    app: &Context,
    key: &PushKey,
    notices: &[Believed],
    ahead: Option<ReadAhead>,
) -> Result<bool> {
    let stored = match ahead {
        Some(ahead) => ahead.row,
        None => app.ports.store.push_state(key).await?,
    };
    let Some((state, hints)) = stored else { return Ok(false) };
    let is_rung =
        |id: &InstanceId, member: &Member| notices.iter().any(|one| one.of.is_for(app, *id, member));
    let members = state.members.iter().filter(|(id, member)| is_rung(id, member));
    let members: Vec<InstanceId> = members.map(|(id, _)| *id).collect();
    if members.is_empty() {
        return Ok(false);
    }
    let all: Vec<InstanceId> = state.members.keys().copied().collect();
    let demanded = demand(app, key, state, notices).await?;
    if notices.iter().all(|one| one.news == NoticeKind::Demands(Demand::Reauthorize)) {
        if let Some(due_at) = demanded {
            reauthorize(app, members.first(), due_at).await?;
        }
        return Ok(true);
    }
    let (now, position) = (app.now(), notices.iter().filter_map(|one| one.position).max());
    if ring_at_once(app, key, &hints, (now, position), &members, &all).await? {
        return Ok(true);
    }
    let (due, position) = match take(app, key, hints, (now, position), &members, &all).await {
        Ok((due, taken)) => (due, taken.position),
        Err(error) if !app.heard.may_ring_unnoted(key, now) => return Err(error),
        Err(_) => (members.into_iter().map(|id| (id, now)).collect(), position),
    };
    let jobs = jobs(due, Hint { at: now, position, looks: 0 });
    if !jobs.is_empty() {
        app.ports.queue.send(&jobs).await?;
    }
    Ok(true)
}

fn jobs(due: Vec<(InstanceId, DateTime<Utc>)>, hint: Hint) -> Vec<(Job, DateTime<Utc>)> {
    due.into_iter().map(|(instance, due_at)| (Job::Hinted { instance, hint }, due_at)).collect()
}

/// Enqueues what a hint leads to while it is noted, where the host rings so and the process has not just done it. Whoever
/// notes a hint of the mailbox in between is followed by one poll more; so often as hints that can't be noted may ring.
async fn ring_at_once(
    app: &Context,
    key: &PushKey,
    seen: &Hints,
    (now, position): (DateTime<Utc>, Option<u64>),
    rung: &[InstanceId],
    members: &[InstanceId],
) -> Result<bool> {
    let (due, next) = seen.take(now, position, rung, members);
    let is_at_once = app.config.rings == Rings::WhileNoting && !due.is_empty();
    if !is_at_once || !app.heard.may_ring_unnoted(key, now) {
        return Ok(false);
    }
    let jobs = jobs(due, Hint { at: now, position: next.position, looks: 0 });
    let noting = app.ports.store.put_hints(key, seen, &next);
    // A note that fails or comes second loses nothing: the jobs know the hint.
    let (_, sent) = tokio::join!(noting, app.ports.queue.send(&jobs));
    sent.map(|()| true)
}

/// Graph asks for it every hour, and nothing has changed: one of the instances does it, and none is looked at again. One
/// that can not hands it on ([`hand_on`]).
async fn reauthorize(app: &Context, id: Option<&InstanceId>, due_at: DateTime<Utc>) -> Result<()> {
    let Some(id) = id else { return Ok(()) };
    let hint = Hint::to_keep_watches(app.now());
    app.ports.queue.send(&[(Job::Hinted { instance: *id, hint }, due_at)]).await
}

/// Hands what the provider demands, and an instance could not meet, on to the next of those who share the watch: the
/// grant of the first may have ended.
pub(crate) async fn hand_on(app: &Context, id: InstanceId) -> Result<()> {
    let Some(instance) = app.ports.store.instance(id).await? else { return Ok(()) };
    let Some(key) = key::key_of(app, &instance) else { return Ok(()) };
    let Some((state, _)) = app.ports.store.push_state(&key).await? else { return Ok(()) };
    let is_unmet = |one: &&domain::push::WatchedTarget| {
        let is_own = state.members.get(&id).is_some_and(|own| own.needs(&one.application, &one.target));
        // What was tried and failed comes again by itself.
        one.demand == Some(Demand::Reauthorize) && one.failures == 0 && is_own
    };
    let unmet: Vec<_> = state.watched.iter().filter(is_unmet).collect();
    let shares = |member: &Member| unmet.iter().any(|one| member.needs(&one.application, &one.target));
    let mut later = state.members.range((Bound::Excluded(id), Bound::Unbounded));
    reauthorize(app, later.find(|(_, member)| shares(member)).map(|(id, _)| id), app.now()).await
}

/// Keeps what the provider demands of watches, for the polls that follow. A notice of a watch that is not the present one
/// demands nothing: it may be late. When anything is to be met that was not demanded before.
async fn demand(
    app: &Context,
    key: &PushKey,
    state: PushState,
    notices: &[Believed],
) -> Result<Option<DateTime<Utc>>> {
    let demands = notices.iter().filter_map(|one| match (one.news, &one.of) {
        (NoticeKind::Demands(demand), Of::Watch(opened)) => Some((demand, opened, &one.watch)),
        _ => None,
    });
    let demands: Vec<_> = demands.collect();
    if demands.is_empty() {
        return Ok(None);
    }
    let (version, now) = (state.version, app.now());
    let apply = |state: &mut PushState| {
        for (demand, opened, watch) in &demands {
            let is_of = |one: &&mut domain::push::WatchedTarget| {
                one.application == opened.application
                    && key::target_name(app, &one.target) == opened.target_name
                    && one.watch.as_ref().map(|own| &own.state) == watch.as_ref()
            };
            state.watched.iter_mut().filter(|one| is_of(one)).for_each(|one| one.demand(*demand, now));
        }
    };
    let state = change(app, key, state, apply).await?;
    let demanded = state.watched.iter().filter(|one| one.demand.is_some());
    Ok(demanded.map(|one| one.grant_due_at(now)).min().filter(|_| state.version != version))
}

/// Whom a hint leads to a poll of, and when; and what is stored of hints by then.
async fn take(
    app: &Context,
    key: &PushKey,
    mut seen: Hints,
    (now, position): (DateTime<Utc>, Option<u64>),
    rung: &[InstanceId],
    members: &[InstanceId],
) -> Result<(Vec<(InstanceId, DateTime<Utc>)>, Hints)> {
    for _ in 0..TRIES_COUNT_MAX {
        let (due, next) = seen.take(now, position, rung, members);
        if next == seen {
            return Ok((due, seen));
        }
        match app.ports.store.put_hints(key, &seen, &next).await? {
            Written::Done => return Ok((due, next)),
            Written::Gone => return Ok((Vec::new(), seen)),
            Written::Conflict => {}
        }
        match app.ports.store.push_state(key).await? {
            Some((_, hints)) => seen = hints,
            None => return Ok((Vec::new(), seen)),
        }
    }
    Err(PortError::new("taking a hint", "others kept changing it"))
}
