//! `models.lock`: what was installed into a folder, and what was fetched for the first time.
//!
//! A pin outlives the network that it was made for: a file whose checksum nobody publishes is
//! compared with what it was when it was first fetched, however often it is removed and fetched.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::error::{ModelsError, at};

/// Name of the file.
const NAME: &str = "models.lock";

/// The contents of a folder's lock file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LockFile {
    /// Published files by their address.
    pub pin: BTreeMap<String, Pin>,
    /// Installed networks by name.
    pub network: BTreeMap<String, Record>,
}

/// What a published file was when it was first fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

/// An installed network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Name of the file in the folder.
    pub file: String,
    /// SHA-256 of that file in hexadecimal.
    pub sha256: String,
    /// Where it came from: an address, or the name of a file.
    pub source: String,
    /// SHA-256 of what came from there.
    pub source_sha256: String,
    /// What that was checked against.
    pub check: Check,
    /// Whether the manifest in the folder was put there with it.
    pub manifest: bool,
}

/// What a file was checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The SHA-256 that its manifest states.
    Sha256,
    /// The MD5 that its manifest states.
    Md5,
    /// The first digits of the SHA-256, which its manifest states.
    Prefix,
    /// Nothing: it was fetched for the first time, and is remembered.
    FirstUse,
    /// What was remembered.
    Remembered,
    /// Nothing: it is a person's own file.
    Own,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "checked against the published SHA-256",
            Self::Md5 => "checked against the published MD5",
            Self::Prefix => "checked against the first digits of the SHA-256, in its file name",
            Self::FirstUse => {
                "no checksum is published: remembered as it was, to be compared from now on"
            }
            Self::Remembered => "no checksum is published: the same as when it was first fetched",
            Self::Own => "your own file",
        })
    }
}

impl LockFile {
    /// Reads the lock file of `folder`; an empty one where there is none.
    pub fn read(folder: &Path) -> Result<Self, ModelsError> {
        let path = folder.join(NAME);
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|source| ModelsError::LockFile {
                path,
                source: Box::new(source),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(at("read", &path)(source)),
        }
    }

    /// Writes the lock file of `folder`, in one piece.
    pub(super) fn save(&self, folder: &Path) -> Result<(), ModelsError> {
        let path = folder.join(NAME);
        let head = "# Written by `pentimento models`: what was installed here, and what published files were\n\
                    # when they were first fetched. Remove a [pin] to accept another file at its address.\n\n";
        let text = toml::to_string(self).expect("names and numbers can be written as TOML");
        replace(&path, format!("{head}{text}").as_bytes())
    }
}

/// Puts a file in place in one piece.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), ModelsError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = |source| at("write", path)(source);
    let mut file = tempfile::Builder::new()
        .prefix(super::install::STAGING)
        .tempfile_in(folder)
        .map_err(write)?;
    file.write_all(bytes).map_err(write)?;
    file.as_file().sync_all().map_err(write)?;
    file.persist(path).map_err(|error| write(error.error))?;
    readable(path)
}

/// Gives a file that was made for this process alone the rights of an ordinary file.
pub(super) fn readable(path: &Path) -> Result<(), ModelsError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).map_err(at("open up", path))
}

/// Returns the lock file of the folder that `file` lies in.
pub(super) fn beside(file: &Path) -> Result<(PathBuf, LockFile), ModelsError> {
    let folder = file.parent().unwrap_or(Path::new(".")).to_owned();
    let lock = LockFile::read(&folder)?;
    Ok((folder, lock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(LockFile::read(folder.path()).unwrap(), LockFile::default());
        let mut lock = LockFile::default();
        let pin = Pin {
            sha256: "ab".to_owned(),
            bytes: 7,
        };
        lock.pin.insert("https://a.example/x.pth".to_owned(), pin);
        let record = Record {
            file: "x.onnx".to_owned(),
            sha256: "cd".to_owned(),
            source: "https://a.example/x.pth".to_owned(),
            source_sha256: "ab".to_owned(),
            check: Check::FirstUse,
            manifest: true,
        };
        lock.network.insert("x".to_owned(), record);
        lock.save(folder.path()).unwrap();
        assert_eq!(LockFile::read(folder.path()).unwrap(), lock);
        fs::write(folder.path().join(NAME), "network = 3").unwrap();
        let said = LockFile::read(folder.path()).unwrap_err().to_string();
        assert!(said.contains(NAME), "{said}");
    }
}
