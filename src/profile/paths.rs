//! Where the paths in a profile may lead.
//!
//! A profile that somebody dropped may come from anywhere, so what it names must lie in the folders
//! that were opened to it, symbolic links followed. Nothing outside them is even looked at. A
//! profile given on the command line is the caller's own and may name any file.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

use super::{
    Profile,
    error::ProfileError,
    values::{Init, NetworkRef},
};

/// The folders to which the paths of a profile are relative, and those in which they must end.
#[derive(Debug, Clone)]
pub struct Roots {
    bases: Vec<PathBuf>,
    /// `None` if a path may lead anywhere.
    allowed: Option<Vec<PathBuf>>,
}

impl Roots {
    /// Returns roots for a profile of the caller's own: relative to `base`, and any file allowed.
    pub fn any(base: &Path) -> Self {
        Self {
            bases: vec![base.to_owned()],
            allowed: None,
        }
    }

    /// Returns roots for a dropped profile: paths are looked for in `bases` in order, and must end
    /// within one of `allowed`.
    pub fn within(bases: Vec<PathBuf>, allowed: Vec<PathBuf>) -> Self {
        Self {
            bases,
            allowed: Some(allowed),
        }
    }

    /// Returns the file that `path`, the value of `key`, names, with symbolic links resolved.
    ///
    /// The file was a regular one within the allowed folders when it was looked at.
    pub fn locate(&self, key: &str, path: &str) -> Result<PathBuf, ProfileError> {
        let mut searched = Vec::new();
        for base in &self.bases {
            let candidate = plain(&base.join(path));
            if !self.allows(&candidate) {
                continue;
            }
            searched.push(base.clone());
            match candidate.canonicalize() {
                Ok(file) if !self.allows(&file) => return Err(self.refused(key, path)),
                Ok(file) => return regular(file, key, path),
                Err(error) if is_missing(&error) => {}
                Err(source) => return Err(unreadable(key, path, source)),
            }
        }
        if searched.is_empty() {
            return Err(self.refused(key, path));
        }
        Err(ProfileError::NoSuchFile {
            key: key.to_owned(),
            path: path.to_owned(),
            searched,
        })
    }

    fn allows(&self, path: &Path) -> bool {
        let Some(allowed) = &self.allowed else {
            return true;
        };
        allowed.iter().any(|folder| {
            path.starts_with(plain(folder))
                || folder
                    .canonicalize()
                    .is_ok_and(|folder| path.starts_with(folder))
        })
    }

    fn refused(&self, key: &str, path: &str) -> ProfileError {
        ProfileError::OutsideRoots {
            key: key.to_owned(),
            path: path.to_owned(),
            allowed: self.allowed.clone().unwrap_or_default(),
        }
    }
}

impl Profile {
    /// Checks that every file that the profile names exists where `roots` allows it.
    ///
    /// The profile keeps the paths as written, since a bundle moves between this check and the
    /// painting; `Roots::locate` finds them again in its new place.
    pub fn check_paths(&self, roots: &Roots) -> Result<(), ProfileError> {
        for (number, stage) in self.stages.iter().enumerate() {
            let key = |name: &str| match self.stages.len() {
                1 => name.to_owned(),
                _ => format!("stages.{number}.{name}"),
            };
            if let NetworkRef::File(path) = &stage.network {
                roots.locate(&key("network"), path)?;
            }
            if let Init::File(path) = &stage.init {
                roots.locate(&key("init"), path)?;
            }
        }
        Ok(())
    }

    /// Returns the profile with the last part alone of every absolute path in it: what may be told
    /// to others, since the folders above say something about a machine and its owner.
    #[must_use]
    pub fn without_absolute_paths(&self) -> Self {
        let mut profile = self.clone();
        for stage in &mut profile.stages {
            if let NetworkRef::File(path) = &mut stage.network {
                keep_last_part(path);
            }
            if let Init::File(path) = &mut stage.init {
                keep_last_part(path);
            }
        }
        profile
    }
}

fn keep_last_part(path: &mut String) {
    let named = Path::new(path.as_str());
    if let (true, Some(last)) = (named.is_absolute(), named.file_name()) {
        *path = last.to_string_lossy().into_owned();
    }
}

/// Returns `path` with `.` and `..` worked out by their spelling alone.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if result.file_name().is_some() => {
                result.pop();
            }
            // Above the root is the root.
            Component::ParentDir if result.has_root() => {}
            Component::Prefix(_)
            | Component::RootDir
            | Component::ParentDir
            | Component::Normal(_) => result.push(part),
        }
    }
    result
}

fn regular(file: PathBuf, key: &str, path: &str) -> Result<PathBuf, ProfileError> {
    let metadata = file
        .metadata()
        .map_err(|source| unreadable(key, path, source))?;
    if metadata.is_file() {
        return Ok(file);
    }
    Err(ProfileError::NotAFile {
        key: key.to_owned(),
        path: path.to_owned(),
    })
}

fn unreadable(key: &str, path: &str, source: io::Error) -> ProfileError {
    ProfileError::UnreadablePath {
        key: key.to_owned(),
        path: path.to_owned(),
        source,
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
