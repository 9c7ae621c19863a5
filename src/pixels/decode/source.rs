//! The bytes of a file, opened without being led astray.
//!
//! A drop folder may hold pipes, devices and links that were put there to make a reader hang or
//! wander off. Only regular files are opened, the kernel is told not to follow links and not to
//! wait, and what was opened is checked again, so that a swap between look and open cannot win.

use std::{
    fs::{File, FileType, Metadata},
    io::{self, Read},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path,
};

use rustix::fs::{Mode, OFlags};

use crate::pixels::error::DecodeError;

/// Longest file that is read: an uncompressed 16-bit picture of the default pixel limit fits.
const MAX_BYTES: u64 = 1 << 30;

/// Whether the last part of a path may be a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    Refuse,
    Follow,
}

/// Returns the whole content of the regular file at `path`, which is not empty.
pub(super) fn read(path: &Path, links: Links) -> Result<Vec<u8>, DecodeError> {
    let failed = |source: io::Error| failure(path, source);
    let look = match links {
        Links::Refuse => std::fs::symlink_metadata(path),
        Links::Follow => std::fs::metadata(path),
    };
    check_kind(path, &look.map_err(failed)?)?;
    let follow = match links {
        Links::Refuse => OFlags::NOFOLLOW,
        Links::Follow => OFlags::empty(),
    };
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | follow;
    let file =
        rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
    let file = File::from(file);
    let metadata = file.metadata().map_err(failed)?;
    check_kind(path, &metadata)?;
    let too_long = |bytes| DecodeError::TooLong {
        path: path.to_owned(),
        bytes,
        limit: MAX_BYTES,
    };
    if metadata.len() > MAX_BYTES {
        return Err(too_long(metadata.len()));
    }
    let mut bytes = Vec::new();
    let read = file
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if read == 0 {
        return Err(DecodeError::Empty {
            path: path.to_owned(),
        });
    }
    let length = read as u64;
    if length > MAX_BYTES {
        Err(too_long(length))
    } else {
        Ok(bytes)
    }
}

fn check_kind(path: &Path, metadata: &Metadata) -> Result<(), DecodeError> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let path = path.to_owned();
    Err(if kind.is_symlink() {
        DecodeError::Symlink { path }
    } else {
        DecodeError::NotRegular {
            path,
            what: named(kind),
        }
    })
}

fn named(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

fn failure(path: &Path, source: io::Error) -> DecodeError {
    let path = path.to_owned();
    if source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return DecodeError::Symlink { path };
    }
    match std::fs::metadata(&path) {
        Ok(metadata) if source.kind() == io::ErrorKind::PermissionDenied => {
            let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
            DecodeError::Permission {
                path,
                mode,
                owner,
                source,
            }
        }
        _ => DecodeError::Read { path, source },
    }
}
