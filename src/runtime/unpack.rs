//! Taking libraries out of what a client fetched.
//!
//! Only files that are asked for are written, under names chosen here, so a hostile path inside a
//! package leads nowhere. Every read has a limit; a pinned file is kept only if its length and
//! SHA-256 are the pinned ones.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::{client::Fetched, pins::PinnedFile};

/// An npm package is at most this large when unpacked.
const TARBALL_MAX: u64 = 2 << 30;
/// One of NVIDIA's libraries is at most this large.
const LIBRARY_MAX: u64 = 4 << 30;

/// Why a package did not give what was wanted.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnpackError {
    #[error("cannot read {}", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot read the archive {}", .path.display())]
    Archive {
        path: PathBuf,
        #[source]
        source: zip::result::ZipError,
    },
    #[error("cannot write {}", .path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the package holds no {0}")]
    Absent(String),
    #[error("{name} has another checksum than the pinned one: it was not kept")]
    Checksum { name: String },
    #[error("{name} is larger than {limit} bytes: it was not kept")]
    TooLarge { name: String, limit: u64 },
}

/// Writes the pinned `files` out of `fetched` into the folder `into`, checked and synced.
pub(super) fn pinned(
    fetched: &Fetched,
    files: &[PinnedFile],
    into: &Path,
) -> Result<(), UnpackError> {
    match fetched {
        Fetched::Wheel(path) => {
            let mut archive = open_wheel(path)?;
            for file in files {
                let index = archive.index_for_name(&file.inside);
                let index = index.ok_or_else(|| UnpackError::Absent(file.inside.clone()))?;
                let entry = archive
                    .by_index(index)
                    .map_err(|source| archive_error(path, source))?;
                keep(entry, file, path, into)?;
            }
            Ok(())
        }
        Fetched::Tree(folder) => {
            for file in files {
                let path = folder.join(&file.inside);
                let from = File::open(&path).map_err(|source| {
                    if source.kind() == io::ErrorKind::NotFound {
                        UnpackError::Absent(file.inside.clone())
                    } else {
                        read_error(&path, source)
                    }
                })?;
                keep(from, file, &path, into)?;
            }
            Ok(())
        }
        Fetched::Tarball(path) => from_tarball(path, files, into),
    }
}

/// Writes every shared library of one of NVIDIA's packages into the folder `into`, synced.
pub(super) fn nvidia(fetched: &Fetched, into: &Path) -> Result<(), UnpackError> {
    match fetched {
        Fetched::Wheel(path) => {
            let mut archive = open_wheel(path)?;
            for index in 0..archive.len() {
                let entry = archive
                    .by_index(index)
                    .map_err(|source| archive_error(path, source))?;
                let inside = entry.name().map_err(|source| archive_error(path, source))?;
                let inside = inside.into_owned();
                if let Some(name) = nvidia_name(&inside) {
                    copy(entry, path, &into.join(name), LIBRARY_MAX, name)?;
                }
            }
            Ok(())
        }
        Fetched::Tree(folder) => {
            for package in super::folders::children(&folder.join("nvidia"), "") {
                let lib = package.join("lib");
                for entry in fs::read_dir(&lib).into_iter().flatten().flatten() {
                    let path = entry.path();
                    let inside = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy();
                    if let Some(name) = nvidia_name(&inside) {
                        let from = File::open(&path).map_err(|source| read_error(&path, source))?;
                        copy(from, &path, &into.join(name), LIBRARY_MAX, name)?;
                    }
                }
            }
            Ok(())
        }
        Fetched::Tarball(path) => Err(UnpackError::Absent(path.display().to_string())),
    }
}

/// Says whether `path` is a file of the pinned length and checksum.
pub(super) fn is_intact(path: &Path, file: &PinnedFile) -> bool {
    let length = fs::metadata(path).map(|metadata| metadata.len());
    if length.ok() != Some(file.bytes) {
        return false;
    }
    let Ok(from) = File::open(path) else {
        return false;
    };
    let sum = transfer(from, &mut io::sink(), file.bytes, |_| (), |_| ());
    sum.is_ok_and(|(_, sum)| sum == file.sha256)
}

