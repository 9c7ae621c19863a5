//! How fast a painting goes and how long it will take.

use std::collections::VecDeque;
use std::time::Duration;

use crate::transfer::StageStart;

/// Evaluations over which the speed is taken.
const WINDOW: usize = 20;

/// The speed of the stage at hand.
#[derive(Debug, Default)]
pub struct Pace {
    /// When each of the last evaluations ended, in monotonic time.
    ended: VecDeque<Duration>,
    /// Pixels of the stage at hand.
    pixels: usize,
    /// Work left in later stages, in evaluations times pixels.
    later: f64,
}

/// Speed and time left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// Evaluations in a second, lately.
    pub per_second: f64,
    /// Time left for the whole painting.
    pub left: Duration,
}

impl Pace {
    /// Begins a stage.
    pub fn stage(&mut self, start: &StageStart) {
        self.ended.clear();
        self.pixels = start.width * start.height;
        self.later = start.work_later;
    }

    /// Counts an evaluation that ended at `now`, with `left` evaluations of the stage to come.
    /// There is no speed before the second of a stage.
    pub fn evaluated(&mut self, now: Duration, left: usize) -> Option<Speed> {
        self.ended.push_back(now);
        if self.ended.len() > WINDOW {
            self.ended.pop_front();
        }
        let (first, last) = (self.ended.front()?, self.ended.back()?);
        let span = last.saturating_sub(*first).as_secs_f64();
        if span <= 0.0 {
            return None;
        }
        let per_second = count(self.ended.len() - 1) / span;
        let evaluations = count(left) + self.later / count(self.pixels.max(1));
        let left = Duration::try_from_secs_f64(evaluations / per_second).ok()?;
        Some(Speed { per_second, left })
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Device;

    fn start(width: usize, later: f64) -> StageStart {
        StageStart {
            stage: 1,
            of: 2,
            width,
            height: 10,
            iterations: 100,
            print_iter: 50,
            work_later: later,
            device: Device::Cpu,
        }
    }

    #[test]
    fn later_stages_count_by_their_pixels() {
        let mut pace = Pace::default();
        let seconds = Duration::from_secs;
        // 30 evaluations of four times the pixels are to come.
        pace.stage(&start(10, 30.0 * 400.0));
        assert_eq!(pace.evaluated(seconds(5), 11), None);
        let speed = pace.evaluated(seconds(7), 10).unwrap();
        assert!((speed.per_second - 0.5).abs() < 1e-9);
        assert_eq!(speed.left, seconds(2 * (10 + 120)));
    }

    #[test]
    fn only_the_last_evaluations_count_and_a_stopped_clock_is_no_speed() {
        let mut pace = Pace::default();
        pace.stage(&start(10, 0.0));
        pace.evaluated(Duration::ZERO, 6);
        assert_eq!(pace.evaluated(Duration::ZERO, 5), None);
        for i in 1..=40 {
            pace.evaluated(Duration::from_secs(100 + i), 0);
        }
        let speed = pace.evaluated(Duration::from_secs(141), 0).unwrap();
        assert!((speed.per_second - 1.0).abs() < 1e-9, "{speed:?}");
    }
}
