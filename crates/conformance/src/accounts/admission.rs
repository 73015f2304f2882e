//! Organizations and users: let in, found by their secrets, listed, removed.

use super::Harness;
use crate::sample::entry;
use app::ports::{HostPage, ListingMark, LookupHash, Organization, User};
use domain::ids::hash_of;
use domain::instance::Account;
use std::collections::HashSet;

/// More pages than the cases' rows fill.
const PAGES_COUNT_MAX: usize = 100;

/// What a secret is known by; each case has names of its own.
fn hash(name: &str) -> LookupHash {
    hash_of(&[b"secret", name.as_bytes()])
}

async fn organization(host: &dyn Harness, name: &str) -> Account {
    let user = hash(&format!("{name}'s first user"));
    host.accounts().add_organization(&hash(name), &user).await.unwrap()
}

async fn find(host: &dyn Harness, user: &str, organization: Option<&str>) -> Option<Account> {
    host.store().account(&hash(user), organization.map(hash).as_ref()).await.unwrap()
}

async fn all<T>(mut read: impl AsyncFnMut(Option<ListingMark>) -> HostPage<T>) -> Vec<T> {
    let (mut from, mut items) = (None, Vec::new());
    for _ in 0..PAGES_COUNT_MAX {
        let page = read(from).await;
        items.extend(page.items);
        from = page.next;
        if from.is_none() {
            return items;
        }
    }
    panic!("the listing has no end");
}

async fn organizations(host: &dyn Harness) -> Vec<Organization> {
    all(async |from| host.accounts().organizations(from.as_ref()).await.unwrap()).await
}

/// The users of an organization by their numbers.
async fn users(host: &dyn Harness, organization_id: u32) -> Vec<Account> {
    let users: Vec<User> =
        all(async |from| host.accounts().users(organization_id, from.as_ref()).await.unwrap()).await;
    let mut accounts: Vec<Account> = users.into_iter().map(|user| user.account).collect();
    accounts.sort_by_key(|account| account.user_id);
    accounts
}

async fn users_count(host: &dyn Harness, organization_id: u32) -> u64 {
    let listed = organizations(host).await;
    let found: Vec<_> = listed.iter().filter(|one| one.id == organization_id).collect();
    assert_eq!(found.len(), 1, "it is listed once");
    found[0].users_count
}

/// By the user's secret alone, or with the organization's, which must be their own.
pub async fn who_is_let_in_is_found(host: &dyn Harness) {
    let first = organization(host, "found").await;
    let second = organization(host, "found beside").await;
    assert_ne!(first.organization_id, second.organization_id);
    assert_ne!((first.user_id, first.account_id), (second.user_id, second.account_id));
    let user = "found's first user";
    assert_eq!(find(host, user, None).await, Some(first));
    assert_eq!(find(host, user, Some("found")).await, Some(first));
    assert_eq!(find(host, user, Some("found beside")).await, None, "another organization's secret");
    assert_eq!(find(host, user, Some(user)).await, None);
    assert_eq!(find(host, "found", None).await, None, "an organization is no user");
    assert_eq!(find(host, "nobody at all", Some("found")).await, None);
    let again = host.accounts().add_organization(&hash("found anew"), &hash(user)).await;
    assert!(again.is_err(), "the user's secret is in use");
    assert_eq!(find(host, user, Some("found")).await, Some(first), "and stays whose it was");
}

/// The first user sees all of the organization, others as it is said; each has an account of their own.
pub async fn a_user_sees_all_or_only_their_own(host: &dyn Harness) {
    let first = organization(host, "sight").await;
    assert!(!first.sees_own_only);
    let organization_id = first.organization_id;
    let add = async |name: &str, sees_all| {
        let added = host.accounts().add_user(organization_id, &hash(name), sees_all).await.unwrap();
        added.expect("the organization is there")
    };
    let (wide, narrow) = (add("sight wide", true).await, add("sight narrow", false).await);
    assert_eq!((wide.sees_own_only, narrow.sees_own_only), (false, true));
    for (name, account) in [("sight's first user", first), ("sight wide", wide), ("sight narrow", narrow)] {
        assert_eq!(find(host, name, Some("sight")).await, Some(account));
    }
    let accounts = [first, wide, narrow];
    assert!(accounts.iter().all(|account| account.organization_id == organization_id));
    assert_eq!(accounts.iter().map(|account| account.user_id).collect::<HashSet<_>>().len(), 3);
    assert_eq!(accounts.iter().map(|account| account.account_id).collect::<HashSet<_>>().len(), 3);
    assert!(host.accounts().add_user(organization_id, &hash("sight wide"), true).await.is_err(), "in use");
    let nobody = host.accounts().add_user(0x7fff_fff0, &hash("sight nowhere"), true).await.unwrap();
    assert_eq!(nobody, None, "there is no such organization");
    assert_eq!(find(host, "sight nowhere", None).await, None);
}

/// Its secret says which it is.
pub async fn a_known_organization_is_not_doubled(host: &dyn Harness) {
    let first = organization(host, "known").await;
    let second = host.accounts().add_organization(&hash("known"), &hash("known again")).await.unwrap();
    assert_eq!(second.organization_id, first.organization_id);
    assert_ne!(second.user_id, first.user_id);
    assert_eq!(find(host, "known again", Some("known")).await, Some(second));
    assert_eq!(users_count(host, first.organization_id).await, 2);
}

