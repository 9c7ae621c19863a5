//! Is the system still telling of changes? Judged from outside, by what a look finds.
//!
//! A watcher can die without a word. So where a look finds a change, something must have been heard
//! by the next look at the latest; else the watcher is made anew. A change that raises no event (a
//! mapped file, a hard link elsewhere) leads to a new watcher for nothing, which costs nothing.

/// What is known about one watcher.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    /// How much had been heard by the last look.
    heard: u64,
    /// How much had been heard before a change that nothing told of.
    suspected_at: Option<u64>,
}

impl Liveness {
    /// Takes in that a look found a change, or none, when `heard` events had been heard since the
    /// beginning. Returns true if the watcher is to be made anew.
    pub(crate) fn looked(&mut self, has_changed: bool, heard: u64) -> bool {
        let is_dead = self.suspected_at == Some(heard);
        // An event that belongs to the change may be on its way yet.
        self.suspected_at = (has_changed && heard == self.heard && !is_dead).then_some(heard);
        self.heard = heard;
        is_dead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_nothing_told_of_by_the_next_look_means_a_dead_watcher() {
        let mut liveness = Liveness::default();
        assert!(!liveness.looked(false, 0));
        assert!(!liveness.looked(true, 0));
        assert!(liveness.looked(false, 0));
        assert!(!liveness.looked(false, 0), "made anew, it is trusted again");
    }

    #[test]
    fn an_event_that_comes_late_clears_it() {
        let mut liveness = Liveness::default();
        assert!(!liveness.looked(true, 0));
        assert!(!liveness.looked(true, 1));
        assert!(!liveness.looked(true, 2));
        assert!(!liveness.looked(false, 2));
        assert!(!liveness.looked(false, 2));
    }
}
