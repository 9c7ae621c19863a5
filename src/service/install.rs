//! Unit files on disk: written, found, removed.
//!
//! Only files that this program wrote are ever replaced or removed. Nothing is started or enabled.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::folder::write_atomic;
use crate::service::ServiceError;
use crate::service::escape::unit_name;
use crate::service::unit::HEAD;
use crate::service::unit::STUDIO;
use crate::service::unit::Unit;

/// Where units lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The user's, if it is known.
    pub user: Option<PathBuf>,
    /// The machine's.
    pub system: PathBuf,
}

impl Places {
    /// Returns where units lie; the user's are in `systemd/user` below the user's folder of settings
    /// (`$XDG_CONFIG_HOME`, else `$HOME/.config`).
    pub fn new(config_home: Option<&Path>) -> Self {
        Self {
            user: config_home.map(|folder| folder.join("systemd/user")),
            system: PathBuf::from("/etc/systemd/system"),
        }
    }
}

/// A unit that lies somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its file.
    pub path: PathBuf,
    /// Its studio, as the file shows it.
    pub studio: String,
    /// Whether it was there before with the same text.
    pub was_there: bool,
}

/// Writes the unit into `folder`, which is made if it is missing.
pub fn install(unit: &Unit, folder: &Path) -> Result<Installed, ServiceError> {
    let text = unit.text()?;
    let path = folder.join(unit.name());
    let before = read_ours(&path)?;
    let was_there = before.as_deref() == Some(text.as_str());
    if !was_there {
        fs::create_dir_all(folder).map_err(io_error("create the folder", folder))?;
        write_atomic(&path, text.as_bytes()).map_err(ServiceError::NotWritten)?;
    }
    Ok(Installed {
        path,
        studio: studio_in(&text),
        was_there,
    })
}

/// Removes the unit of the studio from `folder`; returns its file, or `None` if there was none.
pub fn uninstall(studio: &Path, folder: &Path) -> Result<Option<PathBuf>, ServiceError> {
    let path = folder.join(unit_name(studio));
    if read_ours(&path)?.is_none() {
        return Ok(None);
    }
    fs::remove_file(&path).map_err(io_error("remove", &path))?;
    Ok(Some(path))
}

/// Returns the units in `folder` that this program wrote, in the order of their names; those whose
/// files cannot be read are left out.
pub fn find(folder: &Path) -> Vec<Installed> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("pentimento-") && name.ends_with(".service")
    });
    paths.sort();
    paths
        .into_iter()
        .filter_map(|path| {
            let text = read_ours(&path).ok()??;
            Some(Installed {
                path,
                studio: studio_in(&text),
                was_there: true,
            })
        })
        .collect()
}

fn studio_in(text: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(STUDIO));
    line.unwrap_or_default().to_owned()
}

/// Returns the text of the unit at `path` if it is ours, `None` if nothing is there.
fn read_ours(path: &Path) -> Result<Option<String>, ServiceError> {
    match fs::read_to_string(path) {
        Ok(text) if text.starts_with(HEAD) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Ok(_) => Err(ServiceError::Foreign {
            path: path.to_owned(),
        }),
        Err(source) => Err(io_error("read", path)(source)),
    }
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ServiceError {
    move |source| ServiceError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::unit::Scope;

    fn unit(studio: &str) -> Unit {
        Unit {
            program: PathBuf::from("/opt/pentimento"),
            studio: PathBuf::from(studio),
            scope: Scope::User,
        }
    }

    #[test]
    fn a_unit_is_written_once_found_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("systemd/user");
        let first = install(&unit("/srv/art"), &folder).unwrap();
        assert!(!first.was_there && first.studio == "/srv/art");
        assert!(install(&unit("/srv/art"), &folder).unwrap().was_there);
        let other = install(&unit("/srv/other"), &folder).unwrap();
        let found: Vec<PathBuf> = find(&folder).into_iter().map(|u| u.path).collect();
        assert_eq!(found, [first.path.clone(), other.path]);
        let removed = uninstall(Path::new("/srv/art"), &folder).unwrap();
        assert_eq!(removed, Some(first.path));
        assert_eq!(uninstall(Path::new("/srv/art"), &folder).unwrap(), None);
        assert_eq!(find(&folder).len(), 1);
        assert_eq!(find(&dir.path().join("absent")), []);
    }

    #[test]
    fn a_file_of_somebody_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(unit("/srv/art").name());
        fs::write(&path, "[Unit]\n").unwrap();
        let refusals = [
            install(&unit("/srv/art"), dir.path()).map(|_| ()),
            uninstall(Path::new("/srv/art"), dir.path()).map(|_| ()),
        ];
        for refused in refusals {
            assert!(matches!(refused, Err(ServiceError::Foreign { .. })));
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "[Unit]\n");
        assert_eq!(find(dir.path()), []);
    }
}
