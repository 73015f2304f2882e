//! Values to store.

use app::ports::{
    Actor, AttemptOutcome, AuditEntry, Claimant, InstanceChange, LookupHash, NewInstance, NewNotification,
    SubscriptionChange,
};
use chrono::{DateTime, TimeZone as _, Utc};
use domain::delivery::{Attempt, Reached, Verdict};
use domain::ids::{EventId, InstanceId, NotificationName, Sequence};
use domain::instance::{Account, Instance, MailboxAddress, Validity};
use domain::life::Sighting;
use domain::state::ResourceState;
use domain::token::Session;
use serde_json::json;

/// The resource that sample instances have.
pub const RESOURCE: &str = "messages";

/// So many seconds after the cases begin.
pub fn at(seconds: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_795_000_000 + seconds, 0).unwrap()
}

/// An instance id made of a number.
pub fn id(number: u32) -> InstanceId {
    InstanceId::from_bytes(number.to_be_bytes())
}

/// A hash of its own for each instance.
pub fn token_hash(id: InstanceId) -> LookupHash {
    domain::ids::hash_of(&[b"token", &id.get().to_be_bytes()])
}

/// An enabled instance with one resource.
pub fn new_instance(id: InstanceId) -> NewInstance {
    NewInstance {
        instance: instance(id),
        token_hash: token_hash(id),
        session: session(1),
        states: vec![ResourceState::new(RESOURCE, at(0)).with_baseline(json!({ "at": 17 }), at(0))],
        audit: entry(1, 0, &format!("created {id}")),
        spends: None,
    }
}

/// An audit entry of this organization and time.
pub fn entry(organization_id: u32, seconds: i64, name: &str) -> AuditEntry {
    AuditEntry {
        id: name.to_owned(),
        organization_id,
        at: at(seconds),
        actor: Actor::User { user_id: 3 },
        action: "instance.changed".to_owned(),
        subject: "instances/17".to_owned(),
        fields: vec!["name".to_owned()],
        before: None,
        after: Some(json!({ "name": "Ünïcode \"quoted\"", "tags": [] })),
        sealed: None,
    }
}

fn instance(id: InstanceId) -> Instance {
    Instance {
        id,
        account: Account { organization_id: 1, account_id: 2, user_id: 3, sees_own_only: false },
        connector: "mail".to_owned(),
        name: "Ünïcode \"quoted\"".to_owned(),
        tags: vec!["one".to_owned(), "two".to_owned()],
        configuration: [("event.poller.refresh_interval".to_owned(), "15".to_owned())].into(),
        secret_keys: vec!["oauth.api.secret".to_owned()],
        secrets_version: 1,
        token_sealed: "sealed".to_owned(),
        external_authentication: "none".to_owned(),
        created_at: at(0),
        updated_at: at(0),
        disabled: false,
        validity: Validity::Valid,
        application_error: None,
        mailbox_digest: "digest".to_owned(),
        address: MailboxAddress::Unasked,
        address_key: None,
        record_key: None,
        notices: Vec::new(),
        deleted_at: None,
        unsettled: [].into(),
        left: Vec::new(),
        health: domain::health_ledger::HealthLedger::default(),
        version: 1,
    }
}

/// A session of this version.
pub fn session(version: u64) -> Session {
    Session {
        access_token_sealed: format!("token {version}"),
        expires_at: at(3600),
        refresh_at: at(3300),
        version,
        ..Session::default()
    }
}

/// The next version of an instance, and nothing else.
pub fn next_version(instance: &Instance) -> InstanceChange {
    let mut instance = instance.clone();
    instance.version += 1;
    InstanceChange {
        instance,
        put_states: Vec::new(),
        remove_resources: Vec::new(),
        subscription: SubscriptionChange::Keep,
        session: None,
        audit: None,
        spends: None,
    }
}

/// The one event of the notification with this sequence.
pub fn event(id: InstanceId, sequence: u64) -> EventId {
    EventId::of_creation(id, RESOURCE, &format!("object {sequence}"))
}

/// A pending notification.
pub fn notification(id: InstanceId, sequence: u64) -> NewNotification {
    let events = vec![event(id, sequence)];
    NewNotification {
        sequence: Sequence(sequence),
        name: NotificationName::of(id, &events),
        resource: RESOURCE.to_owned(),
        events,
        objects: vec![format!("object {sequence}")],
        gist: None,
        body: format!("{{\"exact\":  \"bytes of {sequence} ✓\"}}"),
        created_at: at(1),
        sighting: Some(Sighting { seen_at: at(1), unseen_at: Some(at(0)), hint_at: None }),
        deliver: true,
        expires_at: None,
        claimed_until: None,
    }
}

/// One that only the log shows.
pub fn logged(id: InstanceId, sequence: u64) -> NewNotification {
    NewNotification { deliver: false, expires_at: Some(at(86_400)), ..notification(id, sequence) }
}

/// Outcome of an attempt.
pub fn outcome(number: u32, verdict: Verdict) -> AttemptOutcome {
    AttemptOutcome {
        in_outbox: false,
        by: Claimant::Job,
        attempt: Attempt {
            number,
            at: at(i64::from(number)),
            duration_ms: 12,
            status: Some(if verdict == Verdict::Delivered { 204 } else { 500 }),
            error: None,
            answer: "an answer".to_owned(),
        },
        verdict,
        reached: Reached { callback: verdict == Verdict::Delivered, bus: true },
        reason: (verdict == Verdict::Suspend).then(|| "the last attempt failed".to_owned()),
        expires_at: at(7 * 86_400),
    }
}
