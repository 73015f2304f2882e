//! What a scenario needs beside the interface.

use crate::client::Client;
use crate::outside::Outside;
use async_trait::async_trait;

/// Waits between delivery attempts, s: every platform is started with them.
pub const RETRY_DELAYS_S: [u64; 3] = [1, 2, 4];
/// The same, as `CARILLON_RETRY_DELAYS` wants them.
pub const RETRY_DELAYS: &str = "1,2,4";

/// Where every platform says that it is, as `CARILLON_PUBLIC_URL`. Providers are led to where it really is
/// ([`Outside::lead_to`]), as if a server that ends TLS stood before it.
pub const PUBLIC_URL: &str = "https://carillon.test";

/// Somewhere that Carillon runs, with the doubles as its providers.
#[async_trait(?Send)]
pub trait Platform: Sync {
    /// The doubles and the receiver.
    fn outside(&self) -> &Outside;
    /// The interface, as a user of the first organization.
    fn client(&self) -> &Client;
    /// What the host takes for its administrator's key.
    fn admin_key(&self) -> &str;
    /// Starts the same poll twice at once, as closely to what schedules do as the platform allows.
    async fn start_twice(&self, instance: u64);
    /// What there is of an instance behind the interface, in words: its schedule, its secrets, its rows.
    async fn leftovers(&self, instance: u64) -> Vec<String>;
}
