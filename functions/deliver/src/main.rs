//! The Lambda function `deliver`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    aws::deliver().await
}
