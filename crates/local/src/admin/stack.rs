//! Administering a stack on AWS: `carillon admin --aws …`.

use super::{Action, Desk, Request, Say, run_at};
use anyhow::Context as _;
use app::admin::Others;
use app::ports::Clock as _;
use aws::admin::StackAdministration;
use aws::{Clients, DataKeys, Environment, Stack};
use std::sync::Arc;
use system::{SystemClock, SystemEntropy};

/// Does what was asked, on the stack that the environment names.
pub async fn run(environment: &Environment, request: &Request, say: Say) -> anyhow::Result<()> {
    let clients = Clients::for_an_operator(environment).await;
    let now = SystemClock.now();
    let secret = &environment.data_key_secret;
    if request.action == Action::RotateDataKey {
        let rotation = aws::rotate(&clients.secrets, secret, &SystemEntropy, now).await?;
        return say(&format!(
            "data key {} opens from now on and seals from {}",
            rotation.id, rotation.seals_from
        ));
    }
    let keys = DataKeys::read(&clients.secrets, secret).await?;
    let http = Arc::new(aws::egress(environment).context("making the HTTP client")?);
    let stack = Stack::new(environment, &clients, http, Arc::new(keys.sealer(now)));
    let app = stack.app.clone();
    let host = Arc::new(StackAdministration::new(stack, &clients, environment));
    run_at(&Desk { app, host, others: Others::Running }, request, say).await
}
