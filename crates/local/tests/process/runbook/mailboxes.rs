//! What ails mailboxes and their callbacks.

use super::Stage;
use doubles::FaultKind;
use scenarios::{Callback, Mailbox};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_an_event_did_not_arrive() {
    let stage = Stage::with_delays("missed", "3600").await;
    stage.callback.fail(503);
    let missed = stage.mailbox.deliver();
    stage.process.poll_until_read(stage.id).await;
    stage.callback.wait_for_posts(1).await;
    stage.until_refused(1).await;
    stage.desk().with("OBJECT", &missed.object).assert_answers("Why did this event not arrive?").await;
    stage.process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_a_mailbox_is_silent() {
    let stage = Stage::new("silent").await;
    stage.mailbox.revoke();
    stage.process.client.poll(stage.id).await;
    stage.desk().assert_answers("Why is this mailbox silent?").await;
    let code = json!({ "providerData": { "code": stage.mailbox.code() } });
    stage.process.client.done("PATCH", &format!("/instances/{}", stage.id), &code).await;
    stage.assert_goes_on().await;
    stage.process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_refuses() {
    let stage = Stage::new("refuses").await;
    stage.callback.fail(500);
    let waiting = stage.mailbox.deliver();
    stage.process.poll_until_read(stage.id).await;
    stage.until_suspended().await;
    stage.desk().assert_answers("A callback refuses").await;
    stage.callback.heal();
    stage.desk().assert_answers("The callback is mended: how does what waited go out?").await;
    stage.callback.wait_for(&[waiting]).await;
    stage.assert_goes_on().await;
    stage.process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_grows() {
    let stage = Stage::with_delays("grows", "3600").await;
    stage.callback.fail(503);
    for _ in 0..3 {
        stage.mailbox.deliver();
        stage.process.poll_until_read(stage.id).await;
    }
    stage.callback.wait_for_posts(3).await;
    stage.until_refused(3).await;
    stage.desk().assert_answers("The queue grows").await;
    stage.process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_is_out() {
    let stage = Stage::new("outage").await;
    let other = Mailbox::outlook(&stage.outside, "outage-other");
    let second = Mailbox::gmail(&stage.outside, "outage-second");
    stage.process.client.connect(&other, &stage.callback).await;
    let second_id = stage.process.client.connect(&second, &stage.callback).await.id;
    for mailbox in [&stage.mailbox, &second] {
        mailbox.double().fail_account(mailbox.address(), FaultKind::ServerError { status: 503 });
    }
    for id in [stage.id, second_id] {
        stage.process.client.poll(id).await;
    }
    stage.desk().assert_answers("A provider is out").await;
    for mailbox in [&stage.mailbox, &second] {
        mailbox.unlimit();
    }
    stage.assert_goes_on().await;
    stage.process.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_applications_secret_has_expired() {
    let stage = Stage::new("expired").await;
    let callback = Callback::new(&stage.outside, "expired-own");
    let mailbox = Mailbox::outlook(&stage.outside, "expired-own");
    let id = stage.process.client.connect(&mailbox, &callback).await.id;
    stage.outside.providers.microsoft.set_client(doubles::CLIENT_ID, "another secret");
    mailbox.double().expire_access_tokens(mailbox.address());
    stage.process.client.poll(id).await;
    stage.desk().assert_answers("The application's secret has expired").await;
    let secret = json!({ "configuration": { "oauth.api.secret": "another secret" } });
    stage.process.client.done("PATCH", &format!("/instances/{id}"), &secret).await;
    let told = mailbox.deliver();
    stage.process.poll_until_read(id).await;
    callback.wait_for(&[told]).await;
    stage.process.terminate().await;
}
