//! Settings: what holds for a studio or a user rather than for one painting.
//!
//! The only user of the `config` crate, which lays the layers over each other: defaults, the
//! user's file, the studio's `pentimento.toml`, `PENTIMENTO_…` variables, flags. Each layer is
//! checked by itself first (`layers`), so that a complaint names its line. The environment comes
//! in as a value; nothing here looks at the process.

mod budget;
mod error;
mod layers;
mod listed;
mod reload;
mod studio;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Config, File, FileFormat};
use serde::Deserialize;

use crate::profile::{ProfileFolders, Roots, plain};

pub use budget::Budget;
pub use error::SettingsError;
pub use listed::{Setting, listed};
pub use reload::{Reloaded, reload};
pub use studio::{Created, Studio, find_studio, init};

/// What the settings depend on beside files: handed in, so that a test can make it up.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The current folder, absolute: paths in variables and flags are relative to it.
    pub cwd: PathBuf,
    /// The environment variables.
    pub vars: BTreeMap<String, String>,
    /// Settings given as flags: key as in the files, value as in a variable.
    pub flags: BTreeMap<String, String>,
}

impl Surroundings {
    /// Returns the folder of the user's own settings, if it is known: `$XDG_CONFIG_HOME/pentimento`
    /// or `~/.config/pentimento`.
    pub fn config_dir(&self) -> Option<PathBuf> {
        self.xdg("XDG_CONFIG_HOME", ".config")
    }

    /// Returns the folder of the user's data, if it is known: `$XDG_DATA_HOME/pentimento` or
    /// `~/.local/share/pentimento`.
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.xdg("XDG_DATA_HOME", ".local/share")
    }

    fn xdg(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        // The XDG specification has relative paths ignored.
        let set = self
            .vars
            .get(variable)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let base = set.or_else(|| Some(self.home()?.join(below_home)))?;
        Some(base.join("pentimento"))
    }

    fn home(&self) -> Option<PathBuf> {
        self.vars
            .get("HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    }
}

/// All settings, with every path absolute.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The studio, unless the program runs outside one.
    pub studio: Option<Studio>,
    /// How long a bundle must be quiet before it is taken, up to an hour.
    pub settle: Duration,
    /// The ONNX Runtime library to load.
    pub ort_lib: Option<PathBuf>,
    /// Where downloaded libraries and networks shared between studios lie.
    pub data_dir: PathBuf,
    /// The name of the profile of bundles that have none.
    pub default_profile: Option<String>,
    /// The most pixels an input may have, 256–10⁹.
    pub max_pixels: u64,
    /// Whether symbolic links to files dropped into a watched folder are followed.
    pub allow_symlinks: bool,
    /// The most memory a painting may be forecast to take, in bytes; `None` is what is free.
    pub memory_limit: Option<u64>,
    /// The most that all snapshots together may take; `None` is no limit.
    pub snapshots_budget: Option<Budget>,
    /// After how many days the snapshots of a finished job are thinned, 1–36 500; `None` is never.
    pub keep_days: Option<u32>,
    /// Folders with networks beside the studio's own, as configured.
    pub model_dirs: Vec<PathBuf>,
    /// Folders that a dropped profile may name files in, beside those it always may.
    pub profile_roots: Vec<PathBuf>,
    user_profiles: Option<PathBuf>,
}

/// The settings as `config` hands them back; paths may be relative to the studio.
#[derive(Debug, Deserialize)]
struct Merged {
    watch: Vec<MergedWatch>,
    active: PathBuf,
    done: PathBuf,
    failed: PathBuf,
    profiles: PathBuf,
    models: PathBuf,
    state_dir: PathBuf,
    settle_seconds: f64,
    ort_lib: Option<PathBuf>,
    data_dir: Option<PathBuf>,
    default_profile: Option<String>,
    max_pixels: u64,
    allow_symlinks: bool,
    memory_limit: Option<u64>,
    snapshots_budget: Option<String>,
    keep_days: Option<u32>,
    model_dirs: Vec<PathBuf>,
    profile_roots: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct MergedWatch {
    path: PathBuf,
    profile: Option<String>,
}

impl Settings {
    /// Reads the settings of the studio at `root`, or those that hold outside any studio.
    ///
    /// Looks at no folder but the user's settings and the studio; creates nothing.
    pub fn load(root: Option<&Path>, around: &Surroundings) -> Result<Self, SettingsError> {
        let mut builder = defaults()?;
        for layer in layers::read(root, around)? {
            // The layer was checked, so what `config` reads is what is meant.
            builder =
                builder.add_source(File::from_str(&layer.table.to_string(), FileFormat::Toml));
        }
        let merged: Merged = builder.build()?.try_deserialize()?;
        Self::place(merged, root, around)
    }

