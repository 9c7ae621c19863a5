//! How long is too long without progress? A pure machine over a monotonic reading.
//!
//! The first progress may take long (loading, graph optimisation), and so may that after a note,
//! which announces another stage. Else ten times the median gap between signs of life is allowed,
//! and never less than a fixed time.

use std::time::Duration;

use crate::protocol::Event;
use crate::supervisor::Limits;

/// How many of the latest gaps are remembered.
const N_GAPS: usize = 31;

/// When a worker will count as hanging.
#[derive(Debug)]
pub(super) struct Stall {
    least: Duration,
    beginning: Duration,
    allowance: Duration,
    last: Duration,
    gaps: Vec<Duration>,
    has_progressed: bool,
}

impl Stall {
    /// Starts at the monotonic reading `now`.
    pub(super) fn new(limits: &Limits, now: Duration) -> Self {
        Self {
            least: limits.stall,
            beginning: limits.first_progress.max(limits.stall),
            allowance: limits.first_progress.max(limits.stall),
            last: now,
            gaps: Vec::new(),
            has_progressed: false,
        }
    }

    /// Notes an event at the monotonic reading `now`.
    pub(super) fn note(&mut self, event: &Event, now: Duration) {
        let gap = now.saturating_sub(self.last);
        self.last = now;
        if matches!(event, Event::Note { .. }) {
            // What follows may be another stage, with targets to measure and a graph to prepare:
            // as slow as a beginning.
            self.has_progressed = false;
            self.gaps.clear();
            self.allowance = self.beginning;
        }
        if !matches!(event, Event::Progress { .. }) {
            return;
        }
        if self.has_progressed {
            self.gaps.push(gap);
            if self.gaps.len() > N_GAPS {
                self.gaps.remove(0);
            }
            let mut sorted = self.gaps.clone();
            sorted.sort();
            self.allowance = self.least.max(10 * sorted[sorted.len() / 2]);
        }
        self.has_progressed = true;
    }

    /// Returns the longest silence that is allowed now.
    pub(super) fn allowance(&self) -> Duration {
        self.allowance
    }

    /// Returns the monotonic reading at which the worker counts as hanging.
    pub(super) fn deadline(&self) -> Duration {
        self.last + self.allowance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Event {
        let terms = Vec::new();
        let (loss, its_per_s) = (1.0, 1.0);
        Event::Progress {
            stage: 1,
            iteration: 1,
            of: 9,
            loss,
            terms,
            its_per_s,
            eta_s: None,
        }
    }

    #[test]
    fn patience_follows_the_pace() {
        let second = Duration::from_secs(1);
        let limits = Limits::default();
        let mut stall = Stall::new(&limits, 5 * second);
        assert_eq!(stall.deadline(), 5 * second + limits.first_progress);
        stall.note(
            &Event::Note {
                text: String::new(),
            },
            50 * second,
        );
        assert_eq!(stall.deadline(), 50 * second + limits.first_progress);
        stall.note(&progress(), 100 * second);
        assert_eq!(stall.allowance(), limits.first_progress);
        stall.note(&progress(), 101 * second);
        assert_eq!(stall.deadline(), 101 * second + limits.stall);
        for n in 0..40 {
            stall.note(&progress(), (200 + 30 * n) * second);
        }
        assert_eq!(stall.allowance(), 300 * second);
        let text = "stage 2 of 2".to_owned();
        stall.note(&Event::Note { text }, 2000 * second);
        assert_eq!(stall.deadline(), 2000 * second + limits.first_progress);
        stall.note(&progress(), 2500 * second);
        stall.note(&progress(), 2501 * second);
        assert_eq!(stall.allowance(), limits.stall);
    }
}
