//! The methods of the ports, once, for what stands around an adapter and does the same for each of them.

/// Hands the methods of a port to a macro, behind the name of the type that it makes.
macro_rules! methods {
    (Store, $around:ident, $name:ident) => {
        $around!($name, Store, {
            async fn account(user: &LookupHash, organization: Option<&LookupHash>)
            -> Result<Option<Account>>;
            async fn insert_instance(new: &NewInstance) -> Result<Written>;
            async fn instance(id: InstanceId) -> Result<Option<Instance>>;
            async fn instance_by_token(token: &LookupHash) -> Result<Option<Instance>>;
            async fn instances(
                organization_id: u32,
                after: Option<InstanceId>,
                limit: usize,
            ) -> Result<Vec<Instance>>;
            async fn mailbox(id: InstanceId) -> Result<Option<Mailbox>>;
            async fn change_instance(change: &InstanceChange) -> Result<Written>;
            async fn note_settled(instance: &Instance) -> Result<Written>;
            async fn purge_instance(id: InstanceId, limit: usize) -> Result<(u64, bool)>;
            async fn lease_session(
                id: InstanceId,
                version: u64,
                now: DateTime<Utc>,
                until: DateTime<Utc>,
            ) -> Result<Written>;
            async fn put_session(id: InstanceId, session: &Session) -> Result<Written>;
            async fn begin_poll(
                id: InstanceId,
                fence: u64,
                now: DateTime<Utc>,
                until: DateTime<Utc>,
            ) -> Result<Written>;
            async fn ask_again(id: InstanceId, fence: u64, now: DateTime<Utc>) -> Result<Written>;
            async fn end_poll(id: InstanceId, fence: u64) -> Result<PollEnded>;
            async fn commit_poll(commit: &PollCommit) -> Result<Written>;
            async fn clear_outbox(id: InstanceId, resource: &str, sequences: &[Sequence]) -> Result<()>;
            async fn logged_events(id: InstanceId, events: &[EventId]) -> Result<HashSet<EventId>>;
            async fn claim_attempt(
                key: AttemptKey,
                by: Claimant,
                now: DateTime<Utc>,
                until: DateTime<Utc>,
            ) -> Result<Claim>;
            async fn unclaim_attempt(key: AttemptKey, until: DateTime<Utc>) -> Result<()>;
            async fn finish_attempt(key: AttemptKey, outcome: &AttemptOutcome) -> Result<Written>;
            async fn reopen(
                id: InstanceId,
                sequence: Sequence,
                now: DateTime<Utc>,
            ) -> Result<Option<AttemptKey>>;
            async fn subscription(id: InstanceId) -> Result<Option<Subscription>>;
            async fn begin_release(
                id: InstanceId,
                now: DateTime<Utc>,
                until: DateTime<Utc>,
            ) -> Result<Option<Subscription>>;
            async fn next_queued(id: InstanceId) -> Result<Option<Notification>>;
            async fn end_release(id: InstanceId, generation: u64) -> Result<Written>;
            async fn pause_release(id: InstanceId, generation: u64) -> Result<()>;
            async fn notifications(id: InstanceId, page: LogPage) -> Result<Vec<Notification>>;
            async fn notification(id: InstanceId, event_id: &str) -> Result<Option<Notification>>;
            async fn notification_of(organization_id: u32, event_id: &str) -> Result<Option<Notification>>;
            async fn notification_numbered(organization_id: u32, number: u64) -> Result<Numbered>;
            async fn notification_at(mark: LogMark) -> Result<Option<Notification>>;
            async fn organization_log(organization_id: u32, page: OrganizationPage) -> Result<Vec<LogLine>>;
        });
    };
    (Vault, $around:ident, $name:ident) => {
        $around!($name, Vault, {
            async fn read(id: InstanceId) -> Result<Option<(Secrets, u64)>>;
            async fn write(id: InstanceId, secrets: &Secrets, version: u64) -> Result<Written>;
            async fn remove(id: InstanceId) -> Result<()>;
        });
    };
    (Schedule, $around:ident, $name:ident) => {
        $around!($name, Schedule, {
            async fn put(id: InstanceId, timetable: Timetable, enabled: bool) -> Result<()>;
            async fn remove(id: InstanceId) -> Result<()>;
        });
    };
    (Queue, $around:ident, $name:ident) => {
        $around!($name, Queue, {
            async fn send(jobs: &[(Job, DateTime<Utc>)]) -> Result<()>;
        });
    };
}

pub(crate) use methods;
