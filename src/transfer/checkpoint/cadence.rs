//! When is a checkpoint due? A pure machine over a monotonic reading.
//!
//! The first after 5 s, the interval doubling to 60 s; and only where, by what writing cost so far,
//! all checkpoints together stay within 5 % of the run's time.

use std::time::Duration;

/// How often a run is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    /// After 5 s, then at intervals that double to 60 s, and at the ends of stages; never more than
    /// 5 % of the time.
    Usual,
    /// At the first iteration after so long, and at the ends of stages, whatever it costs.
    Every(Duration),
}

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_mins(1);

/// Most of the run's time that goes into checkpoints.
const SHARE: f64 = 0.05;

/// Bytes in a second that are expected before one was written.
const EXPECTED_RATE: f64 = 2e8;

/// The checkpoints of a run over time.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    cadence: Cadence,
    begun: Duration,
    last: Duration,
    interval: Duration,
    spent: Duration,
    /// Bytes in a second, as last measured.
    rate: f64,
}

impl Schedule {
    /// Begins at the monotonic reading `now`.
    pub(super) fn new(cadence: Cadence, now: Duration) -> Self {
        Self {
            cadence,
            begun: now,
            last: now,
            interval: match cadence {
                Cadence::Usual => FIRST,
                Cadence::Every(interval) => interval,
            },
            spent: Duration::ZERO,
            rate: EXPECTED_RATE,
        }
    }

    /// Returns true if a checkpoint of so many bytes is due at `now`.
    pub(super) fn is_due(&self, now: Duration, bytes: u64) -> bool {
        now.saturating_sub(self.last) >= self.interval && self.is_affordable(now, bytes)
    }

    /// Returns true if a checkpoint of so many bytes may be written at `now`.
    pub(super) fn is_affordable(&self, now: Duration, bytes: u64) -> bool {
        if self.cadence != Cadence::Usual {
            return true;
        }
        let expected = seconds(bytes, self.rate);
        let run = now.saturating_sub(self.begun).as_secs_f64() + expected;
        self.spent.as_secs_f64() + expected <= SHARE * run
    }

    /// Notes that so many bytes were written, or as good as, from `since` to `now`.
    pub(super) fn wrote(&mut self, since: Duration, now: Duration, bytes: u64) {
        let took = now.saturating_sub(since);
        self.spent += took;
        self.last = now;
        if self.cadence == Cadence::Usual {
            self.interval = (self.interval * 2).min(LONGEST);
        }
        if !took.is_zero() {
            self.rate = rate(bytes, took);
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a forecast")]
fn seconds(bytes: u64, rate: f64) -> f64 {
    bytes as f64 / rate.max(1.0)
}

#[allow(clippy::cast_precision_loss, reason = "a measurement")]
fn rate(bytes: u64, took: Duration) -> f64 {
    bytes as f64 / took.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Plays a run whose checkpoints have `bytes` and are written at `rate` bytes a second; returns
    /// when each began, and what share of the time they took.
    fn play(cadence: Cadence, bytes: u64, rate: f64, run: Duration) -> (Vec<Duration>, f64) {
        let step = Duration::from_millis(100);
        let mut now = 7 * SECOND;
        let mut schedule = Schedule::new(cadence, now);
        let (mut begins, mut spent) = (Vec::new(), 0.0);
        while now < 7 * SECOND + run {
            now += step;
            if schedule.is_due(now, bytes) {
                begins.push(now.saturating_sub(7 * SECOND));
                let since = now;
                now += Duration::from_secs_f64(seconds(bytes, rate));
                spent += seconds(bytes, rate);
                schedule.wrote(since, now, bytes);
            }
        }
        (begins, spent / now.saturating_sub(7 * SECOND).as_secs_f64())
    }

    #[test]
    fn a_cheap_checkpoint_comes_after_five_seconds_and_then_ever_more_seldom() {
        let (begins, _) = play(Cadence::Usual, 0, 1e9, 400 * SECOND);
        let expected = [5, 15, 35, 75, 135, 195, 255, 315, 375];
        assert_eq!(begins, expected.map(Duration::from_secs));
    }

    #[test]
    fn the_share_holds_whatever_the_disk_does() {
        for rate in [1e6, 1e7, 1e8, 1e9] {
            for bytes in [1_000_000, 50_000_000, 1_000_000_000] {
                let (begins, share) = play(Cadence::Usual, bytes, rate, 4000 * SECOND);
                // Only the first is written at an unknown rate.
                let first = seconds(bytes, rate) / 4000.0;
                assert!(share <= SHARE.max(first), "{bytes} at {rate}: {share}");
                assert!(!begins.is_empty(), "{bytes} at {rate}");
            }
        }
    }

    #[test]
    fn a_given_interval_holds_whatever_it_costs() {
        let (begins, share) = play(Cadence::Every(SECOND), 1_000_000, 1e6, 100 * SECOND);
        assert!(begins.len() >= 48 && share > 0.4, "{begins:?}");
        let schedule = Schedule::new(Cadence::Every(Duration::ZERO), SECOND);
        assert!(schedule.is_due(SECOND, u64::MAX));
    }
}
