//! The command line as typed: clap's types, without any work done on them.

use std::path::PathBuf;

use clap::Args;
use clap::Parser;
use clap::Subcommand;

use crate::cli::jobs::JobsCommand;
use crate::cli::models::ModelsCommand;
use crate::cli::prune::PruneArgs;
use crate::cli::service::ServiceCommand;
use crate::logging;

/// Paints pictures in the manner of others. Drop a picture and a style into watch/ and leave.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    max_term_width = 100,
    args_conflicts_with_subcommands = false
)]
#[command(after_help = crate::cli::status::HELP)]
pub(super) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
    /// Options of watching, which is what is done without a command.
    #[command(flatten)]
    pub watch: WatchArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(super) struct Common {
    /// The studio [default: the nearest folder upwards with a pentimento.toml]
    #[arg(long, global = true, value_name = "DIR")]
    pub studio: Option<PathBuf>,
    /// The ONNX Runtime library to load [default: found or installed]
    #[arg(long, global = true, value_name = "PATH", env = "ORT_DYLIB_PATH")]
    pub ort_lib: Option<PathBuf>,
    /// Say less
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub quiet: u8,
    /// Say more; may be repeated
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How the program's own log is written
    #[arg(long, global = true, value_name = "FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
}

/// How the program's own log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For the journal where it reads, else as lines
    Auto,
    /// As lines
    Text,
    /// As JSON, one object a line
    Json,
}

impl From<LogFormat> for logging::Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Auto => Self::Auto,
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

/// Options of watching.
#[derive(Debug, Clone, Args)]
pub(super) struct WatchArgs {
    /// End when nothing is left to do: status 0 if every job is done, 3 if one failed, 1 if
    /// watch/ cannot be read. A picture that is cut off when it has settled is rejected and not
    /// waited for
    #[arg(long)]
    pub until_idle: bool,
    /// Follow a script instead of painting (for tests)
    #[arg(long, value_name = "FILE", hide = true)]
    pub rehearse: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What is asked of the daemon.
    #[command(flatten)]
    Jobs(JobsCommand),
    /// Paint one picture, here and now
    Paint(PaintArgs),
    /// Make a studio
    Init(InitArgs),
    /// Train a network on your own pictures
    Train(TrainArgs),
    /// Check what pentimento needs, and say what to do where something is missing
    Doctor,
    /// Show every setting, its value, and where that comes from
    Settings(SettingsArgs),
    /// Paint without anybody logged in: write, remove or show the studio's systemd unit
    Service {
        /// What to do with it.
        #[command(subcommand)]
        command: ServiceCommand,
    },
    /// Remove snapshots by the rules of the settings; never a result
    Prune(PruneArgs),
    /// Show which files and folders are in force, and why
    Paths {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print what a shell needs to complete command lines
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    Man {
        /// The folder that they are written to
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Manage networks: what there is, fetch one, make one of a file, look inside
    Models {
        /// What to do with them.
        #[command(subcommand)]
        command: ModelsCommand,
    },
    /// Manage the ONNX Runtime library
    Runtime {
        /// What to do with it.
        #[command(subcommand)]
        command: RuntimeCommand,
    },
    /// Paint one job for the watching process
    #[command(hide = true)]
    Worker(WorkerArgs),
    /// Read what was dropped for the watching process
    #[command(hide = true)]
    Probe(ProbeArgs),
}

/// How settings are shown.
#[derive(Debug, Clone, Args)]
pub(super) struct SettingsArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What to paint, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct PaintArgs {
    /// The picture to re-paint
    pub content: PathBuf,
    /// The pictures whose manner is taken; a folder stands for all pictures in it. Left out with a
    /// profile that needs one picture only (content-only, style-only)
    pub style: Vec<PathBuf>,
    /// A profile: a TOML file, or the name of one in profiles/
    #[arg(short, long)]
    pub profile: Option<PathBuf>,
    /// Set an option of the profile, as in `--set style_weight=500`
    #[arg(long, value_name = "KEY=VALUE", num_args = 1.., value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Where the picture goes [default: beside the content]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the losses of every iteration to a CSV file
    #[arg(long, value_name = "FILE")]
    pub losses: Option<PathBuf>,
    /// auto, cpu, cuda or cuda:N
    #[arg(long)]
    pub device: Option<String>,
    /// Threads to compute with
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
}

/// What is trained, on what, and for how long.
#[derive(Debug, Clone, Args)]
pub(super) struct TrainArgs {
    /// Folders of pictures, folders of classes, or `procedural:COUNT` for drawings by the program
    ///
    /// In a folder with sub-folders, each sub-folder is a class; in one without, each picture is.
    #[arg(required = true, value_name = "DATA")]
    pub data: Vec<PathBuf>,
    /// Name of the network, as a profile will say it
    #[arg(short, long, value_name = "NAME")]
    pub output: String,
    /// The layers: small (as in the built-in network) or vgg-thin
    #[arg(long, default_value = "small", value_name = "NAME")]
    pub preset: String,
    /// The layers, from a TOML file
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    pub layers: Option<PathBuf>,
    /// Steps to make [default: 6000, or as many as before with --resume]
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Make as many steps as fit into this time
    #[arg(long, value_name = "M", conflicts_with = "steps")]
    pub minutes: Option<f64>,
    /// Crops in a step
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub batch: usize,
    /// Side of a crop in pixels
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub crop: usize,
    /// Scales at which the finished network looks at a picture, each half as large as the one before
    ///
    /// It is trained at one; the others share its weights and see larger structures. Their layers are
    /// called `half.relu1_1`, `quarter.relu1_1` and so on.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub scales: u8,
    /// Seed of everything that is drawn
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// Highest learning rate
    #[arg(long, default_value_t = 2e-3, value_name = "RATE")]
    pub lr: f64,
    /// Go on from the last checkpoint
    #[arg(long)]
    pub resume: bool,
    /// Replace a network of that name, and a training that was begun
    #[arg(long, conflicts_with = "resume")]
    pub force: bool,
    /// auto, cpu, cuda or cuda:N
    #[arg(long)]
    pub device: Option<String>,
    /// Threads to compute with
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
}

/// What the new studio is like.
#[derive(Debug, Clone, Args)]
pub(super) struct InitArgs {
    /// Its folder
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Leave watch/ empty
    #[arg(long)]
    pub no_sample: bool,
}

/// What to do with the ONNX Runtime library.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum RuntimeCommand {
    /// Install it for this user
    Install {
        /// The variant for NVIDIA cards
        #[arg(long)]
        cuda: bool,
    },
}

/// How the worker works.
#[derive(Debug, Clone, Args)]
pub(super) struct WorkerArgs {
    /// Follow a script instead of painting (for tests)
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
}

/// How the probe probes.
#[derive(Debug, Clone, Args)]
pub(super) struct ProbeArgs {
    /// Follow a script where it reads (for tests)
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
}

pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("expected KEY=VALUE, such as style_weight=500")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn paint_takes_styles_and_settings() {
        let words = "pentimento paint a.jpg s1.jpg s2.jpg --set a=1 b=2=3 -o out.png -p soft.toml";
        let cli = Cli::try_parse_from(words.split(' ')).unwrap();
        let Some(Command::Paint(paint)) = cli.command else {
            panic!("not paint")
        };
        assert_eq!(paint.style.len(), 2);
        let set: Vec<_> = paint
            .set
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(set, [("a", "1"), ("b", "2=3")]);
        assert!(Cli::try_parse_from("pentimento paint a s --set oops".split(' ')).is_err());
        assert!(Cli::try_parse_from("pentimento paint".split(' ')).is_err());
    }
}