    /// Makes the paths absolute and checks what must hold between them.
    fn place(
        merged: Merged,
        root: Option<&Path>,
        around: &Surroundings,
    ) -> Result<Self, SettingsError> {
        let base = plain(&around.cwd.join(root.unwrap_or(Path::new(""))));
        let at = |path: &PathBuf| plain(&base.join(path));
        let all = |paths: &[PathBuf]| paths.iter().map(at).collect::<Vec<_>>();
        let studio = root.map(|_root| Studio {
            root: base.clone(),
            watch: merged.watch.iter().map(|watch| at(&watch.path)).collect(),
            watch_profiles: merged.watch.iter().map(|w| w.profile.clone()).collect(),
            active: at(&merged.active),
            done: at(&merged.done),
            failed: at(&merged.failed),
            profiles: at(&merged.profiles),
            models: at(&merged.models),
            state: at(&merged.state_dir),
        });
        if let Some(studio) = &studio {
            studio.check()?;
        }
        let of_user = || around.data_dir();
        let in_studio = || studio.as_ref().map(|studio| studio.state.join("data"));
        let data_dir = merged
            .data_dir
            .as_ref()
            .map(at)
            .or_else(of_user)
            .or_else(in_studio);
        Ok(Self {
            settle: Duration::from_secs_f64(merged.settle_seconds),
            ort_lib: merged.ort_lib.as_ref().map(at),
            data_dir: data_dir.ok_or(SettingsError::NoDataDir)?,
            default_profile: merged.default_profile,
            max_pixels: merged.max_pixels,
            allow_symlinks: merged.allow_symlinks,
            memory_limit: merged.memory_limit,
            // The layer was checked, so it can be read.
            snapshots_budget: merged.snapshots_budget.as_deref().and_then(Budget::parse),
            keep_days: merged.keep_days,
            model_dirs: all(&merged.model_dirs),
            profile_roots: all(&merged.profile_roots),
            user_profiles: around.config_dir().map(|folder| folder.join("profiles")),
            studio,
        })
    }

    /// Returns the folders in which networks are looked for, nearest first: the studio's,
    /// `model_dirs`, those shared between studios.
    pub fn model_folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<_> = self
            .studio
            .iter()
            .map(|studio| studio.models.clone())
            .collect();
        folders.extend(self.model_dirs.iter().cloned());
        folders.push(self.data_dir.join("models"));
        folders
    }

    /// Returns the folders in which profiles have names, nearest first: the studio's, the user's.
    pub fn profile_folders(&self) -> ProfileFolders {
        let studio = self.studio.iter().map(|studio| studio.profiles.clone());
        ProfileFolders::new(studio.chain(self.user_profiles.clone()).collect())
    }

    /// Returns the name of the profile that the settings give to the bundles of the watch folder in
    /// which `place` lies, if they name one.
    pub fn watch_profile(&self, place: &Path) -> Option<&str> {
        let studio = self.studio.as_ref()?;
        let mut watches = studio.watch.iter().zip(&studio.watch_profiles);
        let (_, profile) = watches.find(|(watch, _)| place.starts_with(watch))?;
        profile.as_deref()
    }

    /// Returns where the paths in a profile dropped into the folder `bundle` may lead.
    pub fn roots(&self, bundle: &Path) -> Roots {
        let mut allowed = vec![bundle.to_owned()];
        allowed.extend(self.model_folders());
        allowed.extend(self.studio.iter().map(|studio| studio.profiles.clone()));
        let mut bases = allowed.clone();
        bases.extend(self.studio.iter().map(|studio| studio.root.clone()));
        allowed.extend(self.profile_roots.iter().cloned());
        Roots::within(bases, allowed)
    }
}

fn defaults() -> Result<config::ConfigBuilder<config::builder::DefaultState>, SettingsError> {
    let none: Vec<String> = Vec::new();
    let watch = std::collections::HashMap::from([("path".to_owned(), "watch".to_owned())]);
    Ok(Config::builder()
        .set_default("watch", vec![watch])?
        .set_default("active", "active")?
        .set_default("done", "done")?
        .set_default("failed", "failed")?
        .set_default("profiles", "profiles")?
        .set_default("models", "models")?
        .set_default("state_dir", ".pentimento")?
        .set_default("settle_seconds", 5.0)?
        .set_default("max_pixels", 120_000_000)?
        .set_default("allow_symlinks", false)?
        .set_default("model_dirs", none.clone())?
        .set_default("profile_roots", none)?)
}
