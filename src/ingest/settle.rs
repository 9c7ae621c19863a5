//! When is a bundle quiet? A pure machine over what was seen and a monotonic reading.
//!
//! A bundle is quiet once two looks at least the settle time apart, and every look between them,
//! saw the same members with the same stamps. Any difference starts its time anew.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::ingest::listing::Stamp;

/// Everything that makes up a bundle: change one, and the bundle has changed.
pub(crate) type Fingerprint = Vec<(PathBuf, Stamp)>;

/// The bundles seen at the last look, by their keys.
#[derive(Debug)]
pub(crate) struct Settling<K> {
    settle: Duration,
    seen: BTreeMap<K, Seen>,
}

#[derive(Debug)]
struct Seen {
    fingerprint: Fingerprint,
    since: Duration,
}

/// What a look at a bundle found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// The bundle is new or differs from the last look.
    pub(crate) changed: bool,
    /// When the bundle was first seen as it is.
    pub(crate) since: Duration,
    /// When it will have been quiet for the settle time; not later than now if it is quiet.
    pub(crate) quiet_at: Duration,
}

impl<K: Ord + Clone> Settling<K> {
    /// Returns a machine that knows no bundle.
    pub(crate) fn new(settle: Duration) -> Self {
        Self {
            settle,
            seen: BTreeMap::new(),
        }
    }

    /// Has bundles settle for `settle` from now on.
    pub(crate) fn wait(&mut self, settle: Duration) {
        self.settle = settle;
    }

    /// Notes how the bundle `key` looks at the monotonic reading `now`.
    pub(crate) fn look(&mut self, key: &K, fingerprint: &Fingerprint, now: Duration) -> Look {
        let unchanged = self
            .seen
            .get(key)
            .filter(|seen| seen.fingerprint == *fingerprint);
        let changed = unchanged.is_none();
        let since = unchanged.map_or(now, |seen| seen.since);
        if changed {
            let seen = Seen {
                fingerprint: fingerprint.clone(),
                since,
            };
            self.seen.insert(key.clone(), seen);
        }
        Look {
            changed,
            since,
            quiet_at: since + self.settle,
        }
    }

    /// Starts the bundle's time anew, as if it had just changed.
    pub(crate) fn restart(&mut self, key: &K, now: Duration) {
        if let Some(seen) = self.seen.get_mut(key) {
            seen.since = now;
        }
    }

    /// Forgets every bundle for which `keep` is false.
    pub(crate) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.seen.retain(|key, _| keep(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(lens: &[(&str, u64)]) -> Fingerprint {
        let stamp = |len| Stamp {
            len,
            ..Stamp::default()
        };
        lens.iter()
            .map(|(name, len)| (PathBuf::from(name), stamp(*len)))
            .collect()
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn quiet_after_the_settle_time_and_no_sooner() {
        let mut settling = Settling::new(seconds(5));
        let bundle = print(&[("a.content.jpg", 10)]);
        assert_eq!(
            settling.look(&"a", &bundle, seconds(100)),
            Look {
                changed: true,
                since: seconds(100),
                quiet_at: seconds(105)
            }
        );
        let later = settling.look(&"a", &bundle, seconds(104));
        assert_eq!(
            later,
            Look {
                changed: false,
                since: seconds(100),
                quiet_at: seconds(105)
            }
        );
    }

    #[test]
    fn a_change_or_a_new_member_restarts_the_whole_bundle() {
        let mut settling = Settling::new(seconds(5));
        let steps = [
            print(&[("a.content.jpg", 10)]),
            print(&[("a.content.jpg", 20)]),
            print(&[("a.content.jpg", 20), ("a.toml", 1)]),
            print(&[("a.content.jpg", 20)]),
        ];
        for (n, fingerprint) in (0..).zip(&steps) {
            let look = settling.look(&"a", fingerprint, seconds(4 * n));
            assert!(look.changed);
            assert_eq!(look.since, seconds(4 * n));
        }
    }

    #[test]
    fn every_stamp_field_counts_and_age_does_not() {
        let base = Stamp {
            len: 1,
            modified: (i64::MAX, 0),
            changed: (0, 0),
            inode: (1, 1),
        };
        let variants = [
            Stamp { len: 2, ..base },
            Stamp {
                modified: (-1, 0),
                ..base
            },
            Stamp {
                changed: (0, 1),
                ..base
            },
            Stamp {
                inode: (1, 2),
                ..base
            },
        ];
        let fingerprint = |stamp| vec![(PathBuf::from("x"), stamp)];
        for variant in variants {
            let mut settling = Settling::new(seconds(5));
            settling.look(&"a", &fingerprint(base), seconds(0));
            assert!(!settling.look(&"a", &fingerprint(base), seconds(1)).changed);
            assert!(
                settling
                    .look(&"a", &fingerprint(variant), seconds(2))
                    .changed
            );
        }
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let mut settling = Settling::new(seconds(5));
        let bundle = print(&[("a", 1)]);
        settling.look(&"a", &bundle, seconds(0));
        settling.retain(|_| false);
        assert!(settling.look(&"a", &bundle, seconds(9)).changed);
    }

    #[test]
    fn a_restart_begins_anew_without_a_change() {
        let mut settling = Settling::new(seconds(5));
        let bundle = print(&[("a", 1)]);
        settling.look(&"a", &bundle, seconds(0));
        settling.restart(&"a", seconds(6));
        let look = settling.look(&"a", &bundle, seconds(7));
        assert_eq!(
            look,
            Look {
                changed: false,
                since: seconds(6),
                quiet_at: seconds(11)
            }
        );
    }
}
