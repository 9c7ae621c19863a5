//! Moving, writing and hashing files so that nothing is replaced, lost or half there.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;

use rustix::fs::CWD;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::RenameFlags;
use rustix::io::Errno;
use sha2::Digest;
use sha2::Sha256;

use crate::folder::FolderError;
use crate::folder::io_error;

/// Moves the file or folder `from` to `to`, which must not exist.
///
/// A rename where both lie on one filesystem. Otherwise a synced copy is made beside `to`, its
/// bytes are compared with the source, it is renamed into place and only then the source removed:
/// whatever happens, the whole of it lies in at least one of the two places.
pub fn move_path(from: &Path, to: &Path) -> Result<(), FolderError> {
    match rename_new(from, to) {
        Err(Errno::XDEV) => copy_across(from, to),
        Err(Errno::EXIST | Errno::NOTEMPTY) => Err(FolderError::Taken {
            from: from.to_owned(),
            to: to.to_owned(),
        }),
        result => result.map_err(|errno| io_error("move", from)(errno.into())),
    }
}

/// Puts a synced copy of the ordinary file `from` at `to`, which must not exist; at once, so that
/// what is found at `to` is whole. A symbolic link in the place of `from` is an error.
pub fn copy_file(from: &Path, to: &Path) -> Result<(), FolderError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let descriptor = rustix::fs::open(from, flags, Mode::empty())
        .map_err(|errno| io_error("open", from)(errno.into()))?;
    let mut file = File::from(descriptor);
    let metadata = file.metadata().map_err(io_error("look at", from))?;
    if !metadata.is_file() {
        return Err(FolderError::NotAFile {
            path: from.to_owned(),
        });
    }
    let partial = partial_name(to);
    let copied = File::create(&partial).and_then(|mut copy| {
        io::copy(&mut file, &mut copy)?;
        copy.sync_all()
    });
    let placed =
        copied
            .map_err(io_error("copy", from))
            .and_then(|()| match rename_new(&partial, to) {
                Err(Errno::EXIST | Errno::NOTEMPTY) => Err(FolderError::Taken {
                    from: from.to_owned(),
                    to: to.to_owned(),
                }),
                result => result.map_err(|errno| io_error("move", &partial)(errno.into())),
            });
    if placed.is_err() {
        // The copy already failed; one left behind is hidden and overwritten later.
        let _best_effort = fs::remove_file(&partial);
    }
    placed?;
    sync_parent(to);
    Ok(())
}

/// Writes `bytes` to `path` by way of a synced temporary file, replacing what was there at once.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    let partial = partial_name(path);
    let write = || -> io::Result<()> {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(|source| {
        // The write already failed; a temporary file left behind is hidden and overwritten later.
        let _best_effort = fs::remove_file(&partial);
        io_error("write", path)(source)
    })?;
    sync_parent(path);
    Ok(())
}

/// Puts a copy of the ordinary file that the link at `path` leads to in the link's place, at once.
pub fn replace_link(path: &Path) -> Result<(), FolderError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let descriptor = rustix::fs::open(path, flags, Mode::empty())
        .map_err(|errno| io_error("open", path)(errno.into()))?;
    let mut file = File::from(descriptor);
    let metadata = file.metadata().map_err(io_error("look at", path))?;
    if !metadata.is_file() {
        return Err(FolderError::NotAFile {
            path: path.to_owned(),
        });
    }
    let partial = partial_name(path);
    let copied = File::create(&partial)
        .and_then(|mut copy| {
            io::copy(&mut file, &mut copy)?;
            copy.sync_all()
        })
        .and_then(|()| fs::rename(&partial, path));
    copied.map_err(|source| {
        // The copy already failed; one left behind is hidden and overwritten later.
        let _best_effort = fs::remove_file(&partial);
        io_error("copy what is behind the link", path)(source)
    })?;
    sync_parent(path);
    Ok(())
}

/// Returns the lower-case hexadecimal SHA-256 of the ordinary file at `path`. A symlink, a FIFO or
/// a device is an error and is not opened for reading.
pub fn hash_file(path: &Path) -> Result<String, FolderError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let descriptor = rustix::fs::open(path, flags, Mode::empty())
        .map_err(|errno| io_error("open", path)(errno.into()))?;
    let mut file = File::from(descriptor);
    let is_file = file
        .metadata()
        .map_err(io_error("look at", path))?
        .is_file();
    if !is_file {
        return Err(FolderError::NotAFile {
            path: path.to_owned(),
        });
    }
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n_read = file.read(&mut buffer).map_err(io_error("read", path))?;
        if n_read == 0 {
            break;
        }
        hasher.update(&buffer[..n_read]);
    }
    Ok(hex(&hasher.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _infallible = write!(text, "{byte:02x}");
            text
        })
}

fn rename_new(from: &Path, to: &Path) -> Result<(), Errno> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some filesystems cannot promise not to replace; there the look beforehand must do.
        Err(Errno::INVAL | Errno::NOSYS) => {
            if fs::symlink_metadata(to).is_ok() {
                return Err(Errno::EXIST);
            }
            rustix::fs::rename(from, to)
        }
        result => result,
    }
}

