//! What accounts are set to.

use super::Harness;
use domain::settings::Items;

fn items(pairs: &[(&str, &str)]) -> Items {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// What is not named stays as it is.
pub async fn are_merged(host: &dyn Harness) {
    let accounts = host.accounts();
    assert_eq!(accounts.settings(61_001, 1).await.unwrap(), Items::new());
    accounts.put_settings(61_001, 1, &items(&[("a.policy", "retry"), ("b", "")])).await.unwrap();
    accounts.put_settings(61_001, 1, &items(&[("a.policy", "queue \"ü\""), ("c", "3")])).await.unwrap();
    let merged = items(&[("a.policy", "queue \"ü\""), ("b", ""), ("c", "3")]);
    assert_eq!(accounts.settings(61_001, 1).await.unwrap(), merged);
    accounts.put_settings(61_001, 1, &Items::new()).await.unwrap();
    assert_eq!(accounts.settings(61_001, 1).await.unwrap(), merged);
}

/// Neither another account's nor another organization's show.
pub async fn are_of_one_account(host: &dyn Harness) {
    let accounts = host.accounts();
    for (organization_id, account_id, value) in [(61_011, 1, "x"), (61_011, 2, "y"), (61_012, 1, "z")] {
        accounts.put_settings(organization_id, account_id, &items(&[("key", value)])).await.unwrap();
    }
    assert_eq!(accounts.settings(61_011, 1).await.unwrap(), items(&[("key", "x")]));
    assert_eq!(accounts.settings(61_011, 2).await.unwrap(), items(&[("key", "y")]));
    assert_eq!(accounts.settings(61_012, 1).await.unwrap(), items(&[("key", "z")]));
    assert_eq!(accounts.settings(61_012, 2).await.unwrap(), Items::new());
}
