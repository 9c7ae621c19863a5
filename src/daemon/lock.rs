//! The studio's lock: one watching process at a time.
//!
//! The lock is the kernel's, on an open file, and goes away with the process however that ends; the
//! file's text only helps to explain. Worker processes do not inherit it.

use std::fs::File;
use std::io::Read;
use std::io::Seek;
use std::io::Write;

use rustix::fs::FlockOperation;
use rustix::fs::flock;
use rustix::io::Errno;

use crate::clock::Timestamp;
use crate::daemon::Fatal;
use crate::folder::FolderError;
use crate::folder::Studio;
use crate::job::names::display_name;

/// Held while a process watches a studio; released when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the studio's lock, or fails with [`Fatal::AlreadyRunning`].
    pub fn take(studio: &Studio, now: Timestamp) -> Result<Self, Fatal> {
        let path = studio.state.join("lock");
        let failed = |what| {
            let path = path.clone();
            move |source| Fatal::Studio(FolderError::Io { what, path, source })
        };
        let opened = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let mut file = opened.map_err(failed("open"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                let mut text = String::new();
                // Only for the message; the other process may not have written it yet.
                let _best_effort = (&mut file).take(200).read_to_string(&mut text);
                let holder = display_name(text.trim().as_ref());
                return Err(Fatal::AlreadyRunning { holder });
            }
            result => result.map_err(|errno| failed("lock")(errno.into()))?,
        }
        let text = format!("process {}, since {}\n", std::process::id(), now);
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()));
        written.map_err(failed("write"))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let studio = Studio::at(dir.path().to_owned());
        studio.prepare().unwrap();
        let lock = Lock::take(&studio, Timestamp(0)).unwrap();
        let refused = Lock::take(&studio, Timestamp(9)).unwrap_err().to_string();
        let holder = format!(
            "(process {}, since 1970-01-01T00:00:00Z)",
            std::process::id()
        );
        assert!(refused.contains(&holder), "{refused}");
        drop(lock);
        Lock::take(&studio, Timestamp(0)).unwrap();
    }
}
