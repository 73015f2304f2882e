//! The Lambda function `api`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    aws::api().await
}