/// Organizations with how many users they have, and the users of one.
pub async fn everybody_is_listed(host: &dyn Harness) {
    let first = organization(host, "listed").await;
    let other = organization(host, "listed beside").await;
    let organization_id = first.organization_id;
    let mut wanted = vec![first];
    for number in 0..12 {
        let name = format!("listed {number}");
        let added = host.accounts().add_user(organization_id, &hash(&name), number % 2 == 0).await.unwrap();
        wanted.extend(added);
    }
    wanted.sort_by_key(|account| account.user_id);
    assert_eq!(users(host, organization_id).await, wanted);
    assert_eq!(users(host, other.organization_id).await, [other]);
    assert_eq!(users(host, 0x7fff_fff0).await, []);
    assert_eq!(users_count(host, organization_id).await, 13);
    assert_eq!(users_count(host, other.organization_id).await, 1);
}

/// From the answer on: the former one finds nothing, the new one the same user.
pub async fn a_replaced_user_secret_is_worth_nothing(host: &dyn Harness) {
    let first = organization(host, "turned").await;
    let other = organization(host, "turned beside").await;
    let replace = async |organization_id, user_id| {
        let new = hash("turned's new user");
        host.accounts().replace_user_secret(organization_id, user_id, &new).await.unwrap()
    };
    assert!(!replace(other.organization_id, first.user_id).await, "it is another organization's user");
    assert!(!replace(first.organization_id, 0x7fff_fff0).await, "there is no such user");
    assert_eq!(find(host, "turned's new user", None).await, None);
    assert_eq!(find(host, "turned's first user", Some("turned")).await, Some(first));
    assert!(replace(first.organization_id, first.user_id).await);
    assert_eq!(find(host, "turned's first user", Some("turned")).await, None);
    assert_eq!(find(host, "turned's first user", None).await, None);
    assert_eq!(find(host, "turned's new user", None).await, Some(first));
    assert_eq!(find(host, "turned's new user", Some("turned")).await, Some(first));
    assert_eq!(find(host, "turned beside's first user", Some("turned beside")).await, Some(other));
    assert_eq!(users(host, first.organization_id).await, [first]);
}

/// For all its users; theirs stay as they are.
pub async fn a_replaced_organization_secret_is_worth_nothing(host: &dyn Harness) {
    let first = organization(host, "renewed").await;
    let other = organization(host, "renewed beside").await;
    let organization_id = first.organization_id;
    let added = host.accounts().add_user(organization_id, &hash("renewed 2"), false).await.unwrap();
    let second = added.expect("the organization is there");
    let new = hash("renewed anew");
    assert!(!host.accounts().replace_organization_secret(0x7fff_fff0, &new).await.unwrap());
    assert!(host.accounts().replace_organization_secret(organization_id, &new).await.unwrap());
    for (name, account) in [("renewed's first user", first), ("renewed 2", second)] {
        assert_eq!(find(host, name, Some("renewed")).await, None, "the former secret");
        assert_eq!(find(host, name, Some("renewed anew")).await, Some(account));
        assert_eq!(find(host, name, None).await, Some(account));
    }
    assert_eq!(find(host, "renewed beside's first user", Some("renewed beside")).await, Some(other));
    assert_eq!(users_count(host, organization_id).await, 2, "it is listed once");
    let joined = host.accounts().add_organization(&hash("renewed"), &hash("renewed 3")).await.unwrap();
    assert_ne!(joined.organization_id, organization_id, "the former secret names nobody");
}

/// A number that came again would give its new bearer what is the former one's.
pub async fn a_removed_user_is_not_found_and_their_numbers_do_not_come_again(host: &dyn Harness) {
    let first = organization(host, "left").await;
    let other = organization(host, "left beside").await;
    let organization_id = first.organization_id;
    let add = async |name: &str| {
        let added = host.accounts().add_user(organization_id, &hash(name), false).await.unwrap();
        added.expect("the organization is there")
    };
    let second = add("left 2").await;
    let noted = entry(organization_id, 5, "user removed");
    let remove = async |organization_id, user_id| {
        host.accounts().remove_user(organization_id, user_id, Some(&noted)).await.unwrap()
    };
    assert!(!remove(other.organization_id, second.user_id).await, "it is another organization's user");
    assert_eq!(find(host, "left 2", Some("left")).await, Some(second));
    let entries = async || host.accounts().audit(organization_id, None, 10).await.unwrap().rows;
    assert_eq!(entries().await, [], "what was not done is not noted");
    assert!(remove(organization_id, second.user_id).await);
    assert_eq!(entries().await, std::slice::from_ref(&noted));
    assert_eq!(find(host, "left 2", Some("left")).await, None);
    assert_eq!(find(host, "left 2", None).await, None);
    assert!(!remove(organization_id, second.user_id).await, "there is none any more");
    let anew = hash("left 2 anew");
    let revived = host.accounts().replace_user_secret(organization_id, second.user_id, &anew).await.unwrap();
    assert!(!revived, "nor a secret to replace");
    assert_eq!(find(host, "left 2 anew", None).await, None);
    assert_eq!(users(host, organization_id).await, [first]);
    assert_eq!(users_count(host, organization_id).await, 1);
    let third = add("left 3").await;
    assert!(third.user_id != second.user_id && third.account_id != second.account_id, "{third:?}");
    let again = add("left 2").await;
    assert_ne!(again.user_id, second.user_id, "the secret is free again, and somebody else's");
    assert_eq!(find(host, "left's first user", Some("left")).await, Some(first));
}
