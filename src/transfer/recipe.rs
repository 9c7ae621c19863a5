//! The recipe that is embedded in every PNG: what made the picture.

use std::collections::BTreeMap;

use serde::Serialize;

use super::edits::Entry;
use super::{Inputs, Task};
use crate::network::Network;
use crate::profile::{EmbedParams, NetworkRef};

/// Keyword of the iTXt entry that holds the recipe, a JSON object.
pub const RECIPE_KEY: &str = "pentimento";

/// One input file: role, base name (never a path) and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct InputHash {
    pub(super) role: String,
    pub(super) name: String,
    pub(super) sha256: String,
}

/// What is the same for all pictures of a run.
pub(super) struct Recipe {
    embed: EmbedParams,
    profile: String,
    seed: u32,
    inputs: Vec<InputHash>,
    networks: BTreeMap<String, String>,
    edits: Vec<Entry>,
}

/// The JSON object.
#[derive(Serialize)]
struct Embedded<'a> {
    /// Version of this object.
    schema: u32,
    /// Version of the program.
    pentimento: &'static str,
    /// The resolved profile, TOML, without absolute paths.
    profile: &'a str,
    seed: u32,
    stage: usize,
    iteration: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs: Option<&'a [InputHash]>,
    /// SHA-256 of each network's file, by the profile's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    networks: Option<&'a BTreeMap<String, String>>,
    /// What was changed while it was painted, in the order in which it came to hold.
    #[serde(skip_serializing_if = "<[Entry]>::is_empty")]
    edits: &'a [Entry],
}

impl Recipe {
    pub(super) fn new(
        task: &Task,
        inputs: &Inputs,
        networks: &BTreeMap<NetworkRef, Network>,
    ) -> Self {
        let networks = networks.iter().map(|(name, network)| {
            let name = match name {
                NetworkRef::Named(name) => name.clone(),
                // A path may tell of the machine; its last part does not.
                NetworkRef::File(path) => path.rsplit('/').next().unwrap_or_default().to_owned(),
            };
            (name, network.sha256().to_owned())
        });
        Self {
            embed: task.profile.embed_params,
            profile: task.profile.without_absolute_paths().to_toml(),
            seed: task.profile.seed.unwrap_or(task.seed),
            inputs: inputs.hashes.clone(),
            networks: networks.collect(),
            edits: Vec::new(),
        }
    }

    /// Takes note of an edit that holds from here on.
    pub(super) fn edited(&mut self, entry: Entry) {
        self.edits.push(entry);
    }

    /// Returns the entries to embed in the picture at `stage` and `iteration`.
    pub(super) fn texts(&self, stage: usize, iteration: usize) -> Vec<(String, String)> {
        let full = match self.embed {
            EmbedParams::Off => return Vec::new(),
            EmbedParams::Minimal => false,
            EmbedParams::Full => true,
        };
        let embedded = Embedded {
            schema: 1,
            pentimento: env!("CARGO_PKG_VERSION"),
            profile: &self.profile,
            seed: self.seed,
            stage,
            iteration,
            inputs: full.then_some(&self.inputs),
            networks: full.then_some(&self.networks),
            edits: &self.edits,
        };
        let text = serde_json::to_string(&embedded).expect("the recipe has only text and numbers");
        vec![(RECIPE_KEY.to_owned(), text)]
    }
}
