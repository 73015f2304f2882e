//! A sample instance in a store, and the steps that cases take with it.

use crate::sample::{RESOURCE, at, id, new_instance, next_version, notification, outcome};
use app::ports::{
    AttemptKey, AttemptOutcome, Claim, Claimant, InstanceChange, NewNotification, Notification, PollCommit,
    Store, SubscriptionChange, Written,
};
use domain::annex::AnnexPart;
use domain::delivery::{Subscription, SubscriptionStatus, Verdict};
use domain::ids::{InstanceId, Sequence};
use domain::instance::Instance;
use domain::state::ResourceState;

/// How long claims of cases hold, s.
pub const CLAIM_S: i64 = 60;

/// An instance in a store, with short calls for what cases do to it.
pub struct Mailbox<'a> {
    /// The store under test.
    pub store: &'a dyn Store,
    /// The instance.
    pub id: InstanceId,
    /// Whose instance it is.
    pub organization_id: u32,
}

/// The organization of instances whose case does not care.
pub const ORGANIZATION: u32 = 1;

impl<'a> Mailbox<'a> {
    /// A new instance.
    pub async fn new(store: &'a dyn Store, number: u32) -> Self {
        Self::of(store, ORGANIZATION, number).await
    }

    /// A new instance of this organization.
    pub async fn of(store: &'a dyn Store, organization_id: u32, number: u32) -> Self {
        let mut new = new_instance(id(number));
        new.instance.account.organization_id = organization_id;
        new.audit.organization_id = organization_id;
        assert_eq!(store.insert_instance(&new).await.unwrap(), Written::Done, "the id is free");
        Mailbox { store, id: new.instance.id, organization_id }
    }

    /// What a case asks of an instance that is not there.
    pub fn nobody(store: &'a dyn Store, number: u32) -> Self {
        Mailbox { store, id: id(number), organization_id: ORGANIZATION }
    }

    /// A new instance with notifications of these sequences.
    pub async fn with(store: &'a dyn Store, number: u32, sequences: &[u64]) -> Self {
        let mailbox = Self::new(store, number).await;
        mailbox.add(sequences).await;
        mailbox
    }

    /// The instance as stored.
    pub async fn instance(&self) -> Instance {
        self.store.instance(self.id).await.unwrap().expect("the instance is there")
    }

    /// State of its first resource.
    pub async fn state(&self) -> ResourceState {
        self.resource().await.expect("the resource is there").0
    }

    /// The state of the sample's resource and its outbox.
    pub async fn resource(&self) -> Option<(ResourceState, Vec<u64>)> {
        let mailbox = self.store.mailbox(self.id).await.unwrap()?;
        let row = mailbox.resources.into_iter().find(|row| row.state.resource == RESOURCE)?;
        let mut outbox: Vec<u64> = row.outbox.iter().map(|sequence| sequence.0).collect();
        outbox.sort_unstable();
        Some((row.state, outbox))
    }

    /// Sequence numbers in the outbox.
    pub async fn outbox(&self) -> Vec<u64> {
        self.resource().await.map(|(_, outbox)| outbox).unwrap_or_default()
    }

    /// Commits notifications on what is stored.
    pub async fn commit(&self, notifications: Vec<NewNotification>) -> Written {
        let mut state = self.state().await;
        state.version += 1;
        self.commit_state(state, notifications).await
    }

    /// Commits this state with these notifications.
    pub async fn commit_state(&self, state: ResourceState, new: Vec<NewNotification>) -> Written {
        self.commit_with(state, new, &[]).await
    }

    /// Commits this state with these notifications, and parts of the annex by name and text.
    pub async fn commit_with(
        &self,
        state: ResourceState,
        new: Vec<NewNotification>,
        annex: &[(&str, &str)],
    ) -> Written {
        let part =
            |(name, text): &(&str, &str)| AnnexPart { name: (*name).to_owned(), text: (*text).to_owned() };
        let commit = PollCommit {
            instance: self.id,
            organization_id: self.organization_id,
            state,
            notifications: new,
            annex: annex.iter().map(part).collect(),
            told: Vec::new(),
        };
        self.store.commit_poll(&commit).await.unwrap()
    }

    /// Commits these notifications, and takes out of the outbox what was told.
    pub async fn commit_told(&self, told: &[u64], new: Vec<NewNotification>) -> Written {
        let mut state = self.state().await;
        state.version += 1;
        let commit = PollCommit {
            instance: self.id,
            organization_id: self.organization_id,
            state,
            notifications: new,
            annex: Vec::new(),
            told: told.iter().copied().map(Sequence).collect(),
        };
        self.store.commit_poll(&commit).await.unwrap()
    }