fn copy_across(from: &Path, to: &Path) -> Result<(), FolderError> {
    let partial = partial_name(to);
    if fs::symlink_metadata(&partial).is_ok() {
        remove(&partial)?;
    }
    copy_tree(from, &partial)?;
    rename_new(&partial, to).map_err(|errno| io_error("move", &partial)(errno.into()))?;
    sync_parent(to);
    remove(from)
}

/// Copies the file or folder `from` to `to`, which must not exist: synced, and compared with its
/// source. Links are copied as links.
pub fn copy_tree(from: &Path, to: &Path) -> Result<(), FolderError> {
    let kind = fs::symlink_metadata(from)
        .map_err(io_error("look at", from))?
        .file_type();
    if kind.is_dir() {
        fs::create_dir(to).map_err(io_error("create the folder", to))?;
        for entry in fs::read_dir(from).map_err(io_error("list", from))? {
            let name = entry.map_err(io_error("list", from))?.file_name();
            copy_tree(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    if kind.is_symlink() {
        let target = fs::read_link(from).map_err(io_error("read the link", from))?;
        return std::os::unix::fs::symlink(target, to).map_err(io_error("write the link", to));
    }
    if !kind.is_file() {
        return Err(FolderError::Copy {
            path: from.to_owned(),
            why: "it is not an ordinary file",
        });
    }
    fs::copy(from, to).map_err(io_error("copy", from))?;
    File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(io_error("sync", to))?;
    if hash_file(from)? != hash_file(to)? {
        return Err(FolderError::Copy {
            path: from.to_owned(),
            why: "the copy differs",
        });
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), FolderError> {
    let is_folder = fs::symlink_metadata(path)
        .map_err(io_error("look at", path))?
        .file_type()
        .is_dir();
    let removed = if is_folder {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.map_err(io_error("remove", path))
}

/// Returns a hidden name beside `path`, short enough whatever the length of `path`'s own name.
fn partial_name(path: &Path) -> std::path::PathBuf {
    let name = path.file_name().unwrap_or_default();
    let mut partial = OsString::from(".");
    partial.push(crate::job::names::shorten(
        name,
        crate::job::names::NAME_MAX - 16,
    ));
    partial.push(".partial");
    path.with_file_name(partial)
}

/// Makes a rename in `path`'s folder last through a power cut, where the filesystem lets one.
fn sync_parent(path: &Path) {
    let synced = path
        .parent()
        .map(|parent| File::open(parent).and_then(|folder| folder.sync_all()));
    if let Some(Err(error)) = synced {
        tracing::debug!(%error, "folder not synced");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_never_replaces() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        assert!(matches!(
            move_path(&from, &to),
            Err(FolderError::Taken { .. })
        ));
        assert_eq!(fs::read(&to).unwrap(), b"old");
        fs::remove_file(&to).unwrap();
        move_path(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"new");
        assert!(!from.exists());
    }

    #[test]
    fn a_copy_takes_the_whole_tree_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("deep")).unwrap();
        fs::write(from.join("deep/content.jpg"), "bytes").unwrap();
        std::os::unix::fs::symlink("nowhere", from.join("link")).unwrap();
        copy_across(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("deep/content.jpg")).unwrap(), b"bytes");
        assert_eq!(
            fs::read_link(to.join("link")).unwrap(),
            Path::new("nowhere")
        );
        assert!(!from.exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_becomes_what_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "bytes").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        replace_link(&link).unwrap();
        assert!(!link.is_symlink());
        assert_eq!(fs::read(&link).unwrap(), b"bytes");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        let folder = dir.path().join("to-folder");
        std::os::unix::fs::symlink(".", &folder).unwrap();
        assert!(matches!(
            replace_link(&folder),
            Err(FolderError::NotAFile { .. })
        ));
        assert!(folder.is_symlink());
    }

    #[test]
    fn a_copied_file_leaves_its_original_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("style.png"), dir.path().join("copy.png"));
        fs::write(&from, "bytes").unwrap();
        copy_file(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), fs::read(&from).unwrap());
        fs::write(&from, "other").unwrap();
        assert!(matches!(
            copy_file(&from, &to),
            Err(FolderError::Taken { .. })
        ));
        assert_eq!(fs::read(&to).unwrap(), b"bytes");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&from, &link).unwrap();
        assert!(matches!(
            copy_file(&link, &dir.path().join("third")),
            Err(FolderError::Io { .. })
        ));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn hashing_refuses_what_is_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("abc");
        fs::write(&file, "abc").unwrap();
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash_file(&file).unwrap(), digest);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(matches!(hash_file(&link), Err(FolderError::Io { .. })));
        assert!(matches!(
            hash_file(dir.path()),
            Err(FolderError::NotAFile { .. })
        ));
    }

    #[test]
    fn atomic_writes_replace_and_leave_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n".repeat(255));
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