/// Returns the file name of a library inside one of NVIDIA's packages, `nvidia/*/lib/lib*.so*`.
/// The `.alt.` builds are for other host compilers and are not used.
fn nvidia_name(inside: &str) -> Option<&str> {
    let mut parts = inside.split('/');
    let (top, _, lib, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let library = name.starts_with("lib") && name.contains(".so") && !name.contains(".alt.");
    (top == "nvidia" && lib == "lib" && library && parts.next().is_none()).then_some(name)
}

fn open_wheel(path: &Path) -> Result<ZipArchive<BufReader<File>>, UnpackError> {
    let file = File::open(path).map_err(|source| read_error(path, source))?;
    ZipArchive::new(BufReader::new(file)).map_err(|source| archive_error(path, source))
}

fn from_tarball(path: &Path, files: &[PinnedFile], into: &Path) -> Result<(), UnpackError> {
    let at = |source| read_error(path, source);
    let file = File::open(path).map_err(at)?;
    let unpacked = GzDecoder::new(BufReader::new(file)).take(TARBALL_MAX);
    let mut archive = tar::Archive::new(unpacked);
    let mut left: Vec<&PinnedFile> = files.iter().collect();
    for entry in archive.entries().map_err(at)? {
        let entry = entry.map_err(at)?;
        let regular = entry.header().entry_type().is_file();
        let inside = entry.path().map_err(at)?.into_owned();
        let wanted = left
            .iter()
            .position(|file| Path::new(&file.inside) == inside);
        if let (Some(index), true) = (wanted, regular) {
            keep(entry, left.remove(index), path, into)?;
        }
        if left.is_empty() {
            return Ok(());
        }
    }
    Err(UnpackError::Absent(
        left.iter()
            .map(|file| &*file.inside)
            .collect::<Vec<_>>()
            .join(", "),
    ))
}

fn keep(from: impl Read, file: &PinnedFile, source: &Path, into: &Path) -> Result<(), UnpackError> {
    let (bytes, sum) = copy(from, source, &into.join(&file.name), file.bytes, &file.name)?;
    if bytes == file.bytes && sum == file.sha256 {
        Ok(())
    } else {
        Err(UnpackError::Checksum {
            name: file.name.clone(),
        })
    }
}

/// Copies at most `limit` bytes. Returns how many there were, and their SHA-256.
fn copy(
    from: impl Read,
    source: &Path,
    to: &Path,
    limit: u64,
    name: &str,
) -> Result<(u64, String), UnpackError> {
    let write = |error| UnpackError::Write {
        path: to.to_path_buf(),
        source: error,
    };
    let mut file = File::create_new(to).map_err(write)?;
    let (bytes, sum) = transfer(
        from,
        &mut file,
        limit,
        |error| read_error(source, error),
        write,
    )?;
    if bytes > limit {
        return Err(UnpackError::TooLarge {
            name: name.to_owned(),
            limit,
        });
    }
    file.sync_all().map_err(write)?;
    Ok((bytes, sum))
}

/// Copies and sums up. Stops one byte behind `limit`, so that the caller sees that there was more.
fn transfer<E>(
    from: impl Read,
    to: &mut impl Write,
    limit: u64,
    read: impl Fn(io::Error) -> E,
    write: impl Fn(io::Error) -> E,
) -> Result<(u64, String), E> {
    let mut from = from.take(limit.saturating_add(1));
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read(error)),
        };
        hasher.update(&buffer[..count]);
        to.write_all(&buffer[..count]).map_err(&write)?;
        bytes += u64::try_from(count).unwrap_or(u64::MAX);
    }
    let sum = hasher.finalize();
    let hex = sum.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let hex = hex
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect();
    Ok((bytes, hex))
}

fn archive_error(path: &Path, source: zip::result::ZipError) -> UnpackError {
    UnpackError::Archive {
        path: path.to_path_buf(),
        source,
    }
}

fn read_error(path: &Path, source: io::Error) -> UnpackError {
    UnpackError::Read {
        path: path.to_path_buf(),
        source,
    }
}
