//! Whether what is installed is what was installed, and can be used.

use std::fs::File;
use std::path::PathBuf;

use super::error::{ModelsError, at};
use super::list::{State, entry};
use crate::download::sums;
use crate::network;

/// What was found about an installed network.
#[derive(Debug)]
pub struct Verdict {
    /// Name of the network.
    pub name: String,
    /// The file, where it is not inside the program.
    pub file: Option<PathBuf>,
    /// Whether a checksum was compared, or none is known.
    pub compared: bool,
    /// Number of its layers.
    pub layers: usize,
    /// What is wrong with it.
    pub problem: Option<Problem>,
}

/// What is wrong with an installed network.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file was changed since.
    #[error(
        "its file has SHA-256 {found}, but {installed} was installed: fetch it again with `pentimento models pull {name} --again`"
    )]
    Changed {
        /// Name of the network.
        name: String,
        /// What was installed.
        installed: String,
        /// What is there.
        found: String,
    },
    /// It cannot be used.
    #[error(transparent)]
    Unusable(#[from] network::NetworkError),
    /// Its presets name layers that it has not.
    #[error("its manifest's presets do not fit it")]
    Presets(#[source] network::UnknownLayer),
}

/// Looks at an installed network; `None` where it is not installed.
pub fn verify(name: &str, folders: &[PathBuf]) -> Result<Option<Verdict>, ModelsError> {
    let entry = entry(name, folders)?;
    let file = match &entry.state {
        State::NotInstalled => return Ok(None),
        State::Inside => None,
        State::Installed { file, .. } => Some(file.clone()),
    };
    let mut verdict = Verdict {
        name: name.to_owned(),
        file,
        compared: !entry.manifest.sha256.is_empty(),
        layers: 0,
        problem: None,
    };
    if let (Some(file), Some(record)) = (&verdict.file, &entry.record) {
        verdict.compared = true;
        let found = File::open(file).and_then(sums).map_err(at("read", file))?;
        if found.sha256 != record.sha256 {
            verdict.problem = Some(Problem::Changed {
                name: name.to_owned(),
                installed: record.sha256.clone(),
                found: found.sha256,
            });
            return Ok(Some(verdict));
        }
    }
    match network::find(name, folders) {
        Ok(network) => {
            verdict.layers = network.layers().len();
            verdict.problem = preset_layers(&entry.manifest.preset)
                .find_map(|layer| network.layer(layer).err())
                .map(Problem::Presets);
        }
        Err(error) => verdict.problem = Some(Problem::Unusable(error)),
    }
    Ok(Some(verdict))
}

fn preset_layers(preset: &toml::Table) -> impl Iterator<Item = &str> {
    ["content_layers", "style_layers"]
        .into_iter()
        .filter_map(|key| preset.get(key)?.as_array())
        .flatten()
        .filter_map(toml::Value::as_str)
}
