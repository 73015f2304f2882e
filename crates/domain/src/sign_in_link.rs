//! A link by which a mailbox's owner signs in at the provider, without an account here.

use crate::ids::InstanceId;
use crate::instance::Account;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// A link is valid for so long where its maker says nothing, hours.
pub const VALID_HOURS: i64 = 72;
/// It may be valid for so long, seconds: five minutes to two weeks.
pub const VALID_S_MIN: u32 = 300;
/// The most, seconds.
pub const VALID_S_MAX: u32 = 14 * 24 * 3600;
/// Returns from the provider that a link takes, with whatever they bring: a person errs a few times.
pub const TRIES_COUNT_MAX: u32 = 20;
/// An expired link is still called one for so long, days; then it is forgotten.
pub const KEPT_DAYS: i64 = 1;

/// What a link is found by. The instance is part of its token, so that the links of an instance go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkKey {
    /// The instance that it is bound to, if it is.
    pub instance: Option<InstanceId>,
    /// Keyed hash of the whole token.
    pub hash: [u8; 32],
}

/// What a sign-in by a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPurpose {
    /// This instance goes on.
    Again(InstanceId),
    /// A new instance.
    Connect,
}

/// A link as it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInLink {
    /// Who made it; a new instance becomes theirs.
    pub account: Account,
    /// Key of the connector.
    pub connector: String,
    /// Who asks, in their own words.
    pub asked_by: String,
    /// What it leads to.
    pub purpose: LinkPurpose,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// A link with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLink {
    /// As it was made.
    pub link: SignInLink,
    /// The creation that it stands for, sealed; gone once it was used.
    pub creation_sealed: Option<String>,
    /// Returns from the provider so far.
    pub tries_count: u32,
    /// The instance that somebody signed in to with it.
    pub spent_on: Option<InstanceId>,
}

/// What can be done with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkStanding {
    /// Somebody may sign in.
    Open,
    /// Somebody did, to this instance.
    Spent(InstanceId),
    /// Its time is over.
    Expired,
    /// It was tried too often.
    Exhausted,
}

impl SignInLink {
    /// Until when it is kept.
    pub fn kept_until(&self) -> DateTime<Utc> {
        self.expires_at + Duration::days(KEPT_DAYS)
    }

    /// The instance that it is bound to.
    pub fn instance(&self) -> Option<InstanceId> {
        match self.purpose {
            LinkPurpose::Again(id) => Some(id),
            LinkPurpose::Connect => None,
        }
    }
}

impl StoredLink {
    /// What can be done with it by now.
    pub fn standing(&self, now: DateTime<Utc>) -> LinkStanding {
        match self.spent_on {
            Some(id) => LinkStanding::Spent(id),
            None if self.link.expires_at <= now => LinkStanding::Expired,
            None if self.tries_count >= TRIES_COUNT_MAX => LinkStanding::Exhausted,
            None => LinkStanding::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_open_until_it_is_used_or_its_time_or_tries_are_over() {
        let at = |second: i64| DateTime::from_timestamp(1_795_348_800 + second, 0).unwrap();
        let id = InstanceId::from_bytes([0, 0, 0, 7]);
        let account = Account { organization_id: 1, account_id: 1, user_id: 1, sees_own_only: false };
        let link = SignInLink {
            account,
            connector: "mail".to_owned(),
            asked_by: "Example".to_owned(),
            purpose: LinkPurpose::Again(id),
            expires_at: at(60),
        };
        let new = StoredLink { link, creation_sealed: None, tries_count: 0, spent_on: None };
        assert_eq!(new.standing(at(59)), LinkStanding::Open);
        assert_eq!(new.standing(at(60)), LinkStanding::Expired);
        let tried = |tries_count| StoredLink { tries_count, ..new.clone() };
        assert_eq!(tried(TRIES_COUNT_MAX - 1).standing(at(0)), LinkStanding::Open);
        assert_eq!(tried(TRIES_COUNT_MAX).standing(at(0)), LinkStanding::Exhausted);
        let spent = StoredLink { spent_on: Some(id), ..tried(TRIES_COUNT_MAX) };
        assert_eq!(spent.standing(at(61)), LinkStanding::Spent(id));
    }
}
