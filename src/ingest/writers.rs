//! Is a program of ours still writing to a file?
//!
//! A pause in the writing looks like its end, and moving a file does not stop its writer. So before
//! a bundle is taken, the open files of this user's processes are looked through, once a moment for
//! all bundles. Other users' processes and writers on other machines stay unseen: this is one gate
//! among several.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// How long a look through the open files counts.
const FRESH: Duration = Duration::from_millis(500);

/// Who writes to what, as of a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Writers {
    /// The processes that have a file (device, inode) open for writing.
    seen: BTreeMap<(u64, u64), u32>,
    at: Option<Duration>,
}

impl Writers {
    /// Returns the number of a process that has one of the files (device, inode) open for writing,
    /// at the monotonic reading `now` or a moment before.
    pub(crate) fn find(&mut self, files: &[(u64, u64)], now: Duration) -> Option<u32> {
        if self.at.is_none_or(|at| at + FRESH < now) {
            self.seen = scan();
            self.at = Some(now);
        }
        files.iter().find_map(|file| self.seen.get(file).copied())
    }

    /// Has the next question answered by a new look.
    pub(crate) fn forget(&mut self) {
        self.at = None;
    }
}

fn scan() -> BTreeMap<(u64, u64), u32> {
    let mut seen = BTreeMap::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let descriptors = fs::read_dir(process.path().join("fd")).into_iter();
        for descriptor in descriptors.flatten().flatten() {
            // Following the link reaches the open file itself, whatever its name is now.
            let file = fs::metadata(descriptor.path()).ok();
            if let Some(file) = file.filter(fs::Metadata::is_file)
                && is_open_for_writing(&process.path(), &descriptor.file_name())
            {
                seen.insert((file.dev(), file.ino()), pid);
            }
        }
    }
    seen
}

/// Reads the access mode, the lowest two bits of the octal `flags:` line: 0 is reading only.
fn is_open_for_writing(process: &Path, descriptor: &OsStr) -> bool {
    let info = fs::read_to_string(process.join("fdinfo").join(descriptor)).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & 0b11 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn writers_are_found_and_readers_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("content.jpg");
        let writer = File::create(&path).unwrap();
        let metadata = writer.metadata().unwrap();
        let file = [(metadata.dev(), metadata.ino())];
        let mut writers = Writers::default();
        let now = Duration::ZERO;
        assert_eq!(writers.find(&file, now), Some(std::process::id()));
        drop(writer);
        let _reader = File::open(&path).unwrap();
        assert_eq!(writers.find(&file, now), Some(std::process::id()));
        assert_eq!(writers.find(&file, now + 2 * FRESH), None);
        let _writer = File::options().append(true).open(&path).unwrap();
        writers.forget();
        assert!(writers.find(&file, now + 2 * FRESH).is_some());
    }
}
