//! What the command line asks of `carillon cost`.

use clap::{Args, ValueEnum};

/// A stack, and what its mailboxes do.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Question {
    /// Mailboxes of the stack
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub mailboxes: u64,
    /// Minutes between two polls of a mailbox
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub interval: u32,
    /// Notifications of a mailbox in a day
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub notifications_per_day: u32,
    /// Mailboxes that an invocation polls; with 1 each has a schedule of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub mailboxes_per_tick: u32,
    /// Where refresh tokens are; both where it is left out
    #[arg(long)]
    pub secrets: Option<Storage>,
    /// Changes come by push; polls are beside it, hourly at most
    #[arg(long)]
    pub push: bool,
    /// Key of the connector; the dearest where it is left out
    #[arg(long, value_name = "KEY")]
    pub connector: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Where refresh tokens are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Storage {
    /// In the table, sealed with one data key
    Sealed,
    /// Each in a secret of its own
    SecretsManager,
}

impl Storage {
    /// All of them.
    pub const ALL: [Storage; 2] = [Storage::Sealed, Storage::SecretsManager];

    /// As the stack's parameter says it.
    pub fn name(self) -> &'static str {
        match self {
            Storage::Sealed => "sealed",
            Storage::SecretsManager => "secrets-manager",
        }
    }
}
