//! What was asked of a double, in order.

use std::collections::VecDeque;

/// One request as it was served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The status answered; 0 while unanswered, and for good if the caller left before the answer.
    pub status: u16,
    /// When the request came in, microseconds since the Unix epoch.
    pub at_us: i64,
    /// Of a batch: path and query of each request in it.
    pub parts: Vec<String>,
}

impl RequestLine {
    /// Path and query of what is asked: of a batch those of each request in it.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        let own = self.parts.is_empty().then_some(self.target.as_str());
        own.into_iter().chain(self.parts.iter().map(String::as_str))
    }

    /// How many requests it counts for at the provider: a batch for those in it.
    pub fn count(&self) -> usize {
        self.parts.len().max(1)
    }
}

/// Enough to look back over a long run without growing with it.
const LINES_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    lines: VecDeque<RequestLine>,
    /// Number of lines that left at the front, so that a line keeps its number.
    dropped: u64,
}

impl RequestLog {
    pub(crate) fn begin(&mut self, method: String, target: String, at_us: i64, parts: Vec<String>) -> u64 {
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(RequestLine { method, target, status: 0, at_us, parts });
        self.dropped + self.lines.len() as u64 - 1
    }

    pub(crate) fn finish(&mut self, number: u64, status: u16) {
        let index = number.checked_sub(self.dropped).and_then(|index| usize::try_from(index).ok());
        if let Some(line) = index.and_then(|index| self.lines.get_mut(index)) {
            line.status = status;
        }
    }

    pub(crate) fn lines(&self) -> Vec<RequestLine> {
        self.lines.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.dropped += self.lines.len() as u64;
        self.lines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_is_bounded_and_lines_keep_their_number() {
        let mut log = RequestLog::default();
        let first = log.begin("GET".to_owned(), "/first".to_owned(), 0, Vec::new());
        for at_us in 1..=LINES_MAX as i64 {
            let number = log.begin("GET".to_owned(), format!("/{at_us}"), at_us, Vec::new());
            log.finish(number, 200);
        }
        log.finish(first, 500);
        assert_eq!(log.lines().len(), LINES_MAX);
        assert!(log.lines().iter().all(|line| line.status == 200));
        log.clear();
        assert!(log.lines().is_empty());
    }
}
