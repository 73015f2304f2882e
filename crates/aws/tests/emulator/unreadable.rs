//! An item that can't be read, for it is damaged or another version's, hides no other.

use crate::wire::Wire;
use crate::{store, table};
use app::ports::{Accounts as _, EventLog as _, Instances as _, LogMark, LogPage, OrganizationLog as _};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use conformance::mailbox::Mailbox;
use domain::ids::Sequence;

/// An organization of this test alone.
const ORGANIZATION: u32 = 9_404;

/// Damages an item of a partition by the client alone: the one with this sort key, or the one in the middle.
async fn damage(client: &Client, pk: &str, sk: Option<&str>, attribute: &str) {
    let name = table::name(client).await;
    let query = client.query().table_name(&name).key_condition_expression("pk = :pk");
    let found =
        query.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned())).send().await.unwrap();
    let is_it = |item: &&std::collections::HashMap<String, AttributeValue>| {
        sk.is_none_or(|sk| item["sk"].as_s().unwrap().as_str() == sk)
    };
    let items = found.items().iter().filter(is_it).collect::<Vec<_>>();
    let item = items[items.len() / 2];
    let update = client.update_item().table_name(&name).update_expression("SET #it = :odd");
    let update = update.key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
    let update = update.expression_attribute_names("#it", attribute);
    update.expression_attribute_values(":odd", AttributeValue::S("{".to_owned())).send().await.unwrap();
}

#[tokio::test]
async fn a_damaged_item_hides_no_other() {
    let wire = Wire::new();
    let store = store::store(&wire).await;
    let client = Client::new(&wire.config());
    let mut mailboxes = Vec::new();
    for number in [3_901, 3_902, 3_903] {
        let mailbox = Mailbox::of(&store, ORGANIZATION, number).await;
        mailbox.add(&[10, 11, 12]).await;
        mailboxes.push(mailbox);
    }
    let (damaged, other) = (mailboxes[0].id, mailboxes[1].id);
    damage(&client, &format!("I#{damaged}"), Some("C"), "doc").await;
    damage(&client, &format!("N#{other}"), Some("0000000000000011"), "progress").await;
    damage(&client, &format!("A#{ORGANIZATION}"), None, "doc").await;
    assert!(store.instance(damaged).await.unwrap_err().unreadable_row().is_some());
    let ids = |page: Vec<domain::instance::Instance>| page.iter().map(|one| one.id).collect::<Vec<_>>();
    let rest = [other, mailboxes[2].id];
    let instances = store.instances(ORGANIZATION, None, 10).await.unwrap();
    assert_eq!((ids(instances.rows), instances.unreadable_count), (rest.to_vec(), 1));
    assert_eq!(ids(store.instances(ORGANIZATION, None, 1).await.unwrap().rows), [other], "a page is filled");
    let fleet = store.fleet(ORGANIZATION, None, 10).await.unwrap();
    assert_eq!(fleet.rows.iter().map(|row| row.id).collect::<Vec<_>>(), rest);
    assert_eq!(fleet.unreadable_count, 1);
    for (pending_only, limit, sequences, lacks) in [
        (false, 10, vec![12, 10], 1),
        (false, 2, vec![12, 10], 1),
        (false, 1, vec![12], 0),
        (true, 10, vec![10, 12], 1),
        (true, 2, vec![10, 12], 1),
    ] {
        let page = LogPage { before: None, limit, pending_only };
        let log = store.notifications(other, page).await.unwrap();
        assert_eq!(log.rows.iter().map(|one| one.sequence.0).collect::<Vec<_>>(), sequences);
        assert_eq!(log.unreadable_count, lacks);
    }
    let marks = [10, 11, 12].map(|sequence| LogMark { instance: other, sequence: Sequence(sequence) });
    let read = store.notifications_at(&marks).await.unwrap();
    assert_eq!((read.rows.len(), read.unreadable_count), (2, 1));
    for limit in [10, 2] {
        let audit = store.audit(ORGANIZATION, None, limit).await.unwrap();
        assert_eq!((audit.rows.len(), audit.unreadable_count), (2, 1), "a page is filled");
    }
}
