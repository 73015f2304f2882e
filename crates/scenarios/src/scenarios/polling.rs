//! From a change in a mailbox to the callback.

use crate::{Callback, Mailbox, Platform};

/// Nobody asks for a poll here: the schedules of both instances start it.
pub async fn changes_arrive_by_themselves_signed_and_once(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let mailboxes = Mailbox::each(outside, "by-itself");
    let callback = Callback::new(outside, "by-itself");
    let mut wanted = Vec::new();
    let mut instances = Vec::new();
    for mailbox in &mailboxes {
        let old = [mailbox.old_message(), mailbox.old_message(), mailbox.old_message()];
        instances.push(client.connect(mailbox, &callback).await);
        wanted.extend([mailbox.deliver(), mailbox.deliver()]);
        wanted.extend([mailbox.mark_read(&old[0]), mailbox.mark(&old[1]), mailbox.delete(&old[2])]);
    }
    callback.wait_for(&wanted).await;
    for instance in &instances {
        client.poll_well(instance.id).await;
    }
    callback.assert_told(&wanted);
}

/// Out of Deleted Items, where lists by date show nothing of it: two looks, a minute apart, do not find it.
pub async fn what_is_deleted_for_good_is_told_once(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let (mailbox, callback) = (Mailbox::outlook(outside, "for-good"), Callback::new(outside, "for-good"));
    let old = [mailbox.old_message(), mailbox.old_message()];
    let instance = client.connect(&mailbox, &callback).await;
    let mut wanted = vec![mailbox.deliver(), mailbox.deliver()];
    callback.wait_for(&wanted).await;
    let [purged, kept] = [0, 1].map(|index: usize| wanted[index].object.clone());
    wanted.extend([&purged, &kept, &old[0]].map(|id| mailbox.delete(id)));
    callback.wait_for(&wanted).await;
    wanted.extend([&purged, &old[0], &old[1]].map(|id| mailbox.purge(id)));
    client.poll_well(instance.id).await;
    callback.wait_for(&wanted).await;
    client.poll_well(instance.id).await;
    callback.assert_told(&wanted);
}

/// Two polls at once find the same changes: only one of them reports.
pub async fn a_start_that_came_twice_reports_nothing_twice(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let mailboxes = Mailbox::each(outside, "twice");
    let callback = Callback::new(outside, "twice");
    let mut wanted = Vec::new();
    for mailbox in &mailboxes {
        let instance = client.connect(mailbox, &callback).await;
        for _ in 0..3 {
            wanted.push(mailbox.deliver());
            platform.start_twice(instance.id).await;
        }
        callback.wait_for(&wanted).await;
        client.poll_well(instance.id).await;
    }
    callback.assert_told(&wanted);
}

/// The provider refuses one mailbox; the other one's changes arrive meanwhile, and its own ones by themselves
/// when it is let in again.
pub async fn a_limited_mailbox_holds_up_no_other(platform: &dyn Platform) {
    let (client, outside) = (platform.client(), platform.outside());
    let (limited, free) = (Mailbox::gmail(outside, "limited"), Mailbox::gmail(outside, "free"));
    let (at_limited, at_free) = (Callback::new(outside, "limited"), Callback::new(outside, "free"));
    let first = client.connect(&limited, &at_limited).await;
    let second = client.connect(&free, &at_free).await;
    limited.limit(3);
    let (late, prompt) = (limited.deliver(), free.deliver());
    let refused = client.poll(first.id).await;
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert!(refused.headers.contains_key("retry-after"));
    client.poll_well(second.id).await;
    at_free.wait_for(&[prompt]).await;
    assert_eq!(at_limited.posts().len(), 0);
    limited.unlimit();
    at_limited.wait_for(&[late]).await;
}
