//! Administering a stack on AWS: `carillon admin --aws …`.

use super::{Action, DataKeyChange, Desk, Request, Say, run_at};
use app::admin::Others;
use app::ports::Clock as _;
use aws::Environment;
use std::sync::Arc;
use system::SystemClock;

/// Does what was asked, on the stack that the environment names.
pub async fn run(environment: &Environment, request: &Request, say: Say) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let (stack, administration) = aws::admin::open(environment, now).await?;
    if request.action == (Action::DataKey { change: DataKeyChange::Rotate }) {
        let rotation = administration.rotate_data_key(now).await?;
        return say(&format!(
            "data key {} opens from now on and seals from {}",
            rotation.id, rotation.seals_from
        ));
    }
    let desk = Desk {
        app: stack.app,
        host: Arc::new(administration),
        accounts: Arc::new(stack.store),
        others: Others::Running,
        console_url: environment.app.public_url.clone(),
    };
    run_at(&desk, request, say).await
}