    /// Parts of the annex of its first resource.
    pub async fn annex(&self, names: &[&str]) -> Vec<Option<String>> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.store.annex(self.id, RESOURCE, &names).await.unwrap()
    }

    /// Commits notifications with these sequences.
    pub async fn add(&self, sequences: &[u64]) {
        let new = sequences.iter().map(|sequence| notification(self.id, *sequence)).collect();
        assert_eq!(self.commit(new).await, Written::Done, "a commit on the stored version is taken");
    }

    /// Clears these from the outbox.
    pub async fn clear(&self, sequences: &[u64]) {
        let sequences: Vec<Sequence> = sequences.iter().copied().map(Sequence).collect();
        self.store.clear_outbox(self.id, RESOURCE, &sequences).await.unwrap();
    }

    /// Changes the stored instance.
    pub async fn change(&self, change: impl FnOnce(&mut InstanceChange)) -> Written {
        let mut next = next_version(&self.instance().await);
        change(&mut next);
        self.store.change_instance(&next).await.unwrap()
    }

    /// Disables or enables the instance.
    pub async fn disable(&self, disabled: bool) {
        let changed = self.change(|change| change.instance.disabled = disabled).await;
        assert_eq!(changed, Written::Done);
    }

    /// Suspends its subscription.
    pub async fn suspend(&self) {
        let suspend = SubscriptionChange::Suspend("by a case".to_owned());
        assert_eq!(self.change(|change| change.subscription = suspend).await, Written::Done);
    }

    /// Deletes the instance.
    pub async fn delete(&self) {
        assert_eq!(self.change(|change| change.instance.deleted_at = Some(at(100))).await, Written::Done);
    }

    /// Key of a delivery attempt.
    pub fn key(&self, sequence: u64, attempt: u32) -> AttemptKey {
        AttemptKey { instance: self.id, sequence: Sequence(sequence), attempt }
    }

    /// A delivery job's claim.
    pub async fn claim(&self, sequence: u64, attempt: u32, now_s: i64) -> Claim {
        self.claim_by(Claimant::Job, sequence, attempt, now_s).await
    }

    /// Claims an attempt for this claimant.
    pub async fn claim_by(&self, by: Claimant, sequence: u64, attempt: u32, now_s: i64) -> Claim {
        let (now, until) = (at(now_s), at(now_s + CLAIM_S));
        self.store.claim_attempt(self.key(sequence, attempt), by, now, until).await.unwrap()
    }

    /// Records the outcome of an attempt.
    pub async fn finish(&self, sequence: u64, attempt: u32, verdict: Verdict) -> Written {
        self.finish_by(Claimant::Job, sequence, attempt, verdict).await
    }

    /// Records the outcome of an attempt that this claimant made.
    pub async fn finish_by(&self, by: Claimant, sequence: u64, attempt: u32, verdict: Verdict) -> Written {
        let outcome = AttemptOutcome { by, ..outcome(attempt, verdict) };
        self.store.finish_attempt(self.key(sequence, attempt), &outcome).await.unwrap()
    }

    /// Claims and finishes an attempt of a delivery job.
    pub async fn attempt(&self, sequence: u64, attempt: u32, verdict: Verdict) {
        yours(self.claim(sequence, attempt, 10).await);
        assert_eq!(self.finish(sequence, attempt, verdict).await, Written::Done);
    }

    /// Begins a release, unless one runs.
    pub async fn begin(&self, now_s: i64) -> Option<Subscription> {
        self.store.begin_release(self.id, at(now_s), at(now_s + CLAIM_S)).await.unwrap()
    }

    /// Sequence number of the first queued notification.
    pub async fn next_queued(&self) -> Option<u64> {
        self.store.next_queued(self.id).await.unwrap().map(|next| next.sequence.0)
    }

    /// Its subscription as stored.
    pub async fn subscription(&self) -> Subscription {
        self.store.subscription(self.id).await.unwrap().expect("the subscription is there")
    }

    /// Status of its subscription.
    pub async fn status(&self) -> SubscriptionStatus {
        self.subscription().await.status
    }

    /// The notification with this sequence, as the log shows it.
    pub async fn notification(&self, sequence: u64) -> Notification {
        let name = notification(self.id, sequence).name.event_id;
        let found = self.store.notification(self.id, &name).await.unwrap();
        found.expect("the notification is there")
    }
}

/// The notification and instance of a claim that was granted.
#[track_caller]
pub fn yours(claim: Claim) -> (Notification, Instance) {
    match claim {
        Claim::Yours(claimed) => *claimed,
        other => panic!("the claim should have been granted: {other:?}"),
    }
}
