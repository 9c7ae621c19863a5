//! `pentimento models show NAME`: everything about one network.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::models::args::ShowArgs;
use crate::cli::models::words;
use crate::cli::output;
use crate::job::names::display_path;
use crate::models::{self, Entry, Folders, State};
use crate::network::{self, Coverage, LayerGeometry, Network, Source};

/// Prints what is known about the network.
pub(super) fn run(args: &ShowArgs, folders: &Folders) -> anyhow::Result<ExitCode> {
    let entry = models::entry(&args.name, &folders.look)?;
    let network = match entry.state {
        State::NotInstalled => None,
        State::Inside | State::Installed { .. } => Some(network::find(&args.name, &folders.look)?),
    };
    if args.json {
        output::line(&serde_json::to_string_pretty(&as_json(
            &entry,
            network.as_ref(),
        ))?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in about(&entry) {
        output::line(&line)?;
    }
    match &network {
        Some(network) => {
            for line in layers(network) {
                output::line(&line)?;
            }
        }
        None => output::line(&format!(
            "layers    are shown when it is installed: pentimento models pull {}",
            words::shown(&args.name)
        ))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn about(entry: &Entry) -> Vec<String> {
    let manifest = &entry.manifest;
    let mut lines = vec![format!(
        "{}: {}",
        words::shown(&manifest.name),
        words::shown(&manifest.title)
    )];
    let mut add = |key: &str, text: String| lines.push(format!("{key:<9} {text}"));
    add("state", words::state(&entry.state).to_owned());
    if let State::Installed { file, bytes } = &entry.state {
        add(
            "file",
            format!("{} ({})", display_path(file), words::size(*bytes)),
        );
    }
    if let Some(record) = &entry.record {
        add(
            "from",
            format!("{}, {}", words::shown(&record.source), record.check),
        );
        add("", format!("SHA-256 {}", record.source_sha256));
    }
    let place = entry.manifest_file.as_ref().map_or_else(
        || "inside the program".to_owned(),
        |path| display_path(path),
    );
    add("manifest", place);
    if !manifest.licence.is_empty() {
        add("licence", words::shown(&manifest.licence));
    }
    for paragraph in manifest.notes.lines() {
        add("notes", words::shown(paragraph));
    }
    add("input", words::input(&manifest.input));
    if manifest.input.minimum_size > 0 {
        add(
            "smallest",
            format!("{} pixels on the shorter side", manifest.input.minimum_size),
        );
    }
    if manifest.coverage == Coverage::Pad {
        add(
            "coverage",
            "continued at the right and bottom until the last pixel is seen".to_owned(),
        );
    }
    for (key, value) in &manifest.preset {
        add(
            "preset",
            format!(
                "{} = {}",
                words::shown(key),
                words::shown(&value.to_string())
            ),
        );
    }
    for source in &manifest.sources {
        for line in published(source) {
            add("source", line);
        }
    }
    lines
}

fn published(source: &Source) -> Vec<String> {
    let size = source
        .size
        .map_or_else(|| "size unknown".to_owned(), words::size);
    let member = match source.member.as_str() {
        "" => String::new(),
        member => format!(", of which {}", words::shown(member)),
    };
    let mut lines: Vec<String> = source.urls.iter().map(|url| words::shown(url)).collect();
    lines.push(format!("  {size}{member}; {}", words::checksum(source)));
    lines
}

/// Returns the table of layers: what each is, sees, and is called elsewhere.
fn layers(network: &Network) -> Vec<String> {
    let geometry = network.geometry();
    let others = aliases(network);
    let width = geometry
        .iter()
        .map(|layer| layer.name.chars().count())
        .max()
        .unwrap_or(0)
        .max(5);
    let number = |value: Option<usize>, none: &str| {
        value.map_or_else(|| none.to_owned(), |value| value.to_string())
    };
    let mut lines = vec![format!(
        "{:width$}  {:13}  {:>8}  {:>6}  {:>6}  {:>8}  aliases",
        "layer", "kind", "channels", "sees", "stride", "smallest"
    )];
    for layer in &geometry {
        let row = format!(
            "{:width$}  {:13}  {:>8}  {:>6}  {:>6}  {:>8}  {}",
            words::shown(&layer.name),
            words::kind(layer.kind),
            number(layer.channels, "?"),
            number(layer.receptive_field, "all"),
            number(layer.stride, "-"),
            number(network.smallest_side(&layer.name), "?"),
            others
                .get(&layer.name)
                .map_or_else(String::new, |names| names.join(" ")),
        );
        lines.push(row.trim_end().to_owned());
    }
    lines
}

/// Returns the aliases of each layer.
fn aliases(network: &Network) -> BTreeMap<String, Vec<String>> {
    let mut others: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (alias, name) in network.aliases() {
        others
            .entry(name.clone())
            .or_default()
            .push(words::shown(alias));
    }
    others
}

fn as_json(entry: &Entry, network: Option<&Network>) -> Value {
    let manifest = &entry.manifest;
    let others = network.map(aliases).unwrap_or_default();
    let layers = network.map(|network| {
        let row = |layer: &LayerGeometry| {
            json!({
                "name": layer.name,
                "kind": words::kind(layer.kind),
                "channels": layer.channels,
                "receptive_field": layer.receptive_field,
                "stride": layer.stride,
                "smallest_side": network.smallest_side(&layer.name),
                "aliases": others.get(&layer.name).cloned().unwrap_or_default(),
            })
        };
        network.geometry().iter().map(row).collect::<Vec<_>>()
    });
    json!({
        "name": manifest.name,
        "title": manifest.title,
        "state": words::state(&entry.state),
        "file": entry.file(),
        "manifest": entry.manifest_file,
        "licence": manifest.licence,
        "notes": manifest.notes,
        "input": manifest.input,
        "coverage": manifest.coverage,
        "preset": manifest.preset,
        "sources": manifest.sources,
        "installed": entry.record,
        "layers": layers,
    })
}
