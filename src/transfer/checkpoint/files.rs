//! Putting the files of a checkpoint in place, each whole or not at all.
//!
//! Every step can fail, and in tests each of them is made to, one after the other.

#[cfg(test)]
use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// What the names of temporary files begin with; those of pictures do as well.
pub(in crate::transfer) const TEMPORARY: &str = ".pentimento-";

/// Bytes that are collected before they are written.
const BUFFER: usize = 1 << 20;

/// Access to files.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Steps until everything fails, as on a disk that is gone or in a process that is killed.
    #[cfg(test)]
    pub(super) fuse: Cell<Option<u32>>,
}

impl Files {
    /// Makes a folder, if it is not there.
    pub(super) fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        fs::create_dir_all(path)
    }

    /// Writes a file to a temporary name beside its own, syncs it, and renames it. The folder is
    /// not synced.
    pub(super) fn write<T, E: From<io::Error>>(
        &self,
        path: &Path,
        fill: impl FnOnce(&mut dyn Write) -> Result<T, E>,
    ) -> Result<T, E> {
        self.step()?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .suffix(".part")
            .tempfile_in(folder)?;
        let mut writer = BufWriter::with_capacity(BUFFER, Stepping(self, file.as_file_mut()));
        let filled = fill(&mut writer)?;
        writer.flush()?;
        drop(writer);
        self.step()?;
        file.as_file().sync_all()?;
        self.step()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(filled)
    }

    /// Makes the names in a folder durable.
    pub(super) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        File::open(path)?.sync_all()
    }

    /// Removes a file.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        fs::remove_file(path)
    }

    #[cfg(not(test))]
    #[allow(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "it fails in tests only"
    )]
    fn step(&self) -> io::Result<()> {
        Ok(())
    }

    #[cfg(test)]
    fn step(&self) -> io::Result<()> {
        match self.fuse.get() {
            None => Ok(()),
            Some(0) => Err(io::ErrorKind::StorageFull.into()),
            Some(left) => {
                self.fuse.set(Some(left - 1));
                Ok(())
            }
        }
    }
}

/// A file, each of whose writes is a step.
struct Stepping<'a>(&'a Files, &'a mut File);

impl Write for Stepping<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.step()?;
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}
