//! What is counted, and how it is read: counters by one of a few words, and histograms with fixed bounds.

use chrono::Duration;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts, one for each of these words.
pub(super) struct Tally<const N: usize> {
    words: &'static [&'static str; N],
    counts: [AtomicU64; N],
}

impl<const N: usize> Tally<N> {
    pub(super) fn of(words: &'static [&'static str; N]) -> Self {
        Tally { words, counts: [const { AtomicU64::new(0) }; N] }
    }

    /// One more of the word at this place.
    pub(super) fn add(&self, place: usize) {
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Each word with its count, under this label and these others.
    pub(super) fn read(&self, label: &'static str, others: &[Label]) -> Vec<Sample> {
        let read = self.words.iter().zip(&self.counts).map(|(word, count)| Sample {
            labels: others.iter().cloned().chain([(label, (*word).to_owned())]).collect(),
            value: count.load(Ordering::Relaxed) as f64,
        });
        read.collect()
    }
}

/// Who is told each new time as well, in seconds.
pub type Listener = Box<dyn Fn(f64) + Send + Sync>;

/// How long things took. Reading while others write may miss the newest by one.
pub struct Histogram {
    bounds_s: &'static [f64],
    /// One more than bounds: what is beyond the last.
    counts: Vec<AtomicU64>,
    sum_us: AtomicU64,
    listener: OnceLock<Listener>,
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Histogram").field(&self.read(Vec::new())).finish()
    }
}

impl Histogram {
    /// With buckets up to these bounds, seconds, in order.
    pub fn new(bounds_s: &'static [f64]) -> Self {
        let counts = (0..=bounds_s.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram { bounds_s, counts, sum_us: AtomicU64::new(0), listener: OnceLock::new() }
    }

    /// The bounds that it was made with.
    pub fn bounds_s(&self) -> &'static [f64] {
        self.bounds_s
    }

    /// Tells this one too from now on. The first one stays.
    pub fn also_tell(&self, listener: Listener) {
        let _ = self.listener.set(listener);
    }

    /// Something took this long; two clocks that disagree make no time below zero.
    pub fn note(&self, took: Duration) {
        let us = u64::try_from(took.num_microseconds().unwrap_or(i64::MAX)).unwrap_or(0);
        let seconds = us as f64 / 1e6;
        let place = self.bounds_s.iter().position(|bound| seconds <= *bound).unwrap_or(self.bounds_s.len());
        self.counts[place].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
        if let Some(tell) = self.listener.get() {
            tell(seconds);
        }
    }

    /// What was noted so far.
    pub fn read(&self, labels: Vec<Label>) -> Distribution {
        let mut total = 0;
        let mut up_to = |count: &AtomicU64| {
            total += count.load(Ordering::Relaxed);
            total
        };
        let counts: Vec<u64> = self.counts.iter().map(&mut up_to).collect();
        Distribution {
            labels,
            buckets: self.bounds_s.iter().copied().zip(counts).collect(),
            count: total,
            sum_s: self.sum_us.load(Ordering::Relaxed) as f64 / 1e6,
        }
    }
}

/// A histogram and what it is called.
pub struct Timed<'a> {
    /// Its name, which ends in its unit.
    pub name: &'static str,
    /// What it tells, in one line.
    pub help: &'static str,
    /// What tells it from others of the name.
    pub labels: Vec<Label>,
    /// What was noted.
    pub histogram: &'a Histogram,
}

/// A label's name and its value, one of few.
pub type Label = (&'static str, String);

/// A metric as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name, which ends in its unit.
    pub name: &'static str,
    /// What it tells, in one line.
    pub help: &'static str,
    /// Its numbers.
    pub readings: Readings,
}

/// The numbers of a metric.
#[derive(Debug, Clone, PartialEq)]
pub enum Readings {
    /// Since the process began.
    Counters(Vec<Sample>),
    /// Now.
    Gauges(Vec<Sample>),
    /// Since the process began.
    Histograms(Vec<Distribution>),
}

/// One number.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What tells it from the metric's others.
    pub labels: Vec<Label>,
    /// The number.
    pub value: f64,
}

/// How long things took.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// What tells it from the metric's others.
    pub labels: Vec<Label>,
    /// Upper bounds, seconds, each with the number of those that took no longer.
    pub buckets: Vec<(f64, u64)>,
    /// All.
    pub count: u64,
    /// Their sum, seconds.
    pub sum_s: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_all_that_took_no_longer() {
        let histogram = Histogram::new(&[1.0, 5.0]);
        for ms in [-10, 400, 1_000, 1_001, 9_000] {
            histogram.note(Duration::milliseconds(ms));
        }
        let read = histogram.read(Vec::new());
        assert_eq!((read.buckets, read.count), (vec![(1.0, 3), (5.0, 4)], 5));
        assert!((read.sum_s - 11.401).abs() < 1e-9, "{}", read.sum_s);
    }

    #[test]
    fn each_word_has_its_count() {
        let tally = Tally::of(&["well", "badly"]);
        [1, 1, 0, 7].into_iter().for_each(|place| tally.add(place));
        let read = tally.read("outcome", &[("connector", "c".to_owned())]);
        let values: Vec<f64> = read.iter().map(|sample| sample.value).collect();
        assert_eq!(values, [1.0, 2.0]);
        assert_eq!(read[1].labels, [("connector", "c".to_owned()), ("outcome", "badly".to_owned())]);
    }
}
