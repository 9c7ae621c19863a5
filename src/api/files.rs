//! What lies in a job's folder, for those who ask: profile, snapshots, losses, result, log.
//!
//! A client names a job and a plain file name, never a path; links are not followed, and whatever is
//! read is bounded or sent in pieces.

use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::path::Path;
use std::path::PathBuf;

use axum::body::Body;
use axum::body::Bytes;
use axum::http::HeaderValue;
use axum::http::Response;
use axum::http::header::CONTENT_LENGTH;
use axum::http::header::CONTENT_TYPE;
use futures_util::stream;
use rustix::fs::Mode;
use rustix::fs::OFlags;

use crate::api::ApiError;
use crate::api::types::JobDetail;
use crate::api::types::Losses;
use crate::api::types::Snapshot;
use crate::control::view::Card;
use crate::folder::JobFolder;
use crate::job::names::PathText;
use crate::job::names::display_name;

/// The most bytes of a profile that are read.
const PROFILE_MAX: u64 = 1 << 20;

/// The most bytes of a table of losses that are read.
const LOSSES_MAX: u64 = 256 << 20;

/// The most bytes of a line in it.
const LINE_MAX: u64 = 64 << 10;

/// About how many rows of losses are sent.
const ROWS: usize = 400;

/// The most bytes of a log that are sent: the last ones.
const LOG_MAX: u64 = 1 << 20;

/// How many snapshots are listed at most: the last ones.
const SNAPSHOTS_MAX: usize = 1000;

/// How many bytes are sent in a piece.
const PIECE: usize = 64 << 10;

/// Adds what lies in the job's folder.
pub(super) fn complete(detail: &mut JobDetail, card: &Card) {
    let folder = JobFolder::at(card.folder.clone());
    // What is not there or cannot be read is left out: the rest of the answer is still right.
    detail.profile = text(&folder.profile(), PROFILE_MAX).unwrap_or_default();
    detail.losses = losses(&folder.losses()).unwrap_or_default();
    let files = folder.snapshot_files();
    let last = files.len().saturating_sub(SNAPSHOTS_MAX);
    let listed = files.get(last..).unwrap_or_default().iter();
    detail.snapshots = listed
        .filter_map(|path| {
            let name = path.file_name()?;
            let file = PathText(Path::new(JobFolder::SNAPSHOTS).join(name));
            Some(Snapshot {
                name: display_name(name),
                bytes: path.metadata().ok()?.len(),
                starred: card.job.course.starred.contains(&file),
            })
        })
        .collect();
}

/// Returns the snapshot of that name as it was listed.
pub(super) fn snapshot(folder: &JobFolder, name: &str) -> Option<PathBuf> {
    let files = folder.snapshot_files().into_iter();
    files
        .rev()
        .find(|path| path.file_name().is_some_and(|n| display_name(n) == name))
}

/// Answers with a file's bytes, in pieces.
pub(super) fn send(path: &Path) -> Result<Response<Body>, ApiError> {
    let shown = || display_name(path.file_name().unwrap_or_default());
    let (file, length) = open(path).map_err(|_gone| ApiError::no_file(&shown()))?;
    let kind = match path.extension().and_then(|e| e.to_str()) {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("tif" | "tiff") => "image/tiff",
        Some("webp") => "image/webp",
        Some("csv") => "text/csv",
        _ => "application/octet-stream",
    };
    // A file that grows while it is sent is sent as it was.
    let pieces = stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok::<_, io::Error>(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
            let n_read = file.read(&mut piece)?;
            piece.truncate(n_read);
            Ok::<_, io::Error>((piece, file))
        });
        let (piece, file) = read.await.map_err(io::Error::other)??;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let left = left.saturating_sub(piece.len() as u64);
        Ok(Some((Bytes::from(piece), (file, left))))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// Returns the end of the worker's log.
pub(super) fn log(folder: &JobFolder) -> io::Result<String> {
    let (mut file, length) = open(&folder.log())?;
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_MAX)))?;
    let mut bytes = Vec::new();
    file.take(LOG_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn text(path: &Path, most: u64) -> io::Result<String> {
    let (file, _) = open(path)?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Opens an ordinary file; a link, a FIFO or a device is refused.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok((file, metadata.len()))
}

/// Reads a table of losses, leaving out every second row again and again until few are left.
fn losses(path: &Path) -> io::Result<Losses> {
    let (file, _) = open(path)?;
    let mut table = BufReader::new(file.take(LOSSES_MAX));
    let mut line = String::new();
    (&mut table).take(LINE_MAX).read_line(&mut line)?;
    let columns: Vec<String> = line.trim().split(',').map(str::to_owned).collect();
    let mut rows: Vec<Vec<Option<f64>>> = Vec::new();
    let mut last = None;
    let (mut n_read, mut stride) = (0_usize, 1_usize);
    loop {
        line.clear();
        if (&mut table).take(LINE_MAX).read_line(&mut line)? == 0 {
            break;
        }
        let number = |field: &str| field.parse().ok().filter(|value: &f64| value.is_finite());
        let row: Vec<_> = line.trim().split(',').map(number).collect();
        if row.len() != columns.len() {
            continue;
        }
        if n_read % stride == 0 {
            rows.push(row);
            last = None;
        } else {
            last = Some(row);
        }
        n_read += 1;
        if rows.len() > 2 * ROWS {
            rows = std::mem::take(&mut rows).into_iter().step_by(2).collect();
            stride *= 2;
        }
    }
    // The newest one is what people look for.
    rows.extend(last);
    Ok(Losses { columns, rows })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::fs;

    use super::*;

    #[test]
    fn losses_are_thinned_evenly_and_keep_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("losses.csv");
        let mut text = "stage,iteration,total\n".to_owned();
        for n in 1..=5000 {
            writeln!(text, "1,{n},{}", 5000 - n).unwrap();
        }
        text.push_str("1,5001,inf\n1,50");
        fs::write(&path, text).unwrap();
        let losses = losses(&path).unwrap();
        assert_eq!(losses.columns, ["stage", "iteration", "total"]);
        assert!((ROWS..=2 * ROWS + 2).contains(&losses.rows.len()));
        assert_eq!(losses.rows[0], [Some(1.0), Some(1.0), Some(4999.0)]);
        let gap = |at: usize| losses.rows[at][1].unwrap() - losses.rows[at - 1][1].unwrap();
        assert!((1..losses.rows.len() - 1).all(|at| (gap(at) - gap(1)).abs() < 0.5));
        assert_eq!(
            losses.rows.last().unwrap(),
            &[Some(1.0), Some(5001.0), None]
        );
    }

    #[test]
    fn only_ordinary_files_are_sent() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("result.png");
        fs::write(&file, "x").unwrap();
        let link = dir.path().join("link.png");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(send(&file).is_ok());
        for path in [link, dir.path().to_owned(), dir.path().join("gone")] {
            assert!(send(&path).is_err(), "{}", path.display());
        }
    }
}
