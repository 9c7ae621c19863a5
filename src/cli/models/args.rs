//! The command line of `pentimento models` as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::models::export::ExportArgs;
use crate::cli::models::see::SeeArgs;

/// What to do with networks.
#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum ModelsCommand {
    /// List the networks that are known, and which are installed
    List(ListArgs),
    /// Show everything about a network: input, presets, layers, where it is from
    Show(ShowArgs),
    /// Fetch networks and install them
    Pull(PullArgs),
    /// Check that installed networks are as they were installed, and can be used
    Verify(VerifyArgs),
    /// Make a network of a file: .caffemodel, .pth, .safetensors, .onnx
    Import(ImportArgs),
    /// Write a network, or its losses and gradient, as an ONNX model for other programs
    Export(ExportArgs),
    /// Show what a layer sees in a picture
    See(SeeArgs),
    /// Remove a network that was pulled or imported
    Remove(RemoveArgs),
}

/// How the list is given.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ListArgs {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Which network is shown.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ShowArgs {
    /// Its name, or the path of a file
    pub name: String,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Which networks are fetched.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PullArgs {
    /// Their names
    #[arg(required = true)]
    pub names: Vec<String>,
    /// Fetch what is installed already, too
    #[arg(long)]
    pub again: bool,
}

/// Which networks are checked.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// Its name [default: all that are installed]
    pub name: Option<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Which network is removed.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct RemoveArgs {
    /// Its name
    pub name: String,
}

/// Of what a network is made, and what it wants as input.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ImportArgs {
    /// The file
    pub file: PathBuf,
    /// The network's name [default: the file's]
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    /// Caffe's description of the layers, instead of the file's own
    #[arg(long, value_name = "FILE")]
    pub prototxt: Option<PathBuf>,
    /// The layers, where the file holds bare tensors: a TOML file, or the name of a known list
    #[arg(long, value_name = "FILE|NAME")]
    pub layers: Option<PathBuf>,
    /// Keep the layers that tell classes apart
    #[arg(long)]
    pub classifier: bool,
    /// Order of the colour channels that the network was trained with
    #[arg(long, value_enum, ignore_case = true)]
    pub order: Option<ChannelOrder>,
    /// Largest value of a channel, 255 or 1
    #[arg(long, value_name = "NUMBER")]
    pub range: Option<f32>,
    /// Mean of each channel, in that order and range
    #[arg(long, value_name = "A,B,C", value_parser = three, allow_hyphen_values = true)]
    pub mean: Option<[f32; 3]>,
    /// Divisor of each channel, in that order
    #[arg(long, value_name = "A,B,C", value_parser = three)]
    pub std: Option<[f32; 3]>,
    /// Shortest side that the network can work with, in pixels
    #[arg(long, value_name = "PIXELS")]
    pub minimum_size: Option<usize>,
}

/// Order of colour channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ChannelOrder {
    /// Red first
    Rgb,
    /// Blue first, as in Caffe
    Bgr,
}

fn three(text: &str) -> Result<[f32; 3], String> {
    let wrong = "expected three numbers, such as 104,117,123";
    let numbers: Result<Vec<f32>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    numbers
        .ok()
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| wrong.to_owned())
}
