//! What a worker writes to its standard error, kept in the job's `log.txt` up to a limit.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use tokio::io::AsyncReadExt;
use tokio::process::ChildStderr;

/// A worker's words on their way into a file.
pub(super) struct Log<R = ChildStderr> {
    source: Option<R>,
    file: Option<File>,
    left: u64,
    buffer: Vec<u8>,
}

impl<R: tokio::io::AsyncRead + Unpin> Log<R> {
    /// Appends to the file at `path` until it has `limit` bytes. A file that cannot be written is
    /// no reason to stop the worker: its words are then lost.
    pub(super) fn new(path: &Path, source: Option<R>, limit: u64) -> Self {
        let opened = File::options().create(true).append(true).open(path);
        let file = opened
            .inspect_err(|error| tracing::warn!(%error, "no job log"))
            .ok();
        let present = file
            .as_ref()
            .and_then(|file| file.metadata().ok())
            .map_or(0, |m| m.len());
        Self {
            source,
            file,
            left: limit.saturating_sub(present),
            buffer: vec![0; 8192],
        }
    }

    /// Copies what there is, waiting for something. Returns false when the worker's words are over.
    /// Everything is read even when no more is kept, so that the worker never waits for a reader.
    pub(super) async fn copy_some(&mut self) -> bool {
        let Some(source) = &mut self.source else {
            return false;
        };
        let n_read = match source.read(&mut self.buffer).await {
            Ok(0) | Err(_) => return false,
            Ok(n_read) => n_read,
        };
        let n_kept = usize::try_from(self.left).unwrap_or(usize::MAX).min(n_read);
        let Some(file) = &mut self.file else {
            return true;
        };
        let mut written = file.write_all(&self.buffer[..n_kept]);
        self.left -= n_kept as u64;
        if n_kept < n_read {
            written = written.and_then(|()| file.write_all(b"\n(the log is full)\n"));
            self.file = None;
        }
        if let Err(error) = written {
            tracing::warn!(%error, "job log not written");
            self.file = None;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_still_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.txt");
        std::fs::write(&path, "before\n").unwrap();
        let flood = vec![b'x'; 100_000];
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut log = Log::new(&path, Some(&flood[..]), 50_000);
        let mut n_reads = 0;
        while runtime.block_on(log.copy_some()) {
            n_reads += 1;
        }
        assert!(n_reads >= 100_000 / 8192);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("before\nxxx") && text.ends_with("x\n(the log is full)\n"));
        assert_eq!(text.len(), 50_000 + "\n(the log is full)\n".len());
    }
}
