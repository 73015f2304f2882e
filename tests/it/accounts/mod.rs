//! Organizations, users, their secrets and limits, and the record of what they changed.

mod applications;
mod audit;
mod isolation;
mod limits;
mod secrets;

use crate::world::{ADMIN_KEY, Reply, World};
use serde_json::{Value, json};

/// Calls with the administrator's key.
async fn admin(world: &World, method: &str, path: &str, body: &Value) -> Reply {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    world.call_as(&format!("Admin {ADMIN_KEY}"), method, path, &text).await
}

/// A new organization with its first user.
struct Member {
    organization_id: u64,
    user_id: u64,
    account_id: u64,
    organization_secret: String,
    user_secret: String,
}

impl Member {
    fn authorization(&self) -> String {
        format!("User {}, Organization {}", self.user_secret, self.organization_secret)
    }
}

async fn another_organization(world: &World) -> Member {
    let reply = admin(world, "POST", "/organizations", &Value::Null).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let user = &reply.body["user"];
    Member {
        organization_id: reply.body["id"].as_u64().unwrap(),
        user_id: user["id"].as_u64().unwrap(),
        account_id: user["accountId"].as_u64().unwrap(),
        organization_secret: text(&reply.body["organizationSecret"]),
        user_secret: text(&user["userSecret"]),
    }
}

/// A user of the world's organization.
async fn another_user(world: &World, sees_all: bool) -> Member {
    let reply = admin(world, "POST", "/organizations/1/users", &json!({ "seesAll": sees_all })).await;
    assert_eq!((reply.status, &reply.body["seesAll"]), (200, &json!(sees_all)), "{}", reply.body);
    Member {
        organization_id: 1,
        user_id: reply.body["id"].as_u64().unwrap(),
        account_id: reply.body["accountId"].as_u64().unwrap(),
        organization_secret: "world-organization".to_owned(),
        user_secret: reply.body["userSecret"].as_str().unwrap().to_owned(),
    }
}
