//! The record of what was changed: noted with the change, read newest first.

use super::Harness;
use crate::mailbox::Mailbox;
use crate::sample::{entry, id, new_instance, next_version, session};
use app::ports::{Actor, AuditEntry, AuditMark, InstanceChange, Written};
use serde_json::json;

/// More than a case notes.
const ALL: usize = 100;

async fn page(
    host: &dyn Harness,
    organization_id: u32,
    before: Option<&AuditEntry>,
    limit: usize,
) -> Vec<AuditEntry> {
    let before = before.map(|entry| AuditMark { at: entry.at, id: entry.id.clone() });
    host.accounts().audit(organization_id, before.as_ref(), limit).await.unwrap().rows
}

async fn note(host: &dyn Harness, entry: &AuditEntry) {
    host.accounts().note(entry).await.unwrap();
}

/// By time, then by id; what is read is what was noted.
pub async fn is_paged_newest_first(host: &dyn Harness) {
    let organization_id = 63_001;
    let mut entries: Vec<AuditEntry> = [(30, "b"), (10, "z"), (20, "c"), (20, "a"), (-5, "y"), (20, "b")]
        .map(|(seconds, name)| entry(organization_id, seconds, name))
        .into();
    entries[1].actor = Actor::Administrator;
    entries[2].actor = Actor::Carillon;
    entries[3].before = Some(json!({ "disabled": false, "tags": ["x", null, 1.5] }));
    entries[3].after = None;
    for entry in &entries {
        note(host, entry).await;
    }
    entries.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
    for limit in 1..=entries.len() {
        let (mut before, mut seen): (Option<AuditEntry>, _) = (None, Vec::new());
        // One page more than there are: the last is empty.
        for _ in 0..=entries.len() {
            let shown = page(host, organization_id, before.as_ref(), limit).await;
            assert!(shown.len() <= limit);
            before = shown.last().cloned().or(before);
            seen.extend(shown);
        }
        assert_eq!(seen, entries, "in pages of {limit}");
    }
    assert_eq!(
        page(host, organization_id, Some(&entry(organization_id, 25, "none")), 1).await,
        entries[1..2]
    );
    assert_eq!(page(host, organization_id, None, 0).await, []);
}

/// Also of equal times and ids.
pub async fn is_of_one_organization(host: &dyn Harness) {
    let (one, other) = (entry(63_011, 10, "same"), entry(63_012, 10, "same"));
    note(host, &one).await;
    note(host, &other).await;
    assert_eq!(page(host, 63_011, None, ALL).await, [one]);
    assert_eq!(page(host, 63_012, None, ALL).await, [other]);
    assert_eq!(page(host, 63_013, None, ALL).await, []);
}

/// A write whose answer was lost is made again.
pub async fn an_entry_that_is_noted_again_stands_there_once(host: &dyn Harness) {
    let one = entry(63_021, 10, "twice");
    note(host, &one).await;
    note(host, &one).await;
    assert_eq!(page(host, 63_021, None, ALL).await, [one]);
}

/// With the instance, or not at all.
pub async fn a_creation_notes_its_entry(host: &dyn Harness) {
    let organization_id = 63_031;
    let mailbox = Mailbox::of(host.store(), organization_id, 1301).await;
    let mut noted = new_instance(mailbox.id).audit;
    noted.organization_id = organization_id;
    assert_eq!(page(host, organization_id, None, ALL).await, [noted.clone()]);
    let mut second = new_instance(mailbox.id);
    second.instance.account.organization_id = organization_id;
    second.token_hash = crate::sample::token_hash(id(1302));
    second.audit = entry(organization_id, 20, "second creation");
    assert_eq!(host.store().insert_instance(&second).await.unwrap(), Written::Conflict);
    assert_eq!(page(host, organization_id, None, ALL).await, [noted]);
}

/// One write: what is not changed is not noted, whatever the conflict is about.
pub async fn a_change_notes_its_entry_and_a_conflict_does_not(host: &dyn Harness) {
    let organization_id = 63_041;
    let mailbox = Mailbox::of(host.store(), organization_id, 1311).await;
    let created = page(host, organization_id, None, ALL).await;
    let change = async |seconds, name: &str, change: &dyn Fn(&mut InstanceChange)| {
        let noted = entry(organization_id, seconds, name);
        let written = mailbox.change(|next| {
            next.audit = Some(noted.clone());
            change(next);
        });
        (written.await, noted)
    };
    let (written, first) = change(10, "first", &|next| next.instance.name = "first".to_owned()).await;
    assert_eq!(written, Written::Done);
    let wanted = [vec![first], created].concat();
    assert_eq!(page(host, organization_id, None, ALL).await, wanted);
    let (written, _) = change(20, "late", &|next| next.instance.version -= 1).await;
    assert_eq!(written, Written::Conflict, "the version");
    let (written, _) = change(21, "stale", &|next| next.session = Some(session(1))).await;
    assert_eq!(written, Written::Conflict, "the session");
    assert_eq!(page(host, organization_id, None, ALL).await, wanted);
    let (written, _) = change(30, "silent", &|next| next.audit = None).await;
    assert_eq!(written, Written::Done);
    assert_eq!(page(host, organization_id, None, ALL).await, wanted, "not everything is noted");
}

/// The record outlives the instance, and nothing is noted of what came too late.
pub async fn a_deletion_notes_its_entry_and_what_comes_later_does_not(host: &dyn Harness) {
    let organization_id = 63_051;
    let mailbox = Mailbox::of(host.store(), organization_id, 1321).await;
    let created = page(host, organization_id, None, ALL).await;
    let deletion = entry(organization_id, 10, "deletion");
    let deleted = mailbox.change(|next| {
        next.instance.deleted_at = Some(crate::sample::at(10));
        next.audit = Some(deletion.clone());
    });
    assert_eq!(deleted.await, Written::Done);
    let wanted = [vec![deletion], created].concat();
    let mut late = next_version(&mailbox.instance().await);
    late.audit = Some(entry(organization_id, 20, "late"));
    assert_eq!(host.store().change_instance(&late).await.unwrap(), Written::Gone);
    assert_eq!(page(host, organization_id, None, ALL).await, wanted);
    assert_eq!(host.store().purge_instance(mailbox.id, 100).await.unwrap(), (0, false));
    assert_eq!(page(host, organization_id, None, ALL).await, wanted);
}
