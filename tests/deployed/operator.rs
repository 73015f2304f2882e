//! What an operator does to a stack from outside.

use crate::stack::platform;
use scenarios::Platform as _;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organization_that_was_let_in_sees_nothing_of_the_first() {
    let stack = platform().await;
    let made = stack.admin("organizations add").await.remove(0);
    let secret = |key: &str| made[key].as_str().unwrap().to_owned();
    let authorization =
        format!("User {}, Organization {}", secret("userSecret"), secret("organizationSecret"));
    assert_eq!(stack.client().authorized(&authorization).get("/instances").await, json!([]));
}
