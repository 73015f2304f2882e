//! The Lambda function `poll`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    aws::poll().await
}
