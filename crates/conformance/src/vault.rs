//! What every `Vault` must do.

/// The cases.
pub mod cases {
    use crate::sample::id;
    use app::ports::{Secrets, Vault, Written};
    use futures_util::future::join_all;

    fn secrets(value: &str) -> Secrets {
        [("oauth.api.secret".to_owned(), value.to_owned()), ("empty".to_owned(), String::new())].into()
    }

    /// With the version it was stored under.
    pub async fn what_is_stored_is_read_back(vault: &dyn Vault) {
        let id = id(1001);
        assert_eq!(vault.read(id).await.unwrap(), None);
        assert_eq!(vault.write(id, &secrets("ä \"1\""), 1).await.unwrap(), Written::Done);
        assert_eq!(vault.read(id).await.unwrap(), Some((secrets("ä \"1\""), 1)));
        assert_eq!(vault.write(id, &Secrets::new(), 2).await.unwrap(), Written::Done);
        assert_eq!(vault.read(id).await.unwrap(), Some((Secrets::new(), 2)));
    }

    /// Compare and set: also when both write at once.
    pub async fn the_loser_of_two_writers_writes_nothing(vault: &dyn Vault) {
        let id = id(1010);
        assert_eq!(
            vault.write(id, &secrets("early"), 2).await.unwrap(),
            Written::Conflict,
            "nothing is there"
        );
        assert_eq!(vault.write(id, &secrets("first"), 1).await.unwrap(), Written::Done);
        assert_eq!(vault.write(id, &secrets("again"), 1).await.unwrap(), Written::Conflict);
        assert_eq!(vault.write(id, &secrets("too far"), 3).await.unwrap(), Written::Conflict);
        assert_eq!(vault.read(id).await.unwrap(), Some((secrets("first"), 1)));
        let values: Vec<Secrets> = (0..8).map(|number| secrets(&number.to_string())).collect();
        let ended = join_all(values.iter().map(|value| vault.write(id, value, 2))).await;
        let winners: Vec<usize> = (0..8).filter(|index| matches!(ended[*index], Ok(Written::Done))).collect();
        assert_eq!(winners.len(), 1, "{ended:?}");
        assert_eq!(vault.read(id).await.unwrap(), Some((values[winners[0]].clone(), 2)));
    }

    /// Removing again is fine, and a new start begins at version 1.
    pub async fn what_is_removed_is_gone(vault: &dyn Vault) {
        let id = id(1020);
        vault.remove(id).await.unwrap();
        assert_eq!(vault.write(id, &secrets("one"), 1).await.unwrap(), Written::Done);
        vault.remove(id).await.unwrap();
        vault.remove(id).await.unwrap();
        assert_eq!(vault.read(id).await.unwrap(), None);
        assert_eq!(vault.write(id, &secrets("two"), 1).await.unwrap(), Written::Done);
    }

    /// One's secrets are not another's.
    pub async fn instances_are_apart(vault: &dyn Vault) {
        assert_eq!(vault.write(id(1030), &secrets("one"), 1).await.unwrap(), Written::Done);
        assert_eq!(vault.read(id(1031)).await.unwrap(), None);
        assert_eq!(vault.write(id(1031), &secrets("two"), 1).await.unwrap(), Written::Done);
        vault.remove(id(1031)).await.unwrap();
        assert_eq!(vault.read(id(1030)).await.unwrap(), Some((secrets("one"), 1)));
    }
}
