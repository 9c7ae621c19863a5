//! The commands that are asked of the daemon, as typed.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;

use crate::cli::args::key_value;

/// What to ask of the daemon.
#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum JobsCommand {
    /// Watch the studio in the foreground, for other programs to start and stop
    Daemon,
    /// End the daemon; running jobs write a checkpoint and go on at the next start
    Stop(StopArgs),
    /// Say how things stand
    Status(JsonArgs),
    /// List jobs, newest first
    List(ListArgs),
    /// Show a job, and its picture in the terminal
    Show(ShowArgs),
    /// Print what a job's worker said
    Logs(JobArgs),
    /// Let jobs wait; a running one writes a checkpoint and gives its device back
    Pause(JobsArgs),
    /// Let jobs go on, exactly from where they were
    Resume(JobsArgs),
    /// End jobs without a result; what was dropped and the last picture stay, in failed/
    Cancel(JobsArgs),
    /// Try failed or cancelled jobs again
    Retry(JobsArgs),
    /// Give a waiting job another place in the queue
    #[command(alias = "reorder")]
    Move(MoveArgs),
    /// Mark a snapshot as a good one
    Star(StarArgs),
    /// Change options of a job: any before it has begun, weights and the like while it is painted
    Edit(EditArgs),
    /// Paint a job anew as a new job, perhaps with other options
    Rerun(RerunArgs),
    /// Wait until jobs are over: status 0 if all are done, 3 if one is not
    Wait(WaitArgs),
    /// Drop pictures into watch/ as a bundle
    Add(AddArgs),
    /// Say why a file or folder lies where it lies
    Explain(ExplainArgs),
    /// Have a bundle painted although an unfinished job is the same
    RunDuplicate(PathArgs),
    /// Look into watch/ now
    Scan,
    /// Print numbers in the text format of Prometheus
    Metrics,
}

/// A command that only reads.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct JsonArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// How to end the daemon.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct StopArgs {
    /// End running jobs at once; what they did since their last checkpoint is done again
    #[arg(long)]
    pub now: bool,
    /// Do not wait until it has ended
    #[arg(long)]
    pub no_wait: bool,
}

/// Which jobs to list.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only jobs whose name contains this, or with this number
    pub text: Option<String>,
    /// Only jobs in these states (queued, blocked, running, paused, retrying, done, failed,
    /// cancelled)
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    pub state: Vec<String>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub limit: usize,
    /// Only jobs with a lower number
    #[arg(long, value_name = "N")]
    pub before: Option<u32>,
    /// The bundles in watch/ instead
    #[arg(long)]
    pub bundles: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// One job.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct JobArgs {
    /// Its number or name
    pub job: String,
}

/// Jobs.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct JobsArgs {
    /// Their numbers or names
    #[arg(required = true, value_name = "JOB")]
    pub jobs: Vec<String>,
    /// Print JSON, a line a job
    #[arg(long)]
    pub json: bool,
}

/// Which job to show, and how.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ShowArgs {
    /// Its number or name
    pub job: String,
    /// Leave the picture out
    #[arg(long)]
    pub no_picture: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Where to move which job.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct MoveArgs {
    /// Its number or name
    pub job: String,
    /// Where to
    #[command(flatten)]
    pub to: MoveTo,
}

/// Where in the queue.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct MoveTo {
    /// Before all others
    #[arg(long)]
    pub first: bool,
    /// After all others
    #[arg(long)]
    pub last: bool,
    /// Right before another job
    #[arg(long, value_name = "JOB")]
    pub before: Option<String>,
    /// Right after another job
    #[arg(long, value_name = "JOB")]
    pub after: Option<String>,
}

/// Which snapshot to mark.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct StarArgs {
    /// The job's number or name
    pub job: String,
    /// The snapshot's file name
    pub snapshot: String,
    /// Take the mark away
    #[arg(long)]
    pub remove: bool,
}

/// What to change.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct EditArgs {
    /// The job's number or name
    pub job: String,
    /// The options, as in `style_weight=500`
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// The stage whose options they are, from 1 [default: the one at hand]
    #[arg(long, value_name = "N")]
    pub stage: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What to paint anew, and how else.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct RerunArgs {
    /// The job's number or name
    pub job: String,
    /// Options that differ, as in `style_weight=500`
    #[arg(value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What to wait for.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct WaitArgs {
    /// Their numbers or names
    #[arg(required = true, value_name = "JOB")]
    pub jobs: Vec<String>,
    /// Give up after so many seconds, with status 1
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<f64>,
}

/// What to explain.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ExplainArgs {
    /// The file or folder
    pub path: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A path.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PathArgs {
    /// The bundle, or one of its files
    pub path: PathBuf,
}

/// What to add.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct AddArgs {
    /// The picture to re-paint
    pub content: PathBuf,
    /// The pictures whose manner is taken
    pub style: Vec<PathBuf>,
    /// A profile: a TOML file, or the name of one in profiles/
    #[arg(short, long)]
    pub profile: Option<PathBuf>,
    /// Set an option of the profile, as in `--set style_weight=500`
    #[arg(long, value_name = "KEY=VALUE", num_args = 1.., value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// The bundle's name [default: that of the content]
    #[arg(long)]
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
