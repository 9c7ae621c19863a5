//! What lies in `watch/`, read without opening any file.
//!
//! One level of folders is read, and the `inputs/` of a job folder that was dragged back. Links to
//! files are followed where they may be, links to folders never. What vanishes while it is being
//! looked at is left out.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::folder::JobFolder;
use crate::ingest::Links;

/// Everything in `watch/`, in the order of names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Listing {
    /// Device and inode of `watch/` itself: another pair means another folder in its place.
    pub(crate) identity: (u64, u64),
    /// Its entries.
    pub(crate) entries: Vec<Entry>,
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name, without a path.
    pub(crate) name: OsString,
    /// What it names.
    pub(crate) kind: Kind,
    /// What changes when it changes.
    pub(crate) stamp: Stamp,
    /// How many names the file has (hard links).
    pub(crate) n_names: u64,
}

/// What a name in a folder names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An ordinary file.
    File,
    /// A folder with its entries; below the second level they are not read.
    Folder(Vec<Entry>),
    /// A folder that cannot be listed.
    Unreadable,
    /// A symbolic link, which is not followed.
    Link,
    /// A symbolic link to an ordinary file; its stamp is that of the file.
    Linked,
    /// A symbolic link that may be followed and leads to no ordinary file.
    Astray,
    /// A FIFO, socket or device, in words.
    Special(&'static str),
}

/// What is compared to see whether a file changed: any difference counts, age does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stamp {
    pub(crate) len: u64,
    pub(crate) modified: (i64, i64),
    pub(crate) changed: (i64, i64),
    pub(crate) inode: (u64, u64),
}

impl Stamp {
    /// Returns the stamp of what lies at `path` now: of the file that a link leads to, where links
    /// are followed.
    pub(crate) fn at(path: &Path, links: Links) -> io::Result<Self> {
        look(path, links).map(|(metadata, _)| Self::of(&metadata))
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            inode: (metadata.dev(), metadata.ino()),
        }
    }
}

/// Returns what is to be known about `path`, and whether that was found by following a link.
fn look(path: &Path, links: Links) -> io::Result<(Metadata, bool)> {
    let metadata = fs::symlink_metadata(path)?;
    if links == Links::Follow && metadata.is_symlink() {
        let target = fs::metadata(path).ok().filter(Metadata::is_file);
        if let Some(target) = target {
            return Ok((target, true));
        }
    }
    Ok((metadata, false))
}

/// Reads `watch/`.
pub(crate) fn read(watch: &Path, links: Links) -> io::Result<Listing> {
    let metadata = fs::metadata(watch)?;
    let entries = read_folder(watch, links, 0)?;
    Ok(Listing {
        identity: (metadata.dev(), metadata.ino()),
        entries,
    })
}

fn read_folder(folder: &Path, links: Links, depth: u32) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let path = folder.join(&name);
        let Ok((metadata, is_linked)) = look(&path, links) else {
            continue;
        };
        let kind = if is_linked {
            Kind::Linked
        } else {
            kind_of(&metadata, &path, &name, (links, depth))
        };
        entries.push(Entry {
            name,
            kind,
            stamp: Stamp::of(&metadata),
            n_names: metadata.nlink(),
        });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

fn kind_of(metadata: &Metadata, path: &Path, name: &OsStr, (links, depth): (Links, u32)) -> Kind {
    let file_type = metadata.file_type();
    if file_type.is_file() {
        Kind::File
    } else if file_type.is_symlink() {
        match links {
            Links::Refuse => Kind::Link,
            Links::Follow => Kind::Astray,
        }
    } else if file_type.is_dir() {
        if depth == 0 || depth == 1 && name == JobFolder::INPUTS {
            read_folder(path, links, depth + 1).map_or(Kind::Unreadable, Kind::Folder)
        } else {
            Kind::Folder(Vec::new())
        }
    } else if file_type.is_fifo() {
        Kind::Special("a FIFO")
    } else if file_type.is_socket() {
        Kind::Special("a socket")
    } else {
        Kind::Special("a device")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn one_level_is_read_and_nothing_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("harbour/deep/deeper")).unwrap();
        fs::create_dir_all(at("back/inputs/sub")).unwrap();
        fs::write(at("back/inputs/content.jpg"), "x").unwrap();
        fs::write(at("harbour/content.jpg"), "x").unwrap();
        symlink("/etc/passwd", at("link.jpg")).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe.jpg"), mode).unwrap();

        let listing = read(dir.path(), Links::Refuse).unwrap();

        let names: Vec<_> = listing
            .entries
            .iter()
            .map(|e| e.name.to_str().unwrap())
            .collect();
        assert_eq!(names, ["back", "harbour", "link.jpg", "pipe.jpg"]);
        let folder = |entry: &Entry| {
            let Kind::Folder(entries) = &entry.kind else {
                panic!("{entry:?} is no folder")
            };
            entries.clone()
        };
        let inputs = &folder(&listing.entries[0])[0];
        assert_eq!(folder(inputs).len(), 2);
        let harbour = folder(&listing.entries[1]);
        assert_eq!(harbour.len(), 2);
        assert_eq!(harbour[1].kind, Kind::Folder(Vec::new()));
        assert_eq!(listing.entries[2].kind, Kind::Link);
        assert_eq!(listing.entries[3].kind, Kind::Special("a FIFO"));
    }

    #[test]
    fn links_that_may_be_followed_stand_for_their_files_and_no_folders() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("picture"), "x").unwrap();
        for target in ["folder", "nowhere", "picture"] {
            symlink(target, at(&format!("to-{target}"))).unwrap();
        }
        let entries = read(dir.path(), Links::Follow).unwrap().entries;
        let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.clone()).collect();
        let folder = Kind::Folder(Vec::new());
        let expected = [folder, Kind::File, Kind::Astray, Kind::Astray, Kind::Linked];
        assert_eq!(kinds, expected);
        assert_eq!(entries[4].stamp, entries[1].stamp);
        fs::write(at("picture"), "longer").unwrap();
        let stamp = Stamp::at(&at("to-picture"), Links::Follow).unwrap();
        assert_ne!(stamp, entries[4].stamp);
    }

    #[test]
    fn any_change_changes_the_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("content.jpg");
        let stamp = || Stamp::at(&path, Links::Refuse).unwrap();
        fs::write(&path, "one").unwrap();
        let first = stamp();
        assert_eq!(first, stamp());
        fs::write(&path, "longer").unwrap();
        assert_ne!(first, stamp());
        let second = stamp();
        fs::copy(&path, dir.path().join("new")).unwrap();
        fs::rename(dir.path().join("new"), &path).unwrap();
        assert_ne!(second, stamp());
    }
}
