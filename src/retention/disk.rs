//! How full a disk is, and when that is worth telling.

use std::path::Path;

use crate::retention::RetentionError;

const MIB: u64 = 1 << 20;
/// A disk is low below a fiftieth of its size, but not below less than this,
const LEAST: u64 = 512 * MIB;
/// and not with more than this.
const MOST: u64 = 5 << 30;
/// A disk is low when fewer files than this can be made on it, where that is limited at all.
const LEAST_FILES: u64 = 1000;

/// What a filesystem has, for those who are not root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Its size in bytes.
    pub total: u64,
    /// What is free of it.
    pub free: u64,
    /// How many files it can hold; 0 where it has no such limit.
    pub total_files: u64,
    /// How many more files can be made.
    pub free_files: u64,
}

impl Disk {
    /// Asks the filesystem that `path` lies on.
    pub fn at(path: &Path) -> Result<Self, RetentionError> {
        let stat = rustix::fs::statvfs(path).map_err(|errno| RetentionError::Io {
            what: "ask for the free space at",
            path: path.to_owned(),
            source: errno.into(),
        })?;
        Ok(Self {
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            total_files: stat.f_files,
            free_files: stat.f_favail,
        })
    }

    /// Returns below how many free bytes it is low.
    pub fn low_mark(&self) -> u64 {
        (self.total / 50).clamp(LEAST.min(self.total / 4), MOST)
    }

    /// Returns true if there is little room for bytes or for files.
    pub fn is_low(&self) -> bool {
        self.free < self.low_mark() || self.lacks_files(LEAST_FILES)
    }

    fn lacks_files(&self, least: u64) -> bool {
        self.total_files > 0 && self.free_files < least.min(self.total_files / 10)
    }

    /// Returns true if a disk that was low has room again: a quarter more than the mark.
    fn has_recovered(&self) -> bool {
        let mark = self.low_mark();
        self.free >= mark + mark / 4 && !self.lacks_files(LEAST_FILES * 5 / 4)
    }
}

/// A change that is worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskEdge {
    /// It is low now.
    Low(Disk),
    /// It has room again.
    Enough(Disk),
}

/// Tells when a disk becomes low and when it is no longer; each once.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiskWatch {
    is_low: bool,
}

impl DiskWatch {
    /// Takes what the disk has now, and returns what changed by that.
    pub fn look(&mut self, disk: Disk) -> Option<DiskEdge> {
        if self.is_low {
            if disk.has_recovered() {
                self.is_low = false;
                return Some(DiskEdge::Enough(disk));
            }
        } else if disk.is_low() {
            self.is_low = true;
            return Some(DiskEdge::Low(disk));
        }
        None
    }

    /// Returns true if the disk was low when it was last looked at.
    pub fn is_low(&self) -> bool {
        self.is_low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(total: u64, free: u64) -> Disk {
        Disk {
            total: total * MIB,
            free: free * MIB,
            total_files: 0,
            free_files: 0,
        }
    }

    #[test]
    fn the_mark_follows_the_size() {
        for (total, mark) in [
            (1_000, 250),
            (8_192, 512),
            (100_000, 2_000),
            (1 << 24, 5_120),
        ] {
            assert_eq!(disk(total, 0).low_mark(), mark * MIB, "{total} MiB");
        }
    }

    #[test]
    fn each_edge_is_told_once_and_with_some_play() {
        let mut watch = DiskWatch::default();
        let mut look = |free| watch.look(disk(100_000, free));
        assert_eq!(look(3_000), None);
        assert_eq!(look(1_999), Some(DiskEdge::Low(disk(100_000, 1_999))));
        assert_eq!(look(1_000), None);
        assert_eq!(look(2_100), None);
        assert_eq!(look(2_500), Some(DiskEdge::Enough(disk(100_000, 2_500))));
        assert_eq!(look(2_100), None);
    }

    #[test]
    fn a_disk_without_room_for_files_is_low() {
        let mut full = disk(100_000, 50_000);
        assert!(!full.is_low());
        full.total_files = 1_000_000;
        assert!(full.is_low());
        full.free_files = 2_000;
        assert!(!full.is_low());
    }

    #[test]
    fn a_real_disk_answers() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::at(dir.path()).unwrap();
        assert!(disk.total > 0 && disk.free <= disk.total);
        assert!(Disk::at(&dir.path().join("absent")).is_err());
    }
}
