//! When a job is tried again, and when no more: a pure function of the failure and of how many
//! attempts in a row brought no newer checkpoint.
//!
//! What would end the same way every time fails at once. A shortage is waited out and is no reason
//! to give up. Everything else may be an accident and is tried again, three times in a row.

use std::time::Duration;

use crate::job::FailureKind;
use crate::job::Lack;

/// How many attempts in a row may bring no newer checkpoint before a job fails.
pub const TRIES_MAX: u32 = 3;

/// How long to wait before another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After an attempt that brought something, or the first that brought nothing.
    pub first: Duration,
    /// After further ones.
    pub later: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(10),
            later: Duration::from_mins(1),
        }
    }
}

impl Backoff {
    /// Returns the wait after `tries` attempts in a row that brought no newer checkpoint.
    pub fn after(&self, tries: u32) -> Duration {
        if tries <= 1 { self.first } else { self.later }
    }
}

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt after this time.
    Again(Duration),
    /// The job waits until there is more of what was short.
    Wait(Lack),
    /// The job fails: the same would happen again.
    Fail,
    /// The job fails: it was tried often enough.
    GiveUp,
}

/// Decides what follows an attempt that failed so, when `tries` attempts in a row, this one
/// counted, brought no newer checkpoint.
pub(super) fn next(kind: FailureKind, tries: u32, backoff: Backoff) -> Next {
    match kind {
        FailureKind::Input | FailureKind::Network | FailureKind::Numbers => Next::Fail,
        FailureKind::Disk => Next::Wait(Lack::Disk),
        FailureKind::Memory => Next::Wait(Lack::Memory),
        FailureKind::Device | FailureKind::Worker | FailureKind::Internal => {
            if tries >= TRIES_MAX {
                Next::GiveUp
            } else {
                Next::Again(backoff.after(tries))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_way() {
        let backoff = Backoff::default();
        let (ten, minute) = (Duration::from_secs(10), Duration::from_mins(1));
        let again = |kind| [0, 1, 2, 3, 4].map(|tries| next(kind, tries, backoff));
        for kind in [
            FailureKind::Device,
            FailureKind::Worker,
            FailureKind::Internal,
        ] {
            let ways = [
                Next::Again(ten),
                Next::Again(ten),
                Next::Again(minute),
                Next::GiveUp,
                Next::GiveUp,
            ];
            assert_eq!(again(kind), ways, "{kind:?}");
        }
        for kind in [
            FailureKind::Input,
            FailureKind::Network,
            FailureKind::Numbers,
        ] {
            assert_eq!(again(kind), [Next::Fail; 5], "{kind:?}");
        }
        assert_eq!(again(FailureKind::Disk), [Next::Wait(Lack::Disk); 5]);
        assert_eq!(again(FailureKind::Memory), [Next::Wait(Lack::Memory); 5]);
    }
}
