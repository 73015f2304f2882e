//! The methods of the ports, once, for what stands around an adapter and does the same for each of them.

/// Hands the methods of a port to a macro, behind the name of the type that it makes.
macro_rules! methods {
    (Store, $around:ident, $name:ident) => {
        methods!(Callers, $around, $name);
        methods!(Instances, $around, $name);
        methods!(Sessions, $around, $name);
        methods!(Pollers, $around, $name);
        methods!(Polls, $around, $name);
        methods!(Attempts, $around, $name);
        methods!(Releases, $around, $name);
        methods!(EventLog, $around, $name);
        methods!(OrganizationLog, $around, $name);
        methods!(PushStates, $around, $name);
        methods!(Applications, $around, $name);
        methods!(Bulks, $around, $name);
        methods!(SignInLinks, $around, $name);
        methods!(HealthEvents, $around, $name);
    };
    (Callers, $around:ident, $name:ident) => {
        $around!($name, Callers, {
            async fn account(user: &LookupHash, organization: Option<&LookupHash>)
            -> Result<Option<Account>>;
        });
    };
    (Instances, $around:ident, $name:ident) => {
        $around!($name, Instances, {
            async fn insert_instance(new: &NewInstance) -> Result<Written>;
            async fn instance(id: InstanceId) -> Result<Option<Instance>>;
            async fn instance_by_token(token: &LookupHash) -> Result<Option<Instance>>;
            async fn instances(
                organization_id: u32,
                after: Option<InstanceId>,
                limit: usize,
            ) -> Result<Rows<Instance>>;
            async fn ids_of_address(
                organization_id: u32,
                address: &AddressKey,
                after: Option<InstanceId>,
                limit: usize,
            ) -> Result<Vec<InstanceId>>;
            async fn fleet(
                organization_id: u32,
                after: Option<InstanceId>,
                limit: usize,
            ) -> Result<FleetPage>;
            async fn change_instance(change: &InstanceChange) -> Result<Written>;
            async fn note_settled(instance: &Instance) -> Result<Written>;
            async fn purge_instance(id: InstanceId, limit: usize) -> Result<(u64, bool)>;
        });
    };
    (Applications, $around:ident, $name:ident) => {
        $around!($name, Applications, {
            async fn insert_application(application: &Application, audit: &AuditEntry) -> Result<Written>;
            async fn application(organization_id: u32, name: &str) -> Result<Option<StoredApplication>>;
            async fn applications(
                organization_id: u32,
                after: Option<&str>,
                limit: usize,
            ) -> Result<Rows<StoredApplication>>;
            async fn change_application(application: &Application, audit: &AuditEntry) -> Result<Written>;
            async fn remove_application(application: &Application, audit: &AuditEntry) -> Result<Written>;
        });
    };
    (HealthEvents, $around:ident, $name:ident) => {
        $around!($name, HealthEvents, {
            async fn insert_health_row(row: &HealthRow) -> Result<Written>;
            async fn health_row(organization_id: u32, id: HealthEventId) -> Result<Option<HealthRow>>;
            async fn change_health_row(row: &HealthRow) -> Result<Written>;
            async fn health_rows(
                organization_id: u32,
                from: HealthEventId,
                to: HealthEventId,
                limit: usize,
            ) -> Result<Vec<HealthRow>>;
        });
    };
    (Bulks, $around:ident, $name:ident) => {
        $around!($name, Bulks, {
            async fn insert_bulk(
                bulk: &Bulk,
                targets: &[InstanceId],
                running_count_max: u32,
                audit: &AuditEntry,
            ) -> Result<Written>;
            async fn bulk(organization_id: u32, id: BulkId) -> Result<Option<Bulk>>;
            async fn bulk_targets(organization_id: u32, id: BulkId) -> Result<Vec<InstanceId>>;
            async fn bulks(organization_id: u32, before: Option<BulkId>, limit: usize) -> Result<Rows<Bulk>>;
            async fn change_bulk(bulk: &Bulk) -> Result<Written>;
            async fn end_bulk(bulk: &Bulk, audit: Option<&AuditEntry>) -> Result<Written>;
        });
    };
    (SignInLinks, $around:ident, $name:ident) => {
        $around!($name, SignInLinks, {
            async fn insert_link(key: &LinkKey, link: &StoredLink, audit: &AuditEntry) -> Result<()>;
            async fn link(key: &LinkKey) -> Result<Option<StoredLink>>;
            async fn try_link(key: &LinkKey) -> Result<Written>;
        });
    };
    (Sessions, $around:ident, $name:ident) => {
        $around!($name, Sessions, {
            async fn lease_session(id: InstanceId, leases: u64, until: DateTime<Utc>) -> Result<Written>;
            async fn put_session(id: InstanceId, session: &Session) -> Result<Written>;
        });
    };
    (Pollers, $around:ident, $name:ident) => {
        $around!($name, Pollers, {
            async fn begin_poll(
                id: InstanceId,
                fence: u64,
                now: DateTime<Utc>,
                until: DateTime<Utc>,
            ) -> Result<Written>;
            async fn ask_again(id: InstanceId, fence: u64, now: DateTime<Utc>) -> Result<Written>;
            async fn end_poll(id: InstanceId, fence: u64) -> Result<PollEnded>;
        });
    };
    (Polls, $around:ident, $name:ident) => {
        $around!($name, Polls, {
            async fn mailbox(id: InstanceId) -> Result<Option<Mailbox>>;
            async fn commit_poll(commit: &PollCommit) -> Result<Written>;
            async fn clear_outbox(id: InstanceId, resource: &str, sequences: &[Sequence]) -> Result<()>;
            async fn annex(id: InstanceId, resource: &str, names: &[String]) -> Result<Vec<Option<String>>>;
            async fn delivered(id: InstanceId, sequences: &[Sequence]) -> Result<Vec<Sequence>>;
            async fn logged_events(id: InstanceId, events: &[EventId]) -> Result<HashSet<EventId>>;
        });
    };
    (PushStates, $around:ident, $name:ident) => {
        $around!($name, PushStates, {
            async fn push_state(key: &PushKey) -> Result<Option<(PushState, Hints)>>;
            async fn put_push_state(
                key: &PushKey,
                seen: u64,
                state: &PushState,
                expires_at: DateTime<Utc>,
            ) -> Result<Written>;
            async fn remove_push_state(key: &PushKey, version: u64) -> Result<Written>;
            async fn put_hints(key: &PushKey, seen: &Hints, next: &Hints) -> Result<Written>;
        });
    };
    (Attempts, $around:ident, $name:ident) => {
        $around!($name, Attempts, {
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
        });
    };
    (Releases, $around:ident, $name:ident) => {
        $around!($name, Releases, {
            async fn subscription(id: InstanceId) -> Result<Option<Subscription>>;
            async fn begin_release(
                id: InstanceId,
                now: DateTime<Utc>,
                until: DateTime<Utc>,
            ) -> Result<Option<Subscription>>;
            async fn next_queued(id: InstanceId) -> Result<Option<Notification>>;
            async fn end_release(id: InstanceId, generation: u64) -> Result<Written>;
            async fn pause_release(id: InstanceId, generation: u64) -> Result<()>;
        });
    };
    (EventLog, $around:ident, $name:ident) => {
        $around!($name, EventLog, {
            async fn notifications(id: InstanceId, page: LogPage) -> Result<Rows<Notification>>;
            async fn notification(id: InstanceId, event_id: &str) -> Result<Option<Notification>>;
        });
    };
    (OrganizationLog, $around:ident, $name:ident) => {
        $around!($name, OrganizationLog, {
            async fn notification_of(organization_id: u32, event_id: &str) -> Result<Option<Notification>>;
            async fn notification_numbered(organization_id: u32, number: u64) -> Result<Numbered>;
            async fn notification_at(mark: LogMark) -> Result<Option<Notification>>;
            async fn notifications_at(marks: &[LogMark]) -> Result<Rows<Notification>>;
            async fn search_log(organization_id: u32, search: &LogSearch) -> Result<LogMatches>;
            async fn tallies(
                organization_id: u32,
                range: (DateTime<Utc>, DateTime<Utc>),
            ) -> Result<Option<Vec<Tally>>>;
            async fn organization_log(organization_id: u32, page: OrganizationPage) -> Result<Rows<LogLine>>;
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
    (Places, $around:ident, $name:ident) => {
        $around!($name, Places, {
            async fn are_free(organization_id: u32, instance: InstanceId, count: usize) -> bool;
            async fn begin(
                organization_id: u32,
                attempts: &[AttemptKey],
                claimed_until: DateTime<Utc>,
            ) -> bool;
            async fn begun(attempt: AttemptKey) -> Option<DateTime<Utc>>;
        });
    };
}

pub(crate) use methods;
