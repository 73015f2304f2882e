//! A process dies at each point of a return from the provider: either the link still works, or the mailbox is
//! connected.

use super::*;
use crate::health_events::{self, assert_told_once};

/// More than there are points at which a return can die.
const PASSAGES_COUNT_MAX: u64 = 80;

/// The token and code of a sign-in that is about to return.
async fn about_to_return(world: &World, connector: &str, token: &str) -> Value {
    let login = login(world, token, "s").await;
    let code = consent(login_page(world, connector), &login, user(connector), "s").await;
    returned(token, &code)
}

/// Whether the process got to its end before it would have died.
async fn return_and_die(world: &World, passages: u64, body: &Value) -> bool {
    world.gate.die_after(passages);
    world.gate.run(anybody(world, "/sign-in-links/return", body)).await.is_some()
}

#[tokio::test]
async fn signing_in_again_is_never_half_done() {
    for connector in CONNECTORS {
        let mut outcomes = [0, 0];
        for passages in 0..PASSAGES_COUNT_MAX {
            let mut world = World::reachable(641);
            health_events::set_address(&world).await;
            let id = connected(&world, connector).await;
            locked_out(&world, connector, id).await;
            world.receiver.take();
            let token = link_for(&world, id).await;
            let body = about_to_return(&world, connector, &token).await;
            let is_over = return_and_die(&world, passages, &body).await;
            world.restart();
            let valid = world.shown(id).await["valid"] == true;
            assert_eq!(
                status(&world, &token).await,
                if valid { "used" } else { "open" },
                "{connector} {passages}"
            );
            outcomes[usize::from(valid)] += 1;
            if !valid {
                let again = sign_in(&world, connector, &token, user(connector)).await;
                assert_eq!(again.status, 200, "{connector} {passages}: {}", again.body);
            }
            world.pass(Duration::minutes(5)).await;
            world.pass(Duration::hours(2)).await;
            assert_eq!(world.shown(id).await["health"]["status"], "healthy", "{connector} {passages}");
            let received = world.receiver.take();
            assert_told_once(&received, "mailbox.connected", passages);
            assert_told_once(&received, "mailbox.recovered", passages);
            if is_over {
                break;
            }
        }
        assert!(
            outcomes[0] > 3 && outcomes[1] > 1,
            "some died before the commit, some after it: {outcomes:?}"
        );
    }
}

#[tokio::test]
async fn a_new_mailbox_is_never_half_connected_nor_twice() {
    let mut outcomes = [0, 0];
    for passages in 0..PASSAGES_COUNT_MAX {
        let mut world = World::reachable(642);
        health_events::set_address(&world).await;
        let mut wanted = prepared("outlookemail", "");
        wanted.as_object_mut().unwrap().remove("providerData");
        let token = token_of(&world.call("POST", "/sign-in-links", &wanted).await);
        let body = about_to_return(&world, "outlookemail", &token).await;
        let is_over = return_and_die(&world, passages, &body).await;
        world.restart();
        let count = world.get("/instances").await.as_array().unwrap().len();
        assert_eq!(status(&world, &token).await, if count == 1 { "used" } else { "open" }, "{passages}");
        outcomes[count] += 1;
        if count == 0 {
            let again = sign_in(&world, "outlookemail", &token, OUTLOOK_USER).await;
            assert_eq!(again.status, 200, "{passages}: {}", again.body);
        }
        world.pass(Duration::minutes(5)).await;
        world.pass(Duration::hours(1)).await;
        let all = world.get("/instances").await;
        assert_eq!(all.as_array().unwrap().len(), 1, "{passages}");
        let id = InstanceId::parse(&all[0]["id"].to_string()).unwrap();
        assert_eq!(world.shown(id).await["health"]["status"], "healthy", "{passages}");
        assert_told_once(&world.receiver.take(), "mailbox.connected", passages);
        if is_over {
            break;
        }
    }
    assert!(outcomes[0] > 3 && outcomes[1] > 1, "some died before the commit, some after it: {outcomes:?}");
}
