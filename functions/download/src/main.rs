//! The Lambda function `download`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    aws::download().await
}
