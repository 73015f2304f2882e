//! The list of connectors: one line each.

use crate::{Connector, gmail, googlecalendar, outlook};
use std::sync::Arc;

/// All connectors, in the order of the catalogue.
#[rustfmt::skip] // one line each
pub fn registry() -> Vec<Arc<dyn Connector>> {
    vec![
        Arc::new(gmail::Gmail),
        Arc::new(outlook::Outlook),
        Arc::new(googlecalendar::GoogleCalendar),
    ]
}
