//! What a task names, read: pictures and networks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::recipe::InputHash;
use super::{Event, Flow, Task, TransferError};
use crate::network::{self, Coverage, Network};
use crate::pixels::{self, DecodeOptions, Picture};
use crate::profile::{Init, NetworkRef};

/// The pictures of a task, read.
pub(crate) struct Inputs {
    /// The content picture; where there is none, the first style in its place, for its shape.
    pub(super) content: Picture,
    pub(super) styles: Vec<Picture>,
    /// The picture that each stage with `init = FILE` starts from.
    pub(super) inits: BTreeMap<String, Picture>,
    /// SHA-256 of each file: role, base name, digest.
    pub(super) hashes: Vec<InputHash>,
}

impl Inputs {
    /// Returns the bytes that the pictures hold while the run lasts.
    pub(super) fn bytes(&self) -> u64 {
        let pictures = [&self.content].into_iter();
        let pictures = pictures.chain(&self.styles).chain(self.inits.values());
        let pixels =
            pictures.map(|picture| picture.width() * picture.height() * 3 * size_of::<f32>());
        pixels
            .map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX))
            .sum()
    }

    pub(super) fn read(
        task: &Task,
        on_event: &mut dyn FnMut(Event) -> Flow,
    ) -> Result<Self, TransferError> {
        if task.content.is_none() && task.profile.needs_content() {
            return Err(TransferError::NoContent);
        }
        if task.styles.is_empty() && task.profile.needs_style() {
            return Err(TransferError::NoStyle);
        }
        let mut hashes = Vec::new();
        let mut open = |role: &str, path: &PathBuf| -> Result<Picture, TransferError> {
            let options = DecodeOptions {
                max_pixels: task
                    .profile
                    .max_pixels
                    .unwrap_or(u64::MAX)
                    .min(task.max_pixels),
                matte: task.profile.matte.0.map(f32::from),
                follow_symlinks: task.follow_symlinks,
            };
            let opened = pixels::open(path, &options)?;
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            for note in &opened.notes {
                on_event(Event::Note(format!("{}: {note}", name.escape_debug())));
            }
            hashes.push(InputHash {
                role: role.to_owned(),
                name,
                sha256: opened.sha256,
            });
            Ok(opened.picture)
        };
        let content = match &task.content {
            Some(path) => Some(open("content", path)?),
            None => None,
        };
        let styles = task
            .styles
            .iter()
            .map(|path| open("style", path))
            .collect::<Result<Vec<_>, _>>()?;
        let content = content
            .or_else(|| styles.first().cloned())
            .ok_or(TransferError::NoContent)?;
        let mut inits = BTreeMap::new();
        for stage in task.profile.stages() {
            if let Init::File(file) = &stage.init
                && !inits.contains_key(file)
            {
                let path = task.roots.locate("init", file)?;
                inits.insert(file.clone(), open("init", &path)?);
            }
        }
        Ok(Self {
            content,
            styles,
            inits,
            hashes,
        })
    }
}

/// Reads each network that the stages name, once.
pub(super) fn networks(task: &Task) -> Result<BTreeMap<NetworkRef, Network>, TransferError> {
    let mut networks = BTreeMap::new();
    for stage in task.profile.stages() {
        if networks.contains_key(&stage.network) {
            continue;
        }
        let name = match &stage.network {
            NetworkRef::Named(name) => name.clone(),
            NetworkRef::File(file) => task
                .roots
                .locate("network", file)?
                .to_string_lossy()
                .into_owned(),
        };
        let mut network = network::find(&name, &task.network_dirs)?;
        if task.profile.compat.is_some() {
            // The original tools leave unseen what the network does not see.
            network.set_coverage(Coverage::Exact);
        }
        networks.insert(stage.network.clone(), network);
    }
    Ok(networks)
}

/// Refuses, before any work, what a later stage would trip over. The task that it returns calls
/// layers by their own names, which are those in the table of losses.
pub(super) fn checked(
    task: &Task,
    networks: &BTreeMap<NetworkRef, Network>,
) -> Result<Task, TransferError> {
    let mut task = task.clone();
    task.profile
        .rename_layers(|network, layers| networks[network].layer_names(layers))?;
    task.profile.check_styles(task.styles.len())?;
    Ok(task)
}
