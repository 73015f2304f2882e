//! Who is signed in.

use super::Harness;
use crate::sample::at;
use app::ports::{LookupHash, UserSession};
use futures_util::future::join_all;

fn session(number: u8, expires_s: i64) -> UserSession {
    UserSession { user: [number; 32], organization: [number + 1; 32], expires_at: at(expires_s) }
}

fn token(case: u8, number: u8) -> LookupHash {
    let mut token = [number; 32];
    token[0] = case;
    token
}

/// Until it expires or is ended, and under its own token only.
pub async fn are_found_until_they_end(host: &dyn Harness) {
    let sessions = host.sessions();
    let (one, other, unknown) = (token(1, 1), token(1, 2), token(1, 3));
    sessions.begin_session(&one, &session(1, 60)).await.unwrap();
    sessions.begin_session(&other, &session(3, 120)).await.unwrap();
    assert_eq!(sessions.user_session(&one, at(59)).await.unwrap(), Some(session(1, 60)));
    assert_eq!(sessions.user_session(&one, at(60)).await.unwrap(), None, "it has expired");
    assert_eq!(sessions.user_session(&unknown, at(0)).await.unwrap(), None);
    assert_eq!(sessions.end_session(&other, at(119)).await.unwrap(), Some(session(3, 120)));
    assert_eq!(sessions.user_session(&other, at(119)).await.unwrap(), None);
    assert_eq!(sessions.end_session(&one, at(60)).await.unwrap(), None, "nothing is left to take");
    assert_eq!(sessions.end_session(&unknown, at(0)).await.unwrap(), None);
}

/// A link signs in once, however many come at a time.
pub async fn are_taken_out_by_one(host: &dyn Harness) {
    let sessions = host.sessions();
    let link = token(2, 1);
    sessions.begin_session(&link, &session(5, 60)).await.unwrap();
    let taken = join_all((0..8).map(|_| sessions.end_session(&link, at(1)))).await;
    let taken: Vec<_> = taken.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, [session(5, 60)]);
}

/// By one of many who come at a time, and by nobody later; others are not concerned.
pub async fn what_counts_once_is_taken_by_one(host: &dyn Harness) {
    let sessions = host.sessions();
    let (one, other) = (token(4, 1), token(4, 2));
    let taken = join_all((0..8).map(|_| sessions.take_once(&one, at(60)))).await;
    assert_eq!(taken.into_iter().filter(|taken| *taken.as_ref().unwrap()).count(), 1);
    assert!(!sessions.take_once(&one, at(120)).await.unwrap());
    assert!(sessions.take_once(&other, at(60)).await.unwrap());
}

/// As they are now, after a replacement too.
pub async fn name_the_present_secrets(host: &dyn Harness) {
    let hash = |number: u8| token(3, number);
    let account = host.accounts().add_organization(&hash(1), &hash(2)).await.unwrap();
    let (organization_id, user_id) = (account.organization_id, account.user_id);
    let sessions = host.sessions();
    let secrets = async || sessions.secrets_of(organization_id, user_id).await.unwrap();
    assert_eq!(secrets().await, Some((hash(2), hash(1))));
    assert!(host.accounts().replace_user_secret(organization_id, user_id, &hash(3)).await.unwrap());
    assert!(host.accounts().replace_organization_secret(organization_id, &hash(4)).await.unwrap());
    assert_eq!(secrets().await, Some((hash(3), hash(4))));
    assert_eq!(sessions.secrets_of(organization_id + 1, user_id).await.unwrap(), None);
    assert!(host.accounts().remove_user(organization_id, user_id, None).await.unwrap());
    assert_eq!(secrets().await, None);
}
