//! Making a network of a person's own file.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::error::{ModelsError, at};
use super::install::{Origin, Target, check_name};
use super::{Check, Event, Folders};
use crate::download::{Flow, sums};
use crate::network::import::{self, ImportOptions};
use crate::network::{self, Input, Manifest, catalogue};

/// How a file is to be made a network.
#[derive(Debug, Clone, Default)]
pub struct Conversion {
    /// What is known about the file; its name is that of the network.
    pub options: ImportOptions,
    /// What the network wants as input, where a person says so.
    pub input: Option<Input>,
}

/// Makes a network of the file at `path` and puts it in place. Returns where it is.
///
/// The manifest of that name is used if there is one (so a file that was fetched by hand becomes the
/// network of the catalogue); else one is written, with what the file and the person say.
pub fn import(
    path: &Path,
    conversion: &Conversion,
    folders: &Folders,
    on_event: &mut dyn FnMut(Event<'_>) -> Flow,
) -> Result<PathBuf, ModelsError> {
    let name = conversion.options.name.as_str();
    check_name(name)?;
    if name == catalogue::BUILTIN {
        return Err(ModelsError::Inside {
            name: name.to_owned(),
            doing: "import",
        });
    }
    let known = network::manifest(name, std::slice::from_ref(&folders.install))?;
    let places = std::slice::from_ref(&folders.install);
    if let Some(manifest) = &known {
        if let Some(file) = network::weights(manifest, places) {
            return Err(ModelsError::Taken {
                name: name.to_owned(),
                file,
            });
        }
        if conversion.input.is_some() {
            return Err(ModelsError::InputStated {
                name: name.to_owned(),
                manifest: folders.install.join(format!("{name}.toml")),
            });
        }
    }
    let target = Target::open(&folders.install, &mut || {
        on_event(Event::Waiting);
    })?;
    on_event(Event::Converting);
    let source = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let imported =
        import::read(path, &conversion.options).map_err(|error| ModelsError::Convert {
            from: source.clone(),
            source: Box::new(error),
        })?;
    for note in &imported.notes {
        on_event(Event::Note(note));
    }
    let manifest = known.unwrap_or_else(|| Manifest {
        name: name.to_owned(),
        title: format!("imported from {source}"),
        file: format!("{name}.onnx"),
        input: conversion
            .input
            .clone()
            .or_else(|| imported.input.clone())
            .unwrap_or_default(),
        ..Manifest::default()
    });
    let text = toml::to_string(&manifest).expect("a manifest of plain values can be written");
    Manifest::parse(&text).map_err(|error| ModelsError::Manifest {
        name: name.to_owned(),
        source: Box::new(error),
    })?;
    let source_sha256 = File::open(path)
        .and_then(sums)
        .map_err(at("read", path))?
        .sha256;
    let origin = Origin {
        source,
        source_sha256,
        check: Check::Own,
    };
    target.install(&imported, &manifest, &text, origin)
}
