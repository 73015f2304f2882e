//! What waits for its time.

use std::collections::BTreeMap;

/// Things to do, in the order of their times; of one time, in the order in which they came.
#[derive(Debug)]
pub(crate) struct DueQueue<T> {
    waiting: BTreeMap<(i64, u64), T>,
    count: u64,
}

impl<T> Default for DueQueue<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), count: 0 }
    }
}

impl<T> DueQueue<T> {
    pub(crate) fn push(&mut self, at_us: i64, thing: T) {
        self.count += 1;
        self.waiting.insert((at_us, self.count), thing);
    }

    /// When the first of them is due.
    pub(crate) fn next_us(&self) -> Option<i64> {
        self.waiting.first_key_value().map(|((at_us, _), _)| *at_us)
    }

    pub(crate) fn take(&mut self, now_us: i64) -> Option<T> {
        let first = self.waiting.first_entry().filter(|first| first.key().0 <= now_us)?;
        Some(first.remove())
    }

    /// Those that are due and go with something, at the most so many.
    pub(crate) fn take_all(&mut self, now_us: i64, count_max: usize, goes: impl Fn(&T) -> bool) -> Vec<T> {
        let due = self.waiting.range(..=(now_us, u64::MAX)).filter(|(_, thing)| goes(thing));
        let keys: Vec<(i64, u64)> = due.map(|(key, _)| *key).take(count_max).collect();
        keys.iter().filter_map(|key| self.waiting.remove(key)).collect()
    }

    /// Makes some of them due now.
    pub(crate) fn hurry(&mut self, now_us: i64, is_meant: impl Fn(&T) -> bool) {
        let meant = self.waiting.iter().filter(|((at_us, _), thing)| *at_us > now_us && is_meant(thing));
        let keys: Vec<(i64, u64)> = meant.map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(thing) = self.waiting.remove(&key) {
                self.push(now_us, thing);
            }
        }
    }

    pub(crate) fn any(&self, is_meant: impl Fn(&T) -> bool) -> bool {
        self.waiting.values().any(is_meant)
    }
}
