//! Stretches of large fleets, kept for a while by the process that read them.
//!
//! Where a host reads a fleet in stretches, a count of all costs it thousands of reads, and open pages count again every
//! few seconds. Counts may be so old, and say so; lists read what they show.

use crate::ports::FleetPage;
use chrono::{DateTime, Duration, Utc};
use domain::ids::InstanceId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A stretch is counted again after so long, seconds.
const KEPT_S: i64 = 60;
/// Instances kept, about half a kilobyte each. Beyond it stretches are read each time.
const ROWS_COUNT_MAX: usize = 50_000;

/// An organization, and behind which instance the stretch begins.
type StretchPlace = (u32, Option<InstanceId>);

/// A stretch, and when it was read.
#[derive(Clone)]
pub(crate) struct KeptStretch {
    pub(crate) page: Arc<FleetPage>,
    pub(crate) read_at: DateTime<Utc>,
}

/// What this process keeps.
#[derive(Default)]
pub(crate) struct KeptFleet(Mutex<HashMap<StretchPlace, KeptStretch>>);

impl KeptFleet {
    pub(crate) fn get(&self, place: StretchPlace, now: DateTime<Utc>) -> Option<KeptStretch> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&place).filter(|one| is_fresh(one, now)).cloned()
    }

    pub(crate) fn put(&self, place: StretchPlace, stretch: KeptStretch, now: DateTime<Utc>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, one| is_fresh(one, now));
        let rows_count: usize = kept.values().map(|one| one.page.rows.len()).sum();
        if rows_count + stretch.page.rows.len() <= ROWS_COUNT_MAX {
            kept.insert(place, stretch);
        }
    }
}

/// Also one from before the clock was set back is not.
fn is_fresh(stretch: &KeptStretch, now: DateTime<Utc>) -> bool {
    (now - stretch.read_at).abs() < Duration::seconds(KEPT_S)
}
