//! One file out of a `.tar.gz`.
//!
//! Only the member that is named is written, to a place that the caller chooses, so a hostile path
//! inside the archive leads nowhere; what is read and written is bounded.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;
use thiserror::Error;

/// Why a member was not taken out.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The archive is cut or is none.
    #[error("read the archive {}", path.display())]
    Read {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: io::Error,
    },
    /// The member cannot be written.
    #[error("write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No such member.
    #[error("the archive holds no file {member}; it holds {}", held.join(", "))]
    Absent {
        /// What was looked for.
        member: String,
        /// Some of what is there.
        held: Vec<String>,
    },
    /// A member or an archive beyond all bounds.
    #[error("{member} in the archive has more than {limit} bytes")]
    TooLarge {
        /// What was looked for.
        member: String,
        /// The most that is taken.
        limit: u64,
    },
}

/// Bytes of other files and of the archive's own that are unpacked however small the member may be.
const OTHERS: u64 = 1 << 20;

/// How many names of an archive a message lists.
const LISTED: usize = 12;

/// Writes the file `member` of the archive at `path` to `to`, if it has at most `limit` bytes.
pub fn extract(path: &Path, member: &str, to: &Path, limit: u64) -> Result<(), ArchiveError> {
    let read = |source| ArchiveError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(read)?;
    // What lies before the member has to be unpacked as well, so that is bounded too.
    let most = limit.saturating_mul(2).saturating_add(OTHERS);
    let unpacked = GzDecoder::new(BufReader::new(file)).take(most);
    let mut archive = tar::Archive::new(unpacked);
    let mut held = Vec::new();
    for entry in archive.entries().map_err(read)? {
        let mut entry = entry.map_err(read)?;
        let inside = entry.path().map_err(read)?.into_owned();
        if !entry.header().entry_type().is_file() {
            continue;
        }
        if !is_same(&inside, Path::new(member)) {
            if held.len() < LISTED {
                held.push(inside.display().to_string());
            }
            continue;
        }
        if entry.size() > limit {
            return Err(ArchiveError::TooLarge {
                member: member.to_owned(),
                limit,
            });
        }
        return copy(&mut entry, path, to);
    }
    Err(ArchiveError::Absent {
        member: member.to_owned(),
        held,
    })
}

fn copy(entry: &mut tar::Entry<'_, impl Read>, path: &Path, to: &Path) -> Result<(), ArchiveError> {
    let read = |source| ArchiveError::Read {
        path: path.to_owned(),
        source,
    };
    let write = |source| ArchiveError::Write {
        path: to.to_owned(),
        source,
    };
    let mut file = File::create(to).map_err(write)?;
    let mut left = entry.size();
    let mut buffer = vec![0; 1 << 16];
    while left > 0 {
        let count = entry.read(&mut buffer).map_err(read)?;
        if count == 0 {
            return Err(read(io::ErrorKind::UnexpectedEof.into()));
        }
        file.write_all(&buffer[..count]).map_err(write)?;
        left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
    }
    file.sync_all().map_err(write)
}

/// Whether two paths mean the same, whether or not they begin with `./`.
fn is_same(a: &Path, b: &Path) -> bool {
    let parts = |path: &Path| -> Vec<_> {
        path.components()
            .filter(|part| *part != Component::CurDir)
            .map(|part| part.as_os_str().to_owned())
            .collect()
    };
    parts(a) == parts(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut builder = tar::Builder::new(gz);
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn extracted(bytes: &[u8], member: &str, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        std::fs::write(&path, bytes).unwrap();
        let to = folder.path().join("out");
        extract(&path, member, &to, limit).map(|()| std::fs::read(to).unwrap())
    }

    #[test]
    fn the_named_member_is_taken_out() {
        let bytes = archive(&[("./x/readme", b"no"), ("./x/net", b"yes")]);
        assert_eq!(extracted(&bytes, "x/net", 100).unwrap(), b"yes");
        let absent = extracted(&bytes, "net", 100).unwrap_err().to_string();
        assert!(absent.contains("x/readme"), "{absent}");
        let large = extracted(&bytes, "x/net", 2).unwrap_err();
        assert!(matches!(large, ArchiveError::TooLarge { .. }), "{large}");
    }

    #[test]
    fn a_cut_archive_is_refused() {
        let noise = (0..5000_u32).map(|i| u8::try_from(i * i % 251).unwrap());
        let noise: Vec<u8> = noise.collect();
        let bytes = archive(&[("x", &noise)]);
        let cut = extracted(&bytes[..bytes.len() / 2], "x", 10_000).unwrap_err();
        assert!(matches!(cut, ArchiveError::Read { .. }), "{cut}");
        let none = extracted(b"<html>", "x", 10_000).unwrap_err();
        assert!(matches!(none, ArchiveError::Read { .. }), "{none}");
    }
}
