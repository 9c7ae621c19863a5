//! Removing what was installed, and nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{ModelsError, at};
use super::install::{Target, check_name};
use super::lockfile::LockFile;
use super::{Folders, list};
use crate::network::catalogue;

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Files that are gone.
    pub files: Vec<PathBuf>,
    /// The file of weights that stays because these networks use it too.
    pub shared: Option<(PathBuf, Vec<String>)>,
}

/// Removes a network that was pulled or imported, from the nearest folder that has it.
pub fn remove(name: &str, folders: &Folders) -> Result<Removed, ModelsError> {
    check_name(name)?;
    if name == catalogue::BUILTIN {
        return Err(ModelsError::Inside {
            name: name.to_owned(),
            doing: "remove",
        });
    }
    for folder in &folders.look {
        if !LockFile::read(folder)?.network.contains_key(name) {
            continue;
        }
        let target = Target::open(folder, &mut || {})?;
        let mut lock = LockFile::read(folder)?;
        let Some(record) = lock.network.remove(name) else {
            continue;
        };
        let others: Vec<String> = lock
            .network
            .iter()
            .filter(|(_, other)| other.file == record.file)
            .map(|(name, _)| name.clone())
            .collect();
        let weights = folder.join(&record.file);
        let mut gone = Vec::new();
        if others.is_empty() {
            gone.push(weights.clone());
        }
        if record.manifest {
            gone.push(folder.join(format!("{name}.toml")));
        }
        gone.retain(|path| path.exists());
        for path in &gone {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(at("remove", path)(error));
                }
                _ => {}
            }
        }
        lock.save(target.folder())?;
        return Ok(Removed {
            files: gone,
            shared: (!others.is_empty()).then_some((weights, others)),
        });
    }
    let file = list::entry(name, &folders.look)?.file().map(Path::to_owned);
    Err(ModelsError::NotOurs {
        name: name.to_owned(),
        file,
    })
}
