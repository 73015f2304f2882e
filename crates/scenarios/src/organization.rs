//! An organization of a scenario's own, made by the administrator through the interface.

use crate::client::Client;
use crate::platform::Platform;
use serde_json::{Value, json};

/// An organization and a user who sees all of it.
pub struct Organization {
    /// Id of the organization.
    pub id: u64,
    /// Calls as its first user.
    pub client: Client,
    secret: String,
}

impl Organization {
    /// Creates one.
    pub async fn new(platform: &dyn Platform) -> Self {
        let administrator = administrator(platform);
        let made = administrator.done("POST", "/organizations", &Value::Null).await;
        let secret = text(&made, "organizationSecret");
        let authorization = format!("User {}, Organization {secret}", text(&made["user"], "userSecret"));
        let id = made["id"].as_u64().unwrap();
        assert_eq!((&made["user"]["organizationId"], &made["user"]["seesAll"]), (&id.into(), &true.into()));
        Organization { id, client: administrator.authorized(&authorization), secret }
    }

    /// One more user, and their number.
    pub async fn add_user(&self, sees_all: bool) -> (u64, Client) {
        let path = format!("/organizations/{}/users", self.id);
        let made = self.client.done("POST", &path, &json!({ "seesAll": sees_all })).await;
        assert_eq!(made["seesAll"], sees_all);
        (made["id"].as_u64().unwrap(), self.authorized(&text(&made, "userSecret"), &self.secret))
    }

    /// With these secrets.
    pub fn authorized(&self, user_secret: &str, organization_secret: &str) -> Client {
        self.client.authorized(&format!("User {user_secret}, Organization {organization_secret}"))
    }
}

/// Who holds the administrator's key.
pub(crate) fn administrator(platform: &dyn Platform) -> Client {
    platform.client().authorized(&format!("Admin {}", platform.admin_key()))
}

/// A text that must be there.
#[track_caller]
pub(crate) fn text(object: &Value, key: &str) -> String {
    object[key].as_str().unwrap_or_else(|| panic!("`{key}` is no text in {object}")).to_owned()
}
