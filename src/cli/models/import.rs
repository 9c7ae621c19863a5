//! `pentimento models import FILE`: makes a network of a person's own file.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::args::Common;
use crate::cli::models::args::{ChannelOrder, ImportArgs};
use crate::cli::models::words;
use crate::cli::output;
use crate::download::Flow;
use crate::job::names::display_path;
use crate::models::{self, Conversion, Event, Folders};
use crate::network::import::ImportOptions;
use crate::network::layer_list::LayerList;
use crate::network::{Input, Order};

/// Makes the network and puts it in place.
pub(super) fn run(
    common: &Common,
    args: &ImportArgs,
    folders: &Folders,
) -> anyhow::Result<ExitCode> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => name_of(&args.file)?,
    };
    let layers = match &args.layers {
        Some(given) => Some(layer_list(given)?),
        None => None,
    };
    let conversion = Conversion {
        options: ImportOptions {
            name,
            prototxt: args.prototxt.clone(),
            layers,
            classifier: args.classifier,
        },
        input: input(args),
    };
    let quiet = common.quiet > 0;
    let file = models::import(&args.file, &conversion, folders, &mut |event| {
        let line = match event {
            Event::Waiting => "waiting for another pentimento that is installing".to_owned(),
            Event::Note(note) => words::shown(note),
            Event::Download(_) | Event::GaveUp(_) | Event::Unpacking | Event::Converting => {
                return Flow::Continue;
            }
        };
        if !quiet {
            output::note(&line);
        }
        Flow::Continue
    })?;
    let name = words::shown(&conversion.options.name);
    output::line(&format!(
        "network {name} is in {}; a profile uses it with `network = \"{name}\"`",
        display_path(&file)
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Returns a name for the network of a file: its own, with what a profile could not name left out.
fn name_of(file: &Path) -> anyhow::Result<String> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name: String = stem
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "_-".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    anyhow::ensure!(
        !name.is_empty(),
        "{} has no name to call the network by: give one with --as",
        display_path(file)
    );
    Ok(name)
}

/// Returns the list of layers that `--layers` means: a file, or a known one by its name.
fn layer_list(given: &Path) -> anyhow::Result<LayerList> {
    if !given.is_file()
        && let Some(list) = given.to_str().and_then(LayerList::known)
    {
        return Ok(list);
    }
    let shown = display_path(given);
    let text = std::fs::read_to_string(given).with_context(|| format!("read {shown}"))?;
    LayerList::parse(&text).with_context(|| format!("read the list of layers {shown}"))
}

/// Returns what the command line says about the input; `None` where it says nothing.
fn input(args: &ImportArgs) -> Option<Input> {
    let says_something = args.order.is_some()
        || args.range.is_some()
        || args.mean.is_some()
        || args.std.is_some()
        || args.minimum_size.is_some();
    let usual = Input::default();
    says_something.then(|| Input {
        order: args.order.map_or(usual.order, |order| match order {
            ChannelOrder::Rgb => Order::Rgb,
            ChannelOrder::Bgr => Order::Bgr,
        }),
        range: args.range.unwrap_or(usual.range),
        mean: args.mean.unwrap_or(usual.mean),
        std: args.std.unwrap_or(usual.std),
        minimum_size: args.minimum_size.unwrap_or(usual.minimum_size),
    })
}
