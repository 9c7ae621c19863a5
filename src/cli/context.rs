//! What every command starts from: the settings, and the studio if there is one.

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::cli::args::Common;
use crate::folder::Studio;
use crate::runtime::{Device, Request};
use crate::settings::{self, Settings, SettingsError, Surroundings};

/// Settings and studio of a command.
pub(super) struct Context {
    /// What the settings say.
    pub(super) settings: Settings,
}

impl Context {
    /// Reads the settings of the studio that the command line names or the current folder lies in;
    /// outside a studio, those of the user.
    pub(super) fn anywhere(common: &Common) -> anyhow::Result<Self> {
        let around = surroundings(common)?;
        let root = match settings::find_studio(common.studio.as_deref(), &around) {
            Ok(root) => Some(root),
            Err(SettingsError::NoStudio { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            settings: Settings::load(root.as_deref(), &around)?,
        })
    }

    /// Reads the settings of the studio, which must be there.
    pub(super) fn in_studio(common: &Common) -> anyhow::Result<(Self, Studio)> {
        let around = surroundings(common)?;
        let root = settings::find_studio(common.studio.as_deref(), &around)?;
        let settings = Settings::load(Some(&root), &around)?;
        let studio = settings
            .studio
            .as_ref()
            .context("settings of a studio name the studio")?;
        let studio = watched(studio);
        Ok((Self { settings }, studio))
    }

    /// Returns what is asked of the ONNX Runtime library: the command line, then the settings.
    pub(super) fn request(&self, common: &Common, device: Device) -> Request {
        Request {
            ort_lib: common.ort_lib.clone(),
            settings: self.settings.ort_lib.clone(),
            device,
        }
    }
}

/// Returns what the settings depend on beside files.
pub(super) fn surroundings(common: &Common) -> anyhow::Result<Surroundings> {
    let vars = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    let mut flags = BTreeMap::new();
    if let Some(path) = common.ort_lib.as_ref().and_then(|path| path.to_str()) {
        flags.insert("ort_lib".to_owned(), path.to_owned());
    }
    Ok(Surroundings {
        cwd: std::env::current_dir().context("find the current folder")?,
        vars: vars.collect(),
        flags,
    })
}

/// Returns the studio's folders as the watching process uses them.
pub(super) fn watched(studio: &settings::Studio) -> Studio {
    let mut watches = studio.watch.iter().cloned();
    Studio {
        root: studio.root.clone(),
        // The settings hold that there is one.
        watch: watches.next().unwrap_or_else(|| studio.root.join("watch")),
        more_watches: watches.collect(),
        active: studio.active.clone(),
        done: studio.done.clone(),
        failed: studio.failed.clone(),
        state: studio.state.clone(),
    }
}
