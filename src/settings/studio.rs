//! A studio: the folder with a `pentimento.toml`, and the folders that belong to it.
//!
//! Finding and making one. What lies in the folders is other modules' business.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{Settings, SettingsError, Surroundings};

/// The file that makes a folder a studio.
pub(super) const FILE: &str = "pentimento.toml";
const TEMPLATE: &str = include_str!("template.toml");

/// The folders of a studio, all absolute. They need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Studio {
    /// The folder with the `pentimento.toml`.
    pub root: PathBuf,
    /// Where people drop bundles; at least one, and none inside another.
    pub watch: Vec<PathBuf>,
    /// For each of them the name of the profile of bundles that have none, if it has its own.
    pub watch_profiles: Vec<Option<String>>,
    /// Where claimed bundles lie while they are painted.
    pub active: PathBuf,
    /// Where finished jobs go.
    pub done: PathBuf,
    /// Where failed and cancelled jobs go.
    pub failed: PathBuf,
    /// Named profiles.
    pub profiles: PathBuf,
    /// Networks.
    pub models: PathBuf,
    /// The program's own state.
    pub state: PathBuf,
}

impl Studio {
    /// Returns the studio's settings file.
    pub fn settings_file(&self) -> PathBuf {
        self.root.join(FILE)
    }

    /// Creates the folders that are missing and returns those.
    pub fn create_folders(&self) -> Result<Vec<PathBuf>, SettingsError> {
        let mut created = Vec::new();
        let own = self.outputs().map(|(_, path)| path);
        for folder in self
            .watch
            .iter()
            .chain(own)
            .chain([&self.profiles, &self.models])
        {
            if !folder.is_dir() {
                fs::create_dir_all(folder).map_err(|source| not_created(folder, source))?;
                created.push(folder.clone());
            }
        }
        Ok(created)
    }

    fn outputs(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        [
            ("active", &self.active),
            ("done", &self.done),
            ("failed", &self.failed),
            ("state_dir", &self.state),
        ]
        .into_iter()
    }

    /// Checks that nothing the program writes lands where it looks for drops, and that no drop is
    /// seen twice. Links are followed as far as the folders exist.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        for (number, watch) in self.watch.iter().enumerate() {
            let watched = real(watch);
            for (key, output) in self.outputs() {
                if real(output).starts_with(&watched) {
                    let (output, watch) = (output.clone(), watch.clone());
                    return Err(SettingsError::OutputInWatch { key, output, watch });
                }
            }
            for (other_number, other) in self.watch.iter().enumerate() {
                if other_number != number && real(other).starts_with(&watched) {
                    let (inner, outer) = (other.clone(), watch.clone());
                    return Err(SettingsError::WatchInWatch { inner, outer });
                }
            }
        }
        Ok(())
    }
}

/// Returns the root of the studio: `named` (`--studio DIR`) if given, else the nearest folder from
/// the current one upwards that is one.
pub fn find_studio(named: Option<&Path>, around: &Surroundings) -> Result<PathBuf, SettingsError> {
    if let Some(named) = named {
        let folder = around.cwd.join(named);
        if folder.join(FILE).is_file() {
            return Ok(resolved(folder));
        }
        return Err(SettingsError::NotAStudio { folder });
    }
    let mut folders = around.cwd.ancestors();
    let found = folders.find(|folder| folder.join(FILE).is_file());
    found
        .map(Path::to_owned)
        .ok_or_else(|| SettingsError::NoStudio {
            from: around.cwd.clone(),
        })
}

/// What `init` found and made.
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    /// The settings of the studio that is now there.
    pub settings: Settings,
    /// Files and folders that were not there before.
    pub created: Vec<PathBuf>,
}

/// Makes `folder` a studio: a `pentimento.toml` with every setting as a comment, and the folders.
///
/// What is already there is left as it is; a `pentimento.toml` that is there is obeyed.
pub fn init(folder: &Path, around: &Surroundings) -> Result<Created, SettingsError> {
    let root = around.cwd.join(folder);
    fs::create_dir_all(&root).map_err(|source| not_created(&root, source))?;
    let root = resolved(root);
    let file = root.join(FILE);
    let mut created = Vec::new();
    match OpenOptions::new().write(true).create_new(true).open(&file) {
        Ok(mut opened) => {
            opened
                .write_all(TEMPLATE.as_bytes())
                .map_err(|source| not_created(&file, source))?;
            created.push(file);
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(source) => return Err(not_created(&file, source)),
    }
    let settings = Settings::load(Some(&root), around)?;
    if let Some(studio) = &settings.studio {
        created.extend(studio.create_folders()?);
    }
    Ok(Created { settings, created })
}

/// Returns an existing folder without `..`, which after a link means another folder to the system
/// than by its spelling.
fn resolved(folder: PathBuf) -> PathBuf {
    folder.canonicalize().unwrap_or(folder)
}

fn not_created(path: &Path, source: io::Error) -> SettingsError {
    SettingsError::NotCreated {
        path: path.to_owned(),
        source,
    }
}

/// Returns `path` with the links in its existing part followed.
fn real(path: &Path) -> PathBuf {
    let existing = path
        .ancestors()
        .find_map(|part| Some((part, part.canonicalize().ok()?)));
    let Some((part, real)) = existing else {
        return path.to_owned();
    };
    match path.strip_prefix(part) {
        Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
        _ => real,
    }
}
